"""Made-up worlds in which one thing goes wrong, and the loop that watches each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import ostinato as ost

BEGIN = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
START_DAY, BREAK_DAY, DAYS = 21, 35, 56


class Scene:
    """A stream of requests by the day, in order of time; `after`: the rows from the break on."""

    def __init__(self, per_day=400, *, seed=0, days=DAYS):
        self.rng = np.random.default_rng(seed)
        rows = per_day * days
        seconds = np.sort(self.rng.integers(0, days * 86_400, rows))
        self.at = pl.Series("at", [BEGIN] * 1).dt.cast_time_unit("us")
        self.at = pl.Series(
            "at", np.datetime64(BEGIN.replace(tzinfo=None), "us") + seconds * np.timedelta64(1, "s")
        ).dt.replace_time_zone("UTC")
        self.rows, self.days = rows, seconds / 86_400
        self.after = self.days >= BREAK_DAY

    def normal(self):
        return self.rng.normal(size=self.rows)

    def draw(self, odds):
        return self.rng.random(self.rows) < 1.0 / (1.0 + np.exp(-np.asarray(odds)))

    def table(self, **columns):
        known = self.at + timedelta(days=1)
        return pl.DataFrame({"at": self.at, "known": known, **columns})


class Story:
    """What a replay tells: alarms, diagnoses and what was done, from the break on."""

    def __init__(self, replay):
        self.replay = replay
        self.broke = BEGIN + timedelta(days=BREAK_DAY)

    def alarms(self, *, before=False):
        table = self.replay.alarms
        chosen = table["raised"] < self.broke if before else table["raised"] >= self.broke
        return table.filter(chosen)["stream"].to_list()

    def first(self, stream):
        """Days from the break to the first alarm of a stream."""
        found = self.replay.alarms.filter(
            (pl.col("stream") == stream) & (pl.col("raised") >= self.broke)
        )
        assert len(found), f"no alarm of {stream}: {self.alarms()}"
        return (found["raised"].min() - self.broke).total_seconds() / 86_400

    def kinds(self, kind):
        rows = self.replay.decisions.filter(
            (pl.col("kind") == kind) & (pl.col("time") >= self.broke)
        ).to_dicts()
        return [{**row, "evidence": json.loads(row["evidence"])} for row in rows]

    def cause(self):
        """The first cause that a diagnosis names after the break."""
        named = [each["evidence"]["cause"] for each in self.kinds("diagnosis_made")]
        return next((cause for cause in named if cause != "none found"), "none found")


@pytest.fixture
def scene():
    return Scene


@pytest.fixture
def play():
    """Replay a table under a loop; a day per tick unless it is said."""

    def run(table, *, features, tick="6h", **changes):
        loop = ost.Loop(
            **{
                "name": "scene",
                "task": "binary",
                "time": "at",
                "features": features,
                "label": ost.Label("label", time="known", horizon="2d"),
                "learner": ost.learners.linear("binary"),
                "policy": ost.policies.static(),
                **changes,
            }
        )
        replay = ost.replay(loop, table, tick=tick, start=BEGIN + timedelta(days=START_DAY))
        return Story(replay)

    return run
