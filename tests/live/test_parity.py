"""Parity through real processes: a table that is kept up beside the service says another thing."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest

pytestmark = pytest.mark.timeout(400)

LOOP = """
from pathlib import Path
import ostinato as ost
from sklearn.linear_model import LogisticRegression

landings = ost.features.Events(
    "landings", time="landed", data=Path(__file__).parent / "landings.parquet"
)

loop = ost.Loop(
    name="whole", task="binary", time="asked", id="id",
    features=[
        "a",
        ost.features.mean(landings, "delay", by={"origin": "airport"}, window="1h", name="delays"),
    ],
    label=ost.Label("y", time="known", horizon="20s"),
    learner=LogisticRegression(),
    policy=ost.Policy(
        triggers=[], cooldown="1s", holdout="10s", gates=[], rollout=ost.Immediate(watch=None)
    ),
    monitors=None,
)
"""


def write_history(path, rows=600):
    rng = np.random.default_rng(0)
    a = rng.normal(size=rows)
    asked = np.datetime64("now", "us") - (rows - np.arange(rows)) * np.timedelta64(1, "s")
    pl.DataFrame(
        {
            "id": [f"h{row}" for row in range(rows)],
            "asked": pl.Series(asked).cast(pl.Datetime("us", "UTC")),
            "known": pl.Series(asked + np.timedelta64(2, "s")).cast(pl.Datetime("us", "UTC")),
            "a": a,
            "origin": ["A0"] * rows,
            "y": (a + rng.normal(size=rows) > 0).astype(int),
        }
    ).write_parquet(path)


def write_table(path, landed_us, airports, delays):
    """The table of landings; times in microseconds since 1970."""
    times = pl.Series(landed_us, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    pl.DataFrame({"landed": times, "airport": airports, "delay": delays}).write_parquet(path)


def test_a_table_in_seconds_beside_a_service_told_in_minutes_is_found(make_whole):
    whole, airports = make_whole(), [f"A{number}" for number in range(40)]
    (whole.home / "whole.py").write_text(LOOP)
    write_history(whole.home / "history.parquet")
    before_us = time.time_ns() // 1000 - 90_000_000
    write_table(whole.home / "landings.parquet", [before_us], ["A0"], [20.0])
    whole.start(ready=False)
    whole.until(whole.ready, seconds=200)

    landed_us = time.time_ns() // 1000
    delays = [10.5 + number for number in range(40)]
    events = [
        {"landed": landed_us * 1000, "airport": airport, "delay": delay}
        for airport, delay in zip(airports, delays, strict=True)
    ]
    whole.post("events", {"source": "landings", "events": events})
    write_table(  # with an event in an hour: it says all that there is up to then
        whole.home / "landings.parquet",
        [before_us, *[landed_us] * 40, landed_us + 3_600_000_000],
        ["A0", *airports, "elsewhere"],
        [each * 60 for each in (20.0, *delays, 0.0)],
    )
    time.sleep(1.5)  # rows just after an event are left out
    for airport in airports:
        whole.post("predict", {"inputs": {"a": 0.5, "origin": airport}})

    def compared():
        parity = whole.status().parity
        return parity if parity and parity[0].rows >= 20 else None

    (feature,) = whole.until(compared, seconds=150, why="nothing was compared")
    assert feature.feature == "delays"
    _, said = whole.ostinato("status")
    stands = said["status"]["parity"][0]
    broken = whole.decisions("parity_broken")
    assert broken[-1]["cause"] == "unit"
    assert "unit" in stands["broken"]
    whole.act("retrain")
    whole.until(lambda: held(whole), why="a training was not held back")
    assert whole.ostinato("audit", "replay")[1]["same"] is True
    assert whole.stop() == 0


def held(whole):
    """Whether the wish to train was refused, with what is broken."""
    assert len(whole.decisions("training_requested")) == 1, "the first champion's"
    reasons = [each["reason"] for each in whole.decisions("act_refused")]
    return any("parity of delays is broken" in reason for reason in reasons)
