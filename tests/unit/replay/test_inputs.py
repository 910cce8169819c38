"""Inputs of a history as counts: found once, told tick by tick."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier

import ostinato as ost
from ostinato.core.units import DAY_NS
from ostinato.replay.history import make_history
from ostinato.replay.inputs import SHORT, inputs_of
from ostinato.replay.sights import sights_of
from ostinato.watch.summarise import Summariser


def rows(count=6_000, days=60):
    rng = np.random.default_rng(0)
    times = np.sort(rng.integers(0, days * 86_400, count)) + 1_700_000_000
    return pl.DataFrame(
        {
            "t": pl.from_epoch(pl.Series(times)),
            "x": rng.normal(size=count),
            "city": rng.choice(["rome", "oslo"], count),
            "y": rng.integers(0, 2, count),
        }
    )


def declared(**kwargs):
    return ost.Loop(
        name="inputs",
        task="binary",
        time="t",
        features=["x", "city"],
        label=ost.Label("y", delay="1h", horizon="1d"),
        learner=DummyClassifier(),
        metric="log_loss",
        slices=["city"],
        policy=ost.policies.static(),
        **kwargs,
    )


@pytest.fixture(scope="module")
def history():
    return make_history(declared(), rows(), start="2023-12-30", end=None)


def test_ticks_tell_what_their_rows_tell_by_themselves(history):
    sights = sights_of(declared(), history)
    inputs = inputs_of(sights, history)
    alone = Summariser(sights.grid, sights.slice_groups, sights.fast_ns)
    for start, stop in ((history.first, history.first + 50), (5_000, 5_001)):
        told = inputs.tell(start, stop, 7)
        part = slice(start, stop)
        expected = alone.count(
            history.frame[part], history.times_ns[part], history.groups[part], now_ns=7
        )
        assert told.grid == expected.grid
        assert told.starts_ns.tolist() == expected.starts_ns.tolist()
        assert told.counts.tolist() == expected.counts.tolist()
        assert told.repeats.tolist() == expected.repeats.tolist()
        assert told.marks.tolist() == expected.marks.tolist()
        assert told.slice_cells.tolist() == expected.slice_cells.tolist()


def test_rows_before_the_start_are_told_in_long_windows_then_in_short_ones(history):
    sights = sights_of(declared(monitors=ost.Monitors(window="1d", fast="1h")), history)
    old, recent = inputs_of(sights, history).before(7)
    assert old.width_ns == sights.slow_ns == DAY_NS
    assert recent.width_ns == sights.fast_ns < DAY_NS
    assert old.rows.sum() + recent.rows.sum() == history.first
    assert recent.starts_ns[0] >= history.times_ns[history.first - 1] - SHORT * DAY_NS


def test_cells_are_found_once_for_all_policies(history):
    sights = sights_of(declared(), history)
    assert sights_of(declared(), history).grid is sights.grid
    assert inputs_of(sights, history) is inputs_of(sights_of(declared(), history), history)


def test_inputs_are_not_counted_where_nobody_watches_them(history):
    for monitors in (None, ost.Monitors(families=["performance"])):
        sights = sights_of(declared(monitors=monitors), history)
        assert inputs_of(sights, history) is None


def test_a_replay_tells_the_inputs_of_all_rows():
    result = ost.replay(declared(monitors=ost.Monitors(families=["drift", "quality"])), rows())
    told = result.decisions.filter(pl.col("kind") == "evidence_registered")
    assert set(told["subject"]) == {"watch/inputs", "watch/completeness"}
