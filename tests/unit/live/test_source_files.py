"""What was known of sources at the start comes back as it was, or is told to be damaged."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import StoreError
from ostinato.features.prepare import EventBatch
from ostinato.live.source_files import read_batch, write_batches


def batch(source="land/ings", **columns):
    rows = len(next(iter(columns.values())))
    return EventBatch(
        source=source,
        times_ns=np.arange(rows, dtype=np.int64),
        known_ns=np.arange(rows, dtype=np.int64) + 5,
        frame=pl.DataFrame(columns),
    )


def test_events_come_back_as_they_were(tmp_path):
    made = batch(time_ns=[1.5, None], carrier=["AA", None], gate=[2**60, 3], open=[True, None])
    write_batches(tmp_path / "sources", [made, batch("labels", label=[1.0])])
    found = read_batch(tmp_path / "sources", "land/ings")
    assert found.times_ns.tolist() == [0, 1]
    assert found.known_ns.tolist() == [5, 6]
    assert found.frame.equals(made.frame)
    assert len(read_batch(tmp_path / "sources", "labels")) == 1


def test_no_event_is_something_else_than_no_file(tmp_path):
    write_batches(tmp_path, [batch(delay=pl.Series([], dtype=pl.Float64))])
    assert len(read_batch(tmp_path, "land/ings")) == 0
    with pytest.raises(StoreError, match="'others' at the start cannot be read"):
        read_batch(tmp_path, "others")


def test_a_damaged_file_is_told_with_its_path(tmp_path):
    write_batches(tmp_path, [batch(delay=[1.0])])
    path = tmp_path / "land%2Fings.parquet"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(StoreError, match=r"land%2Fings\.parquet"):
        read_batch(tmp_path, "land/ings")
