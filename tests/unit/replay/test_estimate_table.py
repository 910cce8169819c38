from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.units import DAY_NS
from ostinato.core.watched import EstimatesSettled
from ostinato.replay.estimate_table import Estimates
from ostinato.watch.estimate.state import Awaited, EstimateState


def settled(day, covered, *versions, realised=0.3):
    count = len(versions)

    def times(at):
        return np.full(count, at * DAY_NS, dtype=np.int64)

    def same(value):
        return np.full(count, value)

    return EstimatesSettled(
        ts_event_ns=0,
        ts_record_ns=0,
        loss="brier",
        versions=versions,
        from_ns=times(day - 1),
        to_ns=times(day),
        told_ns=times(day),
        settled_ns=times(day + 3),
        rows=np.full(count, 90),
        labelled=np.full(count, 50),
        estimate=same(0.25),
        low=same(0.2),
        high=same(0.3),
        realised=same(realised),
        fused=same(0.28),
        fused_low=same(0.2),
        fused_high=same(0.4),
        covered=same(covered),
    )


@pytest.fixture
def table():
    estimates = Estimates()
    for day, covered in ((1, 1.0), (2, 0.0), (3, 1.0)):
        estimates.take(settled(day, covered, "v1"))
    estimates.take(settled(4, np.nan, "v1", "v2", realised=np.nan))
    state = EstimateState()
    told = Awaited(np.zeros(1), 0.0, np.zeros(0), value=0.2, se=0.01)
    told.expected[0] = 70.0
    state.awaited[4 * DAY_NS] = {"v2": told, "v1": Awaited(np.zeros(1), 0.0, np.zeros(0))}
    return estimates.table("brier", [state], DAY_NS)


def test_there_is_a_row_per_window_and_version_in_the_order_of_time(table):
    assert table["time"].dt.day().to_list() == [2, 3, 4, 5, 5, 6]
    assert table["version"].to_list() == ["v1", "v1", "v1", "v1", "v2", "v2"]
    assert table["time"].dtype == pl.Datetime("ns", "UTC")


def test_coverage_is_that_of_the_version_so_far(table):
    assert table["covered"].to_list() == [True, False, True, None, None, None]
    assert table["coverage"].to_list() == [1.0, 0.5, pytest.approx(2 / 3), None, None, None]


def test_what_is_not_known_yet_is_null(table):
    last = table.row(-1, named=True)

    assert (last["rows"], last["estimate"]) == (70, 0.2)
    assert (last["low"], last["high"]) == pytest.approx((0.1804, 0.2196), abs=1e-5)
    assert last["realised"] is last["labelled"] is last["days_ahead"] is None
    assert table["realised"].to_list()[3:] == [None] * 3
    assert table["days_ahead"].to_list()[:5] == [3.0] * 5


def test_a_run_without_estimates_has_an_empty_table():
    empty = Estimates().table("mae", [], DAY_NS)

    assert empty.is_empty()
    assert "coverage" in empty.columns
