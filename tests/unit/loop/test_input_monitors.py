"""Which slice groups the monitors of inputs say they leave out."""

from __future__ import annotations

import polars as pl
import pytest
from sklearn.dummy import DummyClassifier

import ostinato as ost
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.loop import input_monitors
from ostinato.loop.watching import Sights
from ostinato.watch.grid import fit_grid

GROUPS = ("place=a", "place=b", "place=(other)", "kind=x", "kind=(other)")


@pytest.mark.parametrize(("counted", "left_out"), [((0, 1, 3), 0), ((0, 1), 1), ((0, 2), 2)])
def test_only_groups_of_values_that_were_seen_are_told_as_left_out(counted, left_out):
    loop = ost.Loop(
        name="orders",
        task="binary",
        time="at",
        features=["a"],
        label=ost.Label("late", delay="1d"),
        learner=DummyClassifier(),
    )
    grid = fit_grid(pl.DataFrame({"a": [1.0, 2.0, 3.0]}), ["a"])
    sights = Sights(fast_ns=HOUR_NS, slow_ns=DAY_NS, grid=grid, slice_groups=counted)

    drift, _ = input_monitors.inputs(loop, sights, GROUPS)

    assert drift.left_out == left_out
    assert drift.groups == tuple(GROUPS[code] for code in counted)
