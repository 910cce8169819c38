"""Columns and labels that hold little, too much or nothing are watched, or it is said why not."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

import ostinato as ost
from ostinato.core.errors import DataError

DAYS, START, SILENT, ALIKE = 27, 10, (18, 20), 23


def odd_table(begin, task, *, rows=1_100, seed=0):
    """Two days have no rows; from day `ALIKE` on all labels say the same."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.random(rows) * DAYS)
    days = days[(days < SILENT[0]) | (days > SILENT[1])]
    count = len(days)
    x = rng.normal(size=count)
    labels, only = {
        "binary": (x + rng.normal(size=count) > 0, False),
        "multiclass": (rng.choice(["a", "b", "c"], count), "a"),
        "regression": (x + rng.normal(size=count), 1.0),
    }[task]
    return pl.DataFrame(
        {
            "at": [begin + timedelta(days=float(day)) for day in days],
            "x": x,
            "nothing": pl.Series([None] * count, dtype=pl.Float64),
            "fixed": np.full(count, 7.0),
            "serial": [f"s{i}" for i in range(count)],
            "mixed": [("1", "2.5", "word", "", None)[i % 5] for i in range(count)],
            "late": [None if day < START + 2 else float(v) for day, v in zip(days, x, strict=True)],
            "wild": np.where(np.arange(count) % 7 == 0, np.inf, x),
            "shop": ["lone" if i == count - 40 else "big" for i in range(count)],
            "label": np.where(days > ALIKE, only, labels),
            "paid": np.where(rng.random(count) < 0.5, 1.0, np.nan),
        }
    )


FEATURES = ("x", "nothing", "fixed", "serial", "mixed", "late", "wild", "shop")


def replayed(begin, table, task, **changes):
    learner = DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")
    loop = ost.Loop(
        **{
            "name": "odd",
            "task": task,
            "time": "at",
            "features": list(FEATURES),
            "label": ost.Label("label", delay="6h", horizon="1d"),
            "learner": learner,
            "slices": ["shop"],
            "outcomes": [ost.Outcome(name="paid", delay="1d")],
            "monitors": ost.Monitors(sensitive=["shop"], items="mixed", examine="5d"),
            "policy": ost.Policy(triggers=[ost.Every("7d")], explore=0.1),
            **changes,
        }
    )
    return ost.replay(loop, table, tick="12h", start=begin + timedelta(days=START))


def unmeasured(replay):
    """What monitors say they could not measure at the end, and what examinations ever could not."""
    found = {}
    for monitor in replay.watch["monitors"]:
        found |= monitor["unmeasured"]
    for row in replay.decisions.filter(pl.col("kind") == "diagnosis_made").to_dicts():
        found |= json.loads(row["evidence"])["unmeasured"]
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_odd_columns_are_watched_or_it_is_said_why_not(begin, task):
    table = odd_table(begin, task)

    replay = replayed(begin, table, task)

    assert replay.predictions["time"].max() == table["at"].max()
    why = unmeasured(replay)
    assert why["drift/nothing"] == "all values are missing"
    assert why["drift/serial"] == "there is one cell only: it cannot move"
    assert why["drift/late"] == "there is one cell only: it cannot move", "it began too late"
    assert why["nothing"] == "holds no value"
    assert why["fixed"] == "holds one value only"
    gaps = [text for name, text in why.items() if name.startswith("fairness/shop:")]
    assert any("two groups with 30 rows each" in text for text in gaps)
    streams = set(replay.monitors["stream"].to_list())
    assert {"drift/x", "drift/mixed", "quality/nothing:missing", "label/label"} <= streams
    alarms = set(replay.alarms["stream"].to_list())
    assert "label/label:one value" in alarms
    assert "quality/rows:silence" in alarms
    inputs = {name for name in alarms if name.startswith(("drift/", "output/", "quality/"))}
    assert inputs == {"quality/rows:silence"}, "columns that were always odd are no news"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_single_request_after_the_start_is_survived(begin, task):
    table = odd_table(begin, task, rows=600)
    before = table.filter(pl.col("at") < begin + timedelta(days=START))
    one = table.filter(pl.col("at") >= begin + timedelta(days=START)).head(1)

    replay = replayed(begin, pl.concat([before, one]), task)

    assert len(replay.predictions) == 1
    assert replay.alarms.is_empty()


def test_labels_that_were_of_one_class_from_the_first_are_refused_by_name(begin):
    table = odd_table(begin, "binary", rows=300).with_columns(label=pl.lit(value=False))

    with pytest.raises(DataError, match="label column 'label' has 1 class"):
        replayed(begin, table, "binary", classes=[False, True])
