"""The online store against plain Python: every aggregate, every request, to the last bit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError, DataError
from ostinato.features.online import OnlineStore, few
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch

SECOND = 1_000_000_000


def carry_out(plan, steps, oracle, events_of):
    """Carry a stream out, and return (what the store said, what the oracle says)."""
    store = OnlineStore(plan)
    events, said, right = [], [], []
    for what, given in steps:
        if what == "events":
            store.ingest(given)
            events += events_of(given, own=given.source == "labels")
        else:
            row, time = given
            said += store.lookup([row], [time])
            right.append(oracle(plan, events, row, time))
    return said, right


def batch(times, known=None, source="landings", **columns):
    times = np.array(times, dtype=np.int64)
    known = times if known is None else np.array(known, dtype=np.int64)
    columns.setdefault("carrier", ["AA"] * len(times))
    return EventBatch(source=source, times_ns=times, known_ns=known, frame=pl.DataFrame(columns))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("start", [0, -(10**12), 1_700_000_000 * SECOND])
def test_every_aggregate_is_what_its_definition_says(
    every_kind, stream, oracle, events_of, seed, start
):
    said, right = carry_out(every_kind, stream(seed, start=start), oracle, events_of)

    assert said == right
    assert said


@pytest.mark.parametrize("seed", range(20, 25))
def test_events_of_tables_and_few_events_are_taken_in_alike(
    every_kind, stream, oracle, events_of, seed, monkeypatch
):
    monkeypatch.setattr(few, "FEW", -1)

    said, right = carry_out(every_kind, stream(seed), oracle, events_of)

    assert said == right


@pytest.mark.parametrize("seed", range(30, 35))
def test_requests_in_one_call_are_answered_as_one_by_one(every_kind, stream, seed):
    steps = stream(seed, steps=40)
    events = [given for what, given in steps if what == "events"]
    rows = [given for what, given in steps if what == "request"]
    together, alone = OnlineStore(every_kind), OnlineStore(every_kind)
    for each in events:  # all are there at once, and wait
        together.ingest(each)
        alone.ingest(each)

    said = together.lookup([row for row, _ in rows], [time for _, time in rows])

    assert said == [alone.lookup([row], [time])[0] for row, time in rows]
    assert together.pending == alone.pending
    assert together.snapshot() == alone.snapshot()


def test_batches_of_events_may_be_cut_anywhere(every_kind, stream):
    whole, cut = OnlineStore(every_kind), OnlineStore(every_kind)
    for what, given in stream(7):
        if what == "request":
            assert whole.lookup([given[0]], [given[1]]) == cut.lookup([given[0]], [given[1]])
            continue
        whole.ingest(given)
        for row in range(len(given)):
            one = slice(row, row + 1)
            cut.ingest(
                EventBatch(
                    source=given.source,
                    times_ns=given.times_ns[one],
                    known_ns=given.known_ns[one],
                    frame=given.frame[one],
                )
            )


def test_events_wait_until_they_are_available(landings):
    store = OnlineStore(make_plan([features.count(landings, by="carrier", window="10s")]))

    store.ingest(batch([5, 30], known=[20, 10]))

    assert store.pending == 2
    said = store.lookup([("AA",)] * 4, [19, 20, 29, 30])
    assert said == [(0.0,), (1.0,), (1.0,), (2.0,)]
    assert store.pending == 0


def test_no_request_sees_events_of_the_loop_of_its_very_moment():
    store = OnlineStore(make_plan([features.count(features.requests(), by="carrier", window="9s")]))

    store.ingest(batch([5], source="requests"))

    assert store.lookup([("AA",)], [5]) == [(0.0,)]
    assert store.lookup([("AA",)], [6]) == [(1.0,)]


def test_the_newest_value_is_the_one_that_became_known_last_of_those_of_one_moment(landings):
    plan = make_plan([features.last(landings, "delay", by="carrier", window="10s")])
    store = OnlineStore(plan, now_ns=100)

    # Told out of order: the second became known before the first.
    store.ingest(batch([5], known=[80], delay=[1.0]))
    store.ingest(batch([5], known=[70], delay=[2.0]))
    assert store.lookup([("AA",)], [100]) == [(1.0,)]
    store.ingest(batch([5, 4], known=[80, 90], delay=[3.0, 4.0]))

    assert store.lookup([("AA",)], [100]) == [(3.0,)]


def test_events_too_late_for_every_window_are_dropped_and_counted(landings):
    store = OnlineStore(
        make_plan([features.count(landings, by="carrier", window="10s")]), now_ns=100 * SECOND
    )

    store.ingest(batch([89 * SECOND, 90 * SECOND], known=[0, 0]))

    assert store.dropped == 1
    assert store.lookup([("AA",)], [100 * SECOND]) == [(1.0,)]


def test_a_request_without_a_key_has_defaults_alone(landings):
    store = OnlineStore(
        make_plan(
            [
                features.count(landings, by="carrier", window="10s", name="plain"),
                features.count(landings, by="carrier", window="10s", default=-1.0),
            ]
        )
    )

    assert store.lookup([(None,), ("AA",)], [1, 1]) == [(None, -1.0), (0.0, 0.0)]


def test_numbers_and_truth_values_are_different_keys(landings):
    store = OnlineStore(
        make_plan([features.count(landings, by="carrier", window="10s")]), now_ns=10
    )

    store.ingest(batch([1], carrier=[1]))

    assert store.lookup([(1,), (True,), (1.0,), ("1",)], [10] * 4) == [
        (1.0,),
        (0.0,),
        (1.0,),
        (0.0,),
    ]


def test_the_clock_does_not_go_back(landings):
    store = OnlineStore(make_plan([features.count(landings, by="carrier", window="10s")]))
    store.lookup([("AA",)], [10 * SECOND])

    with pytest.raises(DataError, match="The clock went back") as caught:
        store.lookup([("AA",)], [9 * SECOND])
    with pytest.raises(DataError, match="The clock went back"):
        store.lookup([("AA",)] * 2, [12 * SECOND, 11 * SECOND])
    with pytest.raises(DataError, match="The clock went back"):
        store.prune(9 * SECOND)

    assert "1970-01-01T00:00:09Z (9000000000 ns) after 1970-01-01T00:00:10Z" in str(caught.value)
    assert store.lookup([("AA",)], [10 * SECOND]) == [(0.0,)]


def test_as_many_times_as_requests_are_needed(landings):
    store = OnlineStore(make_plan([features.count(landings, by="carrier", window="10s")]))

    with pytest.raises(DataError, match="times"):
        store.lookup([("AA",), ("UA",)], [5])


def test_an_unknown_source_is_refused_with_those_that_are_known(every_kind):
    with pytest.raises(ConfigError, match="No feature is made of the source 'weather'") as caught:
        OnlineStore(every_kind).ingest(batch([1], source="weather"))

    assert "landings, labels" in str(caught.value)


@pytest.mark.parametrize(
    "columns",
    [
        {"delay": [1.0, float("inf")], "plane": ["N1", "N1"]},
        {"delay": ["late", "later"], "plane": ["N1", "N1"]},
        {"delay": [1.0, 2.0]},
    ],
)
def test_of_events_that_cannot_be_used_none_is_taken_in(every_kind, stream, columns):
    store = OnlineStore(every_kind)
    for what, given in stream(3):
        if what == "events":
            store.ingest(given)
    before = store.snapshot()

    with pytest.raises(DataError):
        store.ingest(batch([1, 2], **columns))

    assert store.snapshot() == before


def test_it_says_how_fresh_sources_are(every_kind):
    store = OnlineStore(every_kind)
    columns = {"plane": ["N1"] * 3, "delay": [1.0] * 3}

    store.ingest(batch([3, 9, 7], known=[3, 50, 7], **columns))
    assert store.freshness() == {"landings": None, "labels": None}
    store.advance(20)

    assert store.freshness() == {"landings": 7, "labels": None}
    assert store.now_ns == 20


def test_a_plan_without_windows_needs_no_events():
    store = OnlineStore(make_plan(["carrier"]))

    assert store.lookup([("AA",)], [1]) == [()]
    with pytest.raises(ConfigError, match="no feature has a window"):
        store.ingest(batch([1]))
