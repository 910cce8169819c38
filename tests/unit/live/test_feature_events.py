from __future__ import annotations

import pytest

from ostinato import features
from ostinato.core.errors import StoreError
from ostinato.features.plan import make_plan
from ostinato.live import feature_events
from ostinato.live.events import Answered, EventsGiven, LabelsGiven, OutcomesGiven, Tick
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.schema import Field, InputSchema, SourceSpec

LANDINGS = features.Events("landings", time="landed")
POSTED = features.mean(LANDINGS, "delay", by={"origin": "airport"}, window="1h", name="recent")
LATE = features.mean(features.labels(), "label", by="carrier", window="1d", name="late")
ASKED = features.count(features.requests(), by="carrier", window="1h", name="asked")
SPENT = features.sum(features.outcomes("revenue"), "value", by={"who": "unit"}, window="1d")

HORIZON = 1_000


def schema_of(*, unit="who", **changes):
    plain = {
        "loop": "flights",
        "task": "binary",
        "fields": (
            Field("distance", "number"),
            Field("recent", "number", computed=True),
            Field("origin", "text"),
            Field("carrier", "text"),
            Field("who", "text"),
        ),
        "features": 2,
        "unit": unit,
        "slices": (),
        "classes": ("no", "yes"),
        "first_offset": 0,
        "start_ns": 0,
        "sources": (
            SourceSpec(
                name="landings",
                time="landed",
                columns=(Field("airport", "text"), Field("delay", "number")),
                renamed={"airfield": "airport"},
            ),
        ),
    }
    return InputSchema(**{**plain, **changes})


def feed_of(*declared, **changes):
    return FeatureFeed(schema_of(**changes), make_plan(declared), horizon_ns=HORIZON)


def answered(*asked):
    """Requests (id, time, carrier, who) as answered."""
    ids, times = [each[0] for each in asked], [each[1] for each in asked]
    rows = [(1.0, None, "JFK", carrier, who) for _, _, carrier, who in asked]
    return Answered(0, ["v1"], ids, times, rows, [0] * len(ids), [0] * len(ids), {})


def labels(*given):
    ids, times, values = zip(*given, strict=True)
    return LabelsGiven(list(ids), list(times), list(values))


def told(feed):
    """What batches hold, and empty the feed."""
    return {
        batch.source: [
            (time, known, *row)
            for time, known, row in zip(
                batch.times_ns.tolist(), batch.known_ns.tolist(), batch.frame.rows(), strict=True
            )
        ]
        for batch in feed.batches()
    }


def test_posted_events_of_several_entries_are_one_batch_in_order():
    feed = feed_of(POSTED)
    feed.take(EventsGiven("landings", [None], [5], [9], {"airport": ["JFK"], "delay": [3.0]}))
    feed.take(
        EventsGiven(
            "landings", [1, 2], [3, 4], [9, 9], {"airfield": ["LGA"] * 2, "delay": [1, None]}
        )
    )

    assert told(feed) == {"landings": [(5, 9, "JFK", 3.0), (3, 9, "LGA", 1.0), (4, 9, "LGA", None)]}
    assert told(feed) == {}
    assert (feed.known_ns, feed.newest_ns, feed.taken) == (
        {"landings": 9},
        {"landings": 5},
        {"landings": 3},
    )


def test_a_column_that_was_not_posted_then_is_missing():
    feed = feed_of(POSTED)
    feed.take(EventsGiven("landings", [None], [5], [9], {"delay": [3.0]}))

    assert told(feed) == {"landings": [(5, 9, None, 3.0)]}


def test_events_that_no_feature_needs_are_passed_over():
    feed = feed_of(POSTED)
    feed.take(EventsGiven("takeoffs", [None], [5], [9], {"delay": [3.0]}))
    feed.take(answered((1, 5, "AA", "u")))
    feed.take(labels((1, 6, "yes")))
    feed.take(OutcomesGiven([1], [None], ["revenue"], [7], [2.0]))
    feed.take(Tick(0, 8))

    assert told(feed) == {}
    assert not feed.needs_answers


def test_a_label_is_an_event_with_the_columns_of_its_request():
    feed = feed_of(LATE)
    feed.take(answered((1, 5, "AA", "u"), ("1", 6, "UA", "v")))
    feed.take(labels(("1", 20, "yes"), (1, 30, "no")))

    assert told(feed) == {"labels": [(20, 20, "UA", 1.0), (30, 30, "AA", 0.0)]}


def test_the_first_label_counts_and_neither_revisions_nor_withdrawals():
    feed = feed_of(LATE)
    feed.take(answered((1, 5, "AA", "u")))
    feed.take(labels((1, 20, None), (1, 21, "yes"), (1, 22, "no"), (1, 23, None)))
    feed.take(labels((1, 24, "no")))

    assert told(feed) == {"labels": [(21, 21, "AA", 1.0)]}


def test_a_label_is_not_known_before_the_service_was_told_of_it():
    feed = feed_of(LATE)
    feed.take(answered((1, 5, "AA", "N1")))
    feed.take(LabelsGiven([1], [7], ["yes"], given_ns=90))

    assert told(feed)["labels"] == [(7, 90, "AA", 1.0)]


