from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import ostinato as ost

DAYS, CHANGE = 60, 40


@pytest.fixture(scope="module")
def data():
    """A concept that turns round on day 40; labels take 3 days on average, one in ten is lost."""
    rng = np.random.default_rng(7)
    seconds = np.sort(rng.integers(0, DAYS * 86_400, 12_000))
    a, b = rng.normal(size=(2, len(seconds)))
    slope = np.where(seconds > CHANGE * 86_400, -2.0, 2.0)
    label = rng.random(len(seconds)) < 1 / (1 + np.exp(-(slope * a + b - 2)))
    known = seconds + rng.exponential(3 * 86_400, len(seconds))
    moments = {"asked": seconds * 1000, "known": known * 1000}
    return pl.DataFrame({"a": a, "b": b, **moments}).with_columns(
        pl.col("asked", "known").cast(pl.Int64).cast(pl.Datetime("ms", "UTC")),
        pl.when(pl.Series(rng.random(len(seconds)) < 0.1))
        .then(None)
        .otherwise(pl.Series(label.astype(int)))
        .alias("label"),
    )


def replay(data, trigger, *, prices=None, never="censored", tick="1d"):
    loop = ost.Loop(
        name="late",
        task="binary",
        time="asked",
        features=["a", "b"],
        label=ost.Label("label", time="known", horizon="12d", never=never),
        learner=LogisticRegression(),
        policy=ost.Policy(triggers=[trigger]),
        prices=prices or ost.Prices(),
        monitors=None,
    )
    return ost.replay(loop, data, tick=tick, start="1970-01-26")


def stances(found):
    """(days after the change, stance, reason) of each change of mind."""
    rows = found.decisions.filter(pl.col("kind") == "trigger_changed")
    return [
        ((moment.timestamp() / 86_400) - CHANGE, evidence, reason)
        for moment, evidence, reason in rows.select("time", "evidence", "reason").iter_rows()
    ]


@pytest.mark.parametrize("never", ["censored", "negative"])
def test_a_change_is_known_in_days_and_learnt_from_when_its_rows_are_mature(data, never):
    found = {
        late: replay(data, ost.Degradation(late=late), never=never) for late in ("auto", "mature")
    }

    first = {
        late: next(days for days, _, reason in stances(each) if "since about" in reason)
        for late, each in found.items()
    }
    requests = {
        late: each.decisions.filter(pl.col("kind") == "learning_requested")["time"].to_list()
        for late, each in found.items()
    }

    assert 0 < first["auto"] <= 6
    assert first["mature"] >= 12
    assert requests["auto"][0] == requests["mature"][0]  # the first champion
    assert requests["auto"][1].timestamp() / 86_400 - CHANGE >= 12


def test_what_is_lost_is_counted_by_the_cost_matrix_and_registered(data):
    prices = ost.Prices(false_positive=1.0, false_negative=4.0, currency="euros")
    found = replay(data, ost.ExcessLoss(cost=150), prices=prices)

    asked = found.decisions.filter(pl.col("kind") == "learning_requested").row(1, named=True)
    processes = found.decisions.filter(pl.col("kind") == "evidence_registered")

    assert asked["time"].timestamp() / 86_400 > CHANGE + 12
    assert "euros" in asked["reason"]
    assert "ski rental on excess loss" in processes["evidence"][0]
    assert len(stances(found)) < 15
