"""The table of policies on streams, on a made one."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import ostinato as ost
import streams
from acceptance.check import Skipped
from acceptance.data import STREAMS, Stream

DAY_US = 86_400_000_000


def made(rows: int = 1_500) -> pl.DataFrame:
    """Sixty days whose labels cling to the one before, known six hours late."""
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, 60 * DAY_US, rows))
    x = rng.normal(size=rows)
    times = pl.Series(seconds).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.DataFrame(
        {
            "ts": times,
            "x": x,
            "post_x": x,
            "label": np.where(x + rng.normal(size=rows) > 0, "UP", "DOWN"),
        }
    ).with_columns(label_ts=pl.col("ts") + pl.duration(hours=6))


STREAM = Stream(name="made", task="binary", rows=1_500, tick="1d", horizon="1d")


def test_every_policy_has_a_row_beside_the_yardsticks(monkeypatch):
    monkeypatch.setattr(
        streams,
        "policies",
        lambda rows: {"frozen model": ost.policies.static(), "7 d": ost.policies.scheduled("7d")},
    )
    rows = streams.measure(STREAM, made())

    seen = [(row["labels"], row["policy"]) for row in rows]

    names = ("majority", "no change", "frozen model", "7 d", "(advice)")
    assert seen == [(how, name) for how in ("at once", "real delays") for name in names]
    assert json.dumps(rows)
    assert all(0.3 < row["accuracy"] < 1.0 for row in rows if "accuracy" in row)


def test_a_model_never_sees_times_counters_or_what_comes_after():
    assert STREAM.features(made().with_columns(i=1, champ_score=0.5)) == ["x"]


def test_the_last_label_is_the_last_one_known_and_no_later_one():
    times = pl.Series([0, 1, 2, 3]).cast(pl.Int64) * DAY_US
    table = pl.DataFrame(
        {
            "ts": times.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
            "label": ["a", "b", "b", "b"],
        }
    )
    served = np.ones(4, dtype=bool)

    at_once = streams.yardsticks(table, STREAM, ost.Label("label"), served)
    late = streams.yardsticks(table, STREAM, ost.Label("label", delay="36h"), served)

    # Known in time: a, b, b at once; with a day and a half: nothing, nothing, a, b.
    assert at_once["no change"] == pytest.approx(2 / 3)
    assert late["no change"] == pytest.approx(1 / 2)


def test_a_stream_that_is_not_there_is_skipped(tmp_path):
    with pytest.raises(Skipped, match="elec2"):
        STREAMS["elec2"].table(tmp_path)
