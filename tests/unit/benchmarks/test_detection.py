"""The worlds of the detection benchmark: faults are planted as they are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from watch_streams import shuffled_in_time
from watched.worlds import FAULTS, World, still

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def halves(fault):
    world = World(seed=3, fault=fault, size="large", per_day=100)
    table = world.table()
    broke = BEGIN + timedelta(days=world.fault_day)
    return table.filter(pl.col("at") < broke), table.filter(pl.col("at") >= broke)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_moves_what_it_is_named_for_and_begins_on_its_day(fault):
    before, after = halves(fault)
    moved = {
        "covariate": after["x0"].mean() - before["x0"].mean() > 1.5,
        "label": after["label"].mean() - before["label"].mean() > 0.2,
        "quality": after["x1"].null_count() > 0.7 * len(after),
        "concept": abs(
            after.select(pl.corr("x1", pl.col("label").cast(float))).item()
            - before.select(pl.corr("x1", pl.col("label").cast(float))).item()
        )
        > 0.3,
    }
    # More positives also bring more of the inputs that go with them: that is what a shift is.
    alone = {"covariate", "label", "quality", "concept"} if fault != "label" else {"quality"}

    assert moved[fault]
    assert [name for name in alone - {fault} if moved[name]] == []


def test_a_still_world_has_the_columns_and_slices_that_were_asked_for():
    table = still(1, columns=9, slices=3, days=4, per_day=50)

    assert len(table.columns) == 9 + len(("at", "label", "known"))
    assert table["segment"].n_unique() == 3
    assert table["at"].is_sorted()


def test_rows_that_are_shuffled_in_time_keep_the_delays_of_their_labels():
    at = pl.datetime_range(BEGIN, BEGIN + timedelta(hours=99), "1h", eager=True)
    delay = pl.Series([timedelta(minutes=n) for n in range(100)])
    table = pl.DataFrame({"ts": at, "label_ts": at + delay, "n": range(100)})

    moved = shuffled_in_time(table)

    assert moved["ts"].equals(table["ts"])
    assert moved["n"].to_list() != table["n"].to_list()
    minutes = (moved["label_ts"] - moved["ts"]).dt.total_minutes()
    assert minutes.to_list() == moved["n"].to_list()
