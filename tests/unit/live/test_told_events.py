from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import ostinato as ost
from ostinato.live.schema import make_schema
from ostinato.live.told import tell
from ostinato.replay.history import make_history
from ostinato.replay.run import ticks
from ostinato.stores.times import as_ns

pytestmark = pytest.mark.timeout(400)  # kernels are compiled, once on a machine

START = datetime(2024, 1, 1, tzinfo=UTC)


def moments(minutes):
    return [START + timedelta(minutes=int(minute)) for minute in minutes]


@pytest.fixture
def landings():
    rng = np.random.default_rng(5)
    minutes = rng.integers(0, 10_000, 3_000)
    return pl.DataFrame(
        {
            "landed": moments(minutes),
            "heard": moments(minutes + rng.integers(0, 600, 3_000)),
            "carrier": pl.Series(rng.choice(["AA", "BB"], 3_000)),
            "delay": pl.Series(rng.normal(size=3_000)).set(
                pl.Series(rng.random(3_000) < 0.1), None
            ),
        }
    )


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    asked = np.sort(rng.integers(0, 10_000, 600))
    return pl.DataFrame(
        {
            "asked": moments(asked),
            "known": moments(asked + rng.integers(1, 300, 600)),
            "carrier": pl.Series(rng.choice(["AA", "BB"], 600)),
            "late": rng.integers(0, 2, 600),
        }
    )


def prepared(table, features):
    loop = ost.Loop(
        name="rides",
        task="binary",
        time="asked",
        features=features,
        label=ost.Label("late", time="known", horizon="1d"),
        learner=LogisticRegression(),
        policy=ost.policies.static(),
    )
    history = make_history(loop, table, start=None, end=None)
    return history, tell(loop, table, history, make_schema(loop, table, history))


def test_events_are_told_once_in_the_order_in_which_they_became_known(table, landings):
    source = ost.features.Events("landings", time="landed", known="heard", data=landings)
    mean = ost.features.mean(source, "delay", by="carrier", window="3h")
    history, told = prepared(table, ["carrier", mean])
    times, known = as_ns(landings["landed"], name="t"), as_ns(landings["heard"], name="t")
    seen = []
    for now_ns, _ in ticks(history, "6h"):
        last = 0
        for where, body in told.events.bodies(now_ns):
            given = json.loads(body)
            assert (where, given["source"]) == ("events", "landings")
            assert len(given["events"]) <= 1_000
            assert max(given["known"]) <= now_ns
            assert given["known"] == sorted(given["known"])
            assert given["known"][0] >= last
            last = given["known"][-1]
            for event, moment in zip(given["events"], given["known"], strict=True):
                place = event["id"]
                assert (event["landed"], moment) == (times[place], known[place])
                assert event["delay"] == landings["delay"][place]
                assert event["carrier"] == landings["carrier"][place]
                seen.append(place)
    due = np.flatnonzero((known > history.start_ns) & (known <= now_ns))
    assert sorted(seen) == due.tolist()
    assert len(seen) > 2_000


def test_outcomes_are_told_as_outcomes(table):
    sold = pl.DataFrame(
        {"time": moments([9_000, 2_000]), "unit": ["AA", "BB"], "value": [1.5, 2.0]}
    )
    source = ost.features.outcomes("sold", data=sold)
    feature = ost.features.sum(source, "value", by={"carrier": "unit"}, window="3h")
    history, told = prepared(table, ["carrier", feature])
    bodies = [body for now_ns, _ in ticks(history, "6h") for body in told.events.bodies(now_ns)]
    assert [(where, json.loads(body)["outcomes"]) for where, body in bodies] == [
        (
            "outcomes",
            [
                {
                    "name": "sold",
                    "unit": "BB",
                    "value": 2.0,
                    "time": as_ns(sold["time"], name="t")[1],
                }
            ],
        ),
        (
            "outcomes",
            [
                {
                    "name": "sold",
                    "unit": "AA",
                    "value": 1.5,
                    "time": as_ns(sold["time"], name="t")[0],
                }
            ],
        ),
    ]


def test_without_features_of_events_nothing_is_told_and_requests_are_as_large_as_may_be(table):
    history, told = prepared(table, ["carrier"])
    assert not told.labels_first
    assert told.events.bodies(2**62) == []
    rows = [row for row, _ in told.requests(len(history), at_most=50)]
    assert rows == list(range(history.first, len(history), 50))


def test_no_request_holds_a_row_that_sees_the_label_of_another(table):
    late = ost.features.mean(ost.features.labels(), "label", by="carrier", window="6h")
    history, told = prepared(table, ["carrier", late])
    assert told.labels_first
    seen = []
    for now_ns, stop in ticks(history, "6h"):
        labels = [
            label for body in told.labels(now_ns, stop=stop) for label in json.loads(body)["labels"]
        ]
        assert all(label["time"] <= now_ns for label in labels)
        seen += [label["prediction_id"] for label in labels]
        for row, body in told.requests(stop, at_most=50):
            times = json.loads(body)["time"]
            together = range(row, row + len(times))
            assert max(times) <= min(
                history.label_times_ns[each] for each in together[:-1] or [row]
            )
    due = history.label_times_ns[history.first :] <= now_ns
    assert sorted(seen) == (np.flatnonzero(due) + history.first).tolist()


def test_no_request_holds_a_row_that_sees_another_asked(table):
    asked = ost.features.count(ost.features.requests(), by="carrier", window="6h")
    history, told = prepared(table, ["carrier", asked])
    for _, body in told.requests(len(history), at_most=50):
        assert len(set(json.loads(body)["time"])) == 1
    assert told.next_row == len(history)