def test_a_label_that_is_told_before_its_request_waits_for_it():
    feed = feed_of(LATE)
    feed.take(labels((1, 3, "yes"), (1, 4, "no")))
    assert told(feed) == {}

    feed.take(answered((1, 5, "AA", "u")))

    assert told(feed) == {"labels": [(5, 5, "AA", 1.0)]}, "and is not before its request"


def test_labels_of_ids_that_were_never_asked_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(feature_events, "HELD", 10)
    feed = feed_of(LATE)
    for number in range(100):
        feed.take(labels((number, 1, "yes")))
    feed.take(answered((1, 5, "AA", "u"), (99, 6, "UA", "u")))

    assert told(feed) == {"labels": [(6, 6, "UA", 1.0)]}
    assert len(feed.snapshot()) < 1_000


def test_predictions_without_a_label_are_forgotten_after_their_horizons():
    feed = feed_of(LATE)
    for number in range(100):
        feed.take(answered((number, number * HORIZON, "AA", "u")))

    size = len(feed.snapshot())
    for number in range(100, 200):
        feed.take(answered((number, number * HORIZON, "AA", "u")))
    feed.take(labels((100, 200 * HORIZON, "yes"), (199, 200 * HORIZON, "yes")))

    assert told(feed) == {"labels": [(200 * HORIZON, 200 * HORIZON, "AA", 1.0)]}
    assert len(feed.snapshot()) < size + 100


def test_the_target_of_a_regression_is_the_label_itself():
    feed = feed_of(LATE, classes=(), task="regression")
    feed.take(answered((1, 5, "AA", "u"), (2, 5, "AA", "u")))
    feed.take(labels((1, 20, 2.5), (2, 20, "text")))

    assert told(feed) == {"labels": [(20, 20, "AA", 2.5)]}


def test_requests_are_events_with_their_columns():
    feed = feed_of(ASKED, LATE)
    feed.take(answered((1, 5, "AA", "u"), (2, 6, None, "u")))

    assert told(feed) == {"requests": [(5, 5, "AA"), (6, 6, None)]}


def test_outcomes_are_of_units_or_of_the_units_of_predictions():
    feed = feed_of(SPENT)
    early = OutcomesGiven([2, 2], [None] * 2, ["revenue"] * 2, [3, 4], [1.0, 2.0])
    feed.take(early)
    feed.take(answered((1, 5, "AA", "ann"), (2, 6, "AA", "bob")))
    feed.take(
        OutcomesGiven(
            [None, 1, 1, None, None],
            ["eve", None, None, "eve", 7],
            ["revenue", "revenue", "revenue", "watched", "revenue"],
            [7, 8, 9, 10, 11],
            [0.5, 1.5, 2.5, 3.5, 4.5],
        )
    )

    assert told(feed) == {
        "outcomes_revenue": [
            (3, 3, "bob", 1.0),
            (4, 4, "bob", 2.0),
            (7, 7, "eve", 0.5),
            (8, 8, "ann", 1.5),
            (9, 9, "ann", 2.5),
            (11, 11, None, 4.5),
        ]
    }


def test_without_a_unit_column_a_prediction_is_its_own_unit():
    feed = feed_of(SPENT, unit=None)
    feed.take(OutcomesGiven(["a"], [None], ["revenue"], [8], [1.5]))

    assert told(feed) == {"outcomes_revenue": [(8, 8, "a", 1.5)]}
    assert not feed.needs_answers


def test_a_feed_goes_on_where_a_snapshot_was_taken():
    events = [
        labels((9, 3, "yes")),
        OutcomesGiven([2], [None], ["revenue"], [3], [1.0]),
        answered((1, 5, "AA", "ann"), ("1", 6, "UA", "bob")),
        EventsGiven("landings", [None], [5], [9], {"airport": ["JFK"], "delay": [3.0]}),
        labels((1, 20, "yes")),
        answered((2, 25, "BB", "cat"), (9, 26, "CC", "dan")),
        labels(("1", 30, "no"), (1, 31, "no"), (2, 32, "yes")),
        OutcomesGiven(["1"], [None], ["revenue"], [33], [1.0]),
    ]
    declared = (POSTED, LATE, ASKED, SPENT)
    for cut in range(len(events)):
        whole, before, after = feed_of(*declared), feed_of(*declared), feed_of(*declared)
        for event in events:
            whole.take(event)
        for event in events[:cut]:
            before.take(event)
        first = told(before)
        after.restore(before.snapshot())
        for event in events[cut:]:
            after.take(event)
        second = told(after)

        joined = {name: first.get(name, []) + second.get(name, []) for name in {**first, **second}}
        assert joined == told(whole)
        assert after.snapshot() == whole.snapshot()


def test_a_damaged_snapshot_is_refused():
    with pytest.raises(StoreError, match="open predictions"):
        feed_of(LATE).restore(b"\x93damaged")
