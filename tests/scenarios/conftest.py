"""Made-up worlds in which one thing goes wrong, and the loop that watches each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import ostinato as ost

BEGIN = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
START_DAY, BREAK_DAY = 21, 35


class Scene:
    """A stream of requests by the day, in order of time; `after`: the rows from the break on."""

    def __init__(self, *, per_day=300, days=49, seed=0):
        self.rng = np.random.default_rng(seed)
        self.rows = per_day * days
        seconds = np.sort(self.rng.integers(0, days * 86_400, self.rows))
        begin = np.datetime64(BEGIN.replace(tzinfo=None), "us")
        times = begin + seconds * np.timedelta64(1, "s")
        self.at = pl.Series("at", times).dt.replace_time_zone("UTC")
        self.days = seconds / 86_400
        self.after = self.days >= BREAK_DAY

    def normal(self):
        return self.rng.normal(size=self.rows)

    def draw(self, odds):
        return self.rng.random(self.rows) < 1.0 / (1.0 + np.exp(-np.asarray(odds)))

    def table(self, **columns):
        return pl.DataFrame({"at": self.at, "known": self.at + timedelta(days=1), **columns})


class Story:
    """What a replay tells: alarms, diagnoses and what was done, from the break on."""

    def __init__(self, replay):
        self.replay = replay
        self.broke = BEGIN + timedelta(days=BREAK_DAY)

    def alarms(self, *, before=False):
        table = self.replay.alarms
        chosen = table["raised"] < self.broke if before else table["raised"] >= self.broke
        return set(table.filter(chosen)["stream"].to_list())

    def first(self, stream):
        """Days from the break to the first alarm of a stream."""
        found = self.replay.alarms.filter(
            (pl.col("stream") == stream) & (pl.col("raised") >= self.broke)
        )
        assert len(found), f"no alarm of {stream}: {self.alarms()}"
        return (found["raised"].min() - self.broke).total_seconds() / 86_400

    def resolved(self, stream):
        """Whether every alarm of a stream is over at the end."""
        rows = self.replay.alarms.filter(pl.col("stream") == stream)
        return len(rows) > 0 and rows["resolved"].null_count() == 0

    def kinds(self, kind, *, before=False):
        of_kind = self.replay.decisions.filter(pl.col("kind") == kind)
        chosen = of_kind["time"] < self.broke if before else of_kind["time"] >= self.broke
        rows = of_kind.filter(chosen).to_dicts()
        return [{**row, "evidence": json.loads(row["evidence"])} for row in rows]

    def causes(self, *, before=False):
        """The causes that diagnoses name, in order, without repeats."""
        named = [each["evidence"]["cause"] for each in self.kinds("diagnosis_made", before=before)]
        return [cause for cause in dict.fromkeys(named) if cause != "none found"]

    def diagnosis(self):
        """The first diagnosis that names a cause."""
        return next(
            each
            for each in self.kinds("diagnosis_made")
            if each["evidence"]["cause"] != "none found"
        )

    def assert_calm_before(self):
        """Nothing was wrong before the break, and nothing is said to have been."""
        assert self.alarms(before=True) == set()
        assert self.causes(before=True) == []


@pytest.fixture
def begin():
    return BEGIN


@pytest.fixture
def scene():
    return Scene


@pytest.fixture
def play():
    """Replay a table under a loop, six hours per tick."""

    def run(table, *, features, **changes):
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
        return Story(ost.replay(loop, table, tick="6h", start=BEGIN + timedelta(days=START_DAY)))

    return run
