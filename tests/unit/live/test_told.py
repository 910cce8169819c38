from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato.live.schema import make_schema
from ostinato.live.told import tell
from ostinato.loop import policies
from ostinato.loop.label import Label
from ostinato.loop.loop import Loop
from ostinato.loop.outcome import Outcome
from ostinato.replay.history import make_history
from ostinato.replay.run import ticks

START = datetime(2024, 1, 1, tzinfo=UTC)


def make_loop(outcomes=(), **label):
    return Loop(
        outcomes=outcomes,
        name="rides",
        task="binary",
        time="asked",
        features=["x", "city", "n"],
        label=Label("late", time="known", horizon="2d", **label),
        learner=LogisticRegression(),
        metric="log_loss",
        slices=["city"],
        policy=policies.static(),
    )


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    rows = 800
    asked = [START + timedelta(minutes=int(m)) for m in np.sort(rng.integers(0, 20_000, rows))]
    lags = rng.integers(0, 3_000, rows).tolist()
    known = [t + timedelta(minutes=int(m)) for t, m in zip(asked, lags, strict=True)]
    made = pl.DataFrame(
        {
            "asked": asked,
            "known": [None if i % 17 == 0 else t for i, t in enumerate(known)],
            "x": [float("nan") if i % 11 == 0 else v for i, v in enumerate(rng.normal(size=rows))],
            "city": pl.Series(rng.choice(["Oslo", "Rome"], rows).tolist(), dtype=pl.Categorical),
            "n": pl.Series(rng.integers(0, 9, rows).tolist(), dtype=pl.Int8),
            "late": rng.integers(0, 2, rows).tolist(),
        }
    )
    return made.sample(fraction=1.0, shuffle=True, seed=1)


def prepared(loop, table):
    history = make_history(loop, table, start=None, end=None)
    return history, tell(loop, table, history, make_schema(loop, table, history))


def test_every_row_is_told_once_in_order_with_its_id_and_time(table):
    history, told = prepared(make_loop(), table)
    bodies = [
        json.loads(body)
        for _, stop in ticks(history, "6h")
        for _, body in told.requests(stop, at_most=7)
    ]
    ids = [each for body in bodies for each in body["prediction_id"]]
    assert ids == list(range(history.first, len(history)))
    moments = [each for body in bodies for each in body["time"]]
    assert moments == history.times_ns[history.first :].tolist()
    rows = [each for body in bodies for each in body["inputs"]]
    assert max(len(body["inputs"]) for body in bodies) == 7
    assert [row["city"] for row in rows] == history.frame["city"][history.first :].to_list()
    assert {type(row["n"]) for row in rows} == {int}
    assert any(row["x"] is None for row in rows)


def test_labels_are_told_once_when_known_and_never_before_their_request(table):
    history, told = prepared(make_loop(), table)
    seen = {}
    for now_ns, stop in ticks(history, "6h"):
        told.requests(stop, at_most=100)
        for body in told.labels(now_ns, at_most=10):
            for label in json.loads(body)["labels"]:
                row = label["prediction_id"]
                assert row < stop
                assert label["time"] == history.label_times_ns[row] <= now_ns
                assert row not in seen
                seen[row] = label["label"]
    never = np.iinfo(np.int64).max
    ends = now_ns
    due = [
        row
        for row in range(history.first, len(history))
        if history.label_times_ns[row] != never and history.label_times_ns[row] <= ends
    ]
    assert sorted(seen) == due
    assert all(seen[row] == history.labels[row] for row in due)


def test_a_label_that_stays_away_can_mean_no(table):
    history, told = prepared(make_loop(never="negative"), table)
    *_, (now_ns, stop) = ticks(history, "6h")
    told.requests(stop, at_most=1_000)
    labels = [
        label
        for body in told.labels(now_ns + 10**18, at_most=1_000)
        for label in json.loads(body)["labels"]
    ]
    assert len(labels) == len(history) - history.first
    never = [
        label
        for label in labels
        if label["time"] - history.times_ns[label["prediction_id"]] == 2 * 86_400 * 10**9
    ]
    assert len(never) > 30
    assert {label["label"] for label in never} == {0}


def test_a_label_of_no_known_class_is_told_as_it_is(table):
    loop = make_loop()
    late = table.sort("asked")["late"].to_list()
    table = table.sort("asked").with_columns(late=pl.Series([*late[:-40], *[7] * 40]))
    history, told = prepared(loop, table)
    *_, (now_ns, stop) = ticks(history, "6h")
    told.requests(stop, at_most=1_000)
    values = [
        label["label"]
        for body in told.labels(now_ns + 10**18, at_most=1_000)
        for label in json.loads(body)["labels"]
    ]
    assert values.count(7) > 30


def test_outcomes_of_rows_are_told_once_when_they_become_known(table):
    table = table.with_columns(tips=pl.col("n").cast(pl.Float64) / 2)
    history, told = prepared(make_loop([Outcome(name="tips", delay="3h")]), table)
    seen = {}
    for now_ns, stop in ticks(history, "6h"):
        told.requests(stop, at_most=1_000)
        for body in told.outcomes(now_ns, at_most=7):
            given = json.loads(body)["outcomes"]
            assert len(given) <= 7
            for each in given:
                row = each["prediction_id"]
                assert each["name"] == "tips"
                assert each["time"] == history.times_ns[row] + 3 * 3600 * 10**9 <= now_ns
                assert row not in seen
                seen[row] = each["value"]
    (column,) = history.outcomes
    *_, (ends, _) = ticks(history, "6h")
    due = dict(zip(column.rows.tolist(), column.values.tolist(), strict=True))
    assert seen == {r: v for r, v in due.items() if history.times_ns[r] + 3 * 3600 * 10**9 <= ends}
    assert len(seen) > 300
