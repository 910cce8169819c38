"""Whole replays of loops that go wrong where nobody looks."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import ostinato as ost
from ostinato.core.errors import ConfigError, DataError

DAYS, ROWS = 50, 20_000


def world(*, seed=1, turned_on=None):
    """Two sexes, three kinds and thirty films; kind b turns round on a day. Revenue follows y."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(0, DAYS * 86_400, ROWS))
    x = rng.normal(size=(ROWS, 3))
    kind, sex = rng.choice(["a", "b", "c"], ROWS, p=[0.45, 0.1, 0.45]), rng.choice(["f", "m"], ROWS)
    odds = x @ np.array([2.0, -1.0, 0.5])
    if turned_on is not None:
        odds = np.where((seconds > turned_on * 86_400) & (kind == "b"), -odds, odds)
    y = (rng.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(int)
    times = pl.Series("at", seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(
        {
            "at": times,
            **{f"x{i}": x[:, i] for i in range(3)},
            "kind": kind,
            "sex": sex,
            "film": [f"m{each}" for each in rng.integers(0, 30, ROWS)],
            "y": y,
            "revenue": np.where(y > 0, rng.gamma(2.0, 5.0, ROWS), np.nan),
            "paid": times
            + pl.Series(rng.integers(0, 86_400, ROWS) * 1_000_000).cast(pl.Duration("us")),
        }
    )


def make_loop(**changes):
    settings = {
        "name": "people",
        "task": "binary",
        "time": "at",
        "features": ["x0", "x1", "x2"],
        "label": ost.Label("y", delay="1h"),
        "learner": LogisticRegression(),
        "slices": ["kind"],
        "policy": ost.Policy(explore=0.1),
        "monitors": ost.Monitors(sensitive=["sex"], pairs=[("kind", "sex")], items="film"),
        "outcomes": [ost.Outcome(name="revenue", time="paid", horizon="1d")],
    }
    return ost.Loop(**{**settings, **changes})


@pytest.fixture(scope="module")
def turned():
    return ost.replay(make_loop(), world(turned_on=35), tick="6h", start="1970-01-13")


def test_fairness_feedback_and_business_are_told_over_time(turned):
    gaps = turned.fairness.filter(pl.col("group").is_null(), pl.col("version").is_null())
    assert set(gaps["measure"]) == {
        "demographic parity difference",
        "equal opportunity difference",
        "equalized odds difference",
        "false positive rate difference",
        "accuracy difference",
    }
    groups = turned.fairness.filter(pl.col("group") == "sex=f", measure="selection rate")
    assert groups["value"].mean() == pytest.approx(0.5, abs=0.03)
    figures = turned.feedback.group_by("figure").agg(pl.col("value").mean())
    told = dict(figures.iter_rows())
    assert told["explored"] == pytest.approx(0.1, abs=0.02)
    assert told["largest_weight"] == pytest.approx(10.0, rel=0.01)
    assert told["weights_mean"] == pytest.approx(1.0, abs=0.1)
    assert told["film:exposures effective"] == pytest.approx(30, rel=0.05)
    revenue = turned.business.filter(pl.col("version").is_null())
    assert revenue["value"].mean() == pytest.approx(5.0, rel=0.05)
    assert revenue["rows"].sum() > 13_000


def test_verdicts_are_told_in_words_and_written_down(turned):
    assert turned.verdicts["feedback"]["verdict"] in ("clear", "watch")
    assert turned.verdicts["film:exposures"]["verdict"] == "clear"
    assert turned.verdicts["business revenue"]["verdict"] == "unknown"
    written = json.loads(turned.to_json())
    assert written["verdicts"] == turned.verdicts
    assert {row["outcome"] for row in written["business"]} == {"revenue"}


def test_pairs_and_sensitive_groups_stand_in_the_table_of_slices(turned):
    rows = turned.slices.select("slice", "value")

    assert ("kind, sex", "b, f") in rows.rows()
    assert ("sex", "m") in rows.rows()


def test_a_loop_that_is_not_watched_joins_nothing():
    found = ost.replay(make_loop(monitors=None), world().head(4000), tick="1d", start="1970-01-08")

    assert found.business.is_empty()
    assert found.verdicts == {}


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("revenue", ["much"] * 200, "no numbers"),
        ("revenue", [float("inf")] * 200, "infinities"),
    ],
)
def test_outcomes_that_cannot_be_used_are_named(column, values, words):
    data = world().head(200).with_columns(pl.Series(column, values))

    with pytest.raises(DataError, match=words):
        ost.replay(make_loop(), data, tick="1h", start=data["at"][100])


def test_outcomes_that_never_come_are_zero():
    data = world().head(4000).with_columns(paid=pl.lit(None, dtype=pl.Datetime("us", "UTC")))

    found = ost.replay(make_loop(), data, tick="6h", start="1970-01-05")

    assert found.business.height
    assert found.business["value"].to_list() == [0.0] * found.business.height


def test_outcomes_before_their_prediction_are_refused():
    data = world().head(200).with_columns(paid=pl.col("at") - pl.duration(hours=1))

    with pytest.raises(DataError, match="known before their prediction"):
        ost.replay(make_loop(), data, tick="1h", start=data["at"][100])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcomes": ["revenue"]}, "list of outcomes"),
        ({"outcomes": [ost.Outcome(name="r"), ost.Outcome(name="r")]}, "twice"),
        ({"outcomes": [ost.Outcome(name="x0")]}, "truth"),
        ({"slices": ["revenue"]}, "truth"),
    ],
)
def test_outcomes_that_contradict_the_loop_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        make_loop(**changes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": ""}, "not a name"),
        ({"name": "r", "time": "t", "delay": "1h"}, "both given"),
        ({"name": "r", "time": "r"}, "same column"),
        ({"name": "r", "delay": "2h", "horizon": "1h"}, "shorter"),
        ({"name": "r", "delay": "soon"}, "delay"),
    ],
)
def test_outcomes_that_contradict_themselves_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        ost.Outcome(**settings)
