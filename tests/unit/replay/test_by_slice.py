from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import ostinato as ost

DAYS, CHANGE = 40, 25


@pytest.fixture(scope="module")
def data():
    """Thirty places; in one of them the concept turns round on day 25. Labels come at once."""
    rng = np.random.default_rng(7)
    rows = 60_000
    seconds = np.sort(rng.integers(0, DAYS * 86_400, rows))
    a, place = rng.normal(size=rows), rng.integers(0, 30, rows)
    turned = (seconds > CHANGE * 86_400) & (place == 4)
    label = rng.random(rows) < 1 / (1 + np.exp(np.where(turned, 3.0, -3.0) * a))
    return pl.DataFrame(
        {
            "a": a,
            "place": [f"p{each}" for each in place.tolist()],
            "asked": pl.Series(seconds * 1000).cast(pl.Datetime("ms", "UTC")),
            "label": label.astype(int),
        }
    )


def replay(data, **settings):
    loop = ost.Loop(
        name="places",
        task="binary",
        time="asked",
        features=["a"],
        slices=["place"],
        label=ost.Label("label", delay="1h"),
        learner=LogisticRegression(),
        policy=ost.Policy(triggers=[ost.Degradation(tolerance=0.15, **settings)], holdout="8d"),
        monitors=None,
    )
    return ost.replay(loop, data, tick="6h", start="1970-01-16")


def test_the_journal_names_the_slice_that_broke_and_the_request_knows_since_when(data):
    found = replay(data, by_slice=True).decisions

    request = found.filter(pl.col("kind") == "learning_requested").row(1, named=True)
    day = request["time"].timestamp() / 86_400
    reported = json.loads(request["evidence"])["slices"]["reported"]
    chart = pl.col("subject").str.starts_with("degradation")
    (registered, *_) = found.filter(pl.col("kind") == "evidence_registered", chart)["evidence"]

    assert request["reason"].startswith("The loss is above its baseline on place=p4 since about")
    assert CHANGE < day < CHANGE + 5
    assert list(reported) == ["place=p4"]
    assert reported["place=p4"]["log10_e"] > 7
    assert reported["place=p4"]["change"].startswith(("1970-01-25", "1970-01-26", "1970-01-27"))
    names = json.loads(registered)["slices"]["names"]
    assert sorted(names) == sorted(f"place=p{n}" for n in range(30))
    overall = replay(data).decisions.filter(pl.col("kind") == "learning_requested")
    assert all(moment > request["time"] for moment in overall["time"].to_list()[1:])
