"""Inputs as counts per window: of any rows, in any order, by any number of workers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from ostinato.watch.grid import fit_grid
from ostinato.watch.marks import duplicates, smallest
from ostinato.watch.summarise import Summariser, chosen_groups

HOUR = 3_600 * 10**9


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "temp": rng.normal(size=count).round(2),
            "wind": np.where(rng.random(count) < 0.1, np.nan, rng.exponential(size=count)),
            "city": rng.choice(["rome", "oslo", "lima"], count),
        }
    )
    times = np.sort(rng.integers(0, 10 * HOUR, count))
    groups = np.stack([rng.integers(0, 3, count), rng.integers(-1, 2, count) + 3], axis=1)
    return frame, times, np.where(groups == 2, -1, groups).astype(np.int32)


@pytest.fixture
def summariser():
    frame, _, groups = rows(2_000)
    grid = fit_grid(frame, ["temp", "wind", "city"])
    return Summariser(grid, chosen_groups(groups, grid), HOUR)


def total(records, name):
    """Sum over all records and windows."""
    return np.sum([getattr(each, name).sum(axis=0) for each in records], axis=0)


def by_slice(records, shape):
    out = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for each in records:
        np.add.at(out, each.slice_cells, each.slice_rows)
    return out.reshape(shape)


def test_counts_of_parts_add_up_to_those_of_the_whole(summariser):
    frame, times, groups = rows(3_000, seed=1)
    whole = summariser.count(frame, times, groups, now_ns=0)
    cuts = [0, 1, 7, 1_000, 1_001, 2_999, 3_000]
    parts = [
        summariser.count(frame[a:b], times[a:b], groups[a:b], now_ns=0) for a, b in pairwise(cuts)
    ]
    for name in ("rows", "counts"):
        assert total(parts, name).tolist() == total([whole], name).tolist()
    shape = summariser.slice_shape
    assert by_slice(parts, shape).tolist() == by_slice([whole], shape).tolist()


def test_windows_begin_on_the_grid_of_time_and_hold_their_rows(summariser):
    frame, times, groups = rows(500)
    told = summariser.count(frame, times, groups, now_ns=0)
    starts, counts = np.unique(times // HOUR * HOUR, return_counts=True)
    assert told.starts_ns.tolist() == starts.tolist()
    assert told.rows.tolist() == counts.tolist()
    for place, start in enumerate(starts.tolist()):
        inside = times[(times >= start) & (times < start + HOUR)]
        assert told.first_ns[place] == inside[0]
        assert told.last_ns[place] == inside[-1]
        assert told.silence_ns[place] == np.diff(inside).max()
    offsets = summariser.grid.offsets
    for low, high in pairwise(offsets):
        assert told.counts[:, low:high].sum(axis=1).tolist() == counts.tolist()


def test_encoded_rows_of_a_history_tell_what_the_rows_themselves_tell(summariser):
    frame, times, groups = rows(2_000, seed=2)
    frame = frame.with_columns(
        city=pl.when(pl.arange(0, 2_000) % 50 == 7).then(pl.lit("bonn")).otherwise("city")
    )
    encoded = summariser.encode(frame, groups)
    for start, stop in ((0, 40), (40, 41), (41, 900), (900, 2_000), (2_000, 2_000)):
        of_history = summariser.tell(encoded, times, start, stop, now_ns=9)
        part = frame[start:stop], times[start:stop], groups[start:stop]
        alone = summariser.count(*part, now_ns=9)
        for name in InputsFields:
            assert np.array_equal(getattr(of_history, name), getattr(alone, name)), name
        assert of_history.novel == alone.novel
    assert of_history.novel == {}
    assert summariser.count(frame, times, groups, now_ns=9).novel == {"city": ("bonn",)}


InputsFields = (
    "starts_ns", "rows", "counts", "pairs", "repeats", "first_ns", "last_ns", "silence_ns",
    "marks", "marked", "mark_starts", "slice_cells", "slice_rows", "slice_starts",
)  # fmt: skip


def test_rows_out_of_order_are_counted_in_their_windows(summariser):
    frame, times, groups = rows(400, seed=4)
    order = np.random.default_rng(0).permutation(400)
    mixed = summariser.count(frame[order], times[order], groups[order], now_ns=0)
    straight = summariser.count(frame, times, groups, now_ns=0)
    for name in ("starts_ns", "rows", "counts", "first_ns", "last_ns", "silence_ns"):
        assert np.array_equal(getattr(mixed, name), getattr(straight, name)), name


def test_a_frozen_column_repeats_and_missing_values_do_not(summariser):
    count = 40_000  # several blocks
    frame = pl.DataFrame(
        {
            "temp": np.full(count, 1.25),
            "wind": np.full(count, np.nan),
            "city": ["rome", "oslo"] * (count // 2),
        }
    )
    told = summariser.count(
        frame, np.zeros(count, dtype=np.int64), np.zeros((count, 2), np.int32), now_ns=0
    )
    assert told.pairs.tolist() == [count - 1]
    assert told.repeats.tolist() == [[count - 1, 0, 0]]


def test_a_row_that_comes_twice_is_a_duplicate_and_no_repeat(summariser):
    frame, times, groups = rows(200)
    twice = np.repeat(np.arange(200), 2)
    once = summariser.count(frame, times, groups, now_ns=0)
    told = summariser.count(frame[twice], times[twice], groups[twice], now_ns=0)
    assert told.repeats.sum() == once.repeats.sum()
    assert sum(duplicates(told.marks, told.marked)) == 200 + 400


def test_absent_columns_are_counted_nowhere(summariser):
    frame, times, groups = rows(100)
    told = summariser.count(frame.drop("wind"), times, groups, now_ns=0)
    low, high = summariser.grid.offsets[1:3]
    assert told.counts[:, low:high].sum() == 0
    assert told.counts[:, :low].sum() == 100


def test_no_rows_make_an_empty_record(summariser):
    frame, times, groups = rows(0)
    told = summariser.count(frame, times, groups, now_ns=5)
    assert len(told) == 0
    assert told.counts.shape == (0, summariser.grid.offsets[-1])


def test_duplicates_are_found_however_far_apart_they_come(summariser):
    frame = rows(1_500, seed=8)[0]
    frame = frame.with_columns(wind=pl.Series(np.random.default_rng(1).random(1_500)))
    twice = pl.concat([frame, frame[:600]])
    marks = [
        summariser.encode(part, np.zeros((part.height, 0), dtype=np.int32)).marks
        for part in (twice[:700], twice[700:])
    ]
    kept = [smallest(each, None, 256) for each in marks]
    merged = smallest(
        np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept]), 256
    )
    whole = smallest(np.concatenate(marks), None, 256)
    assert np.array_equal(merged[0], whole[0])
    assert np.array_equal(merged[1], whole[1])
    again, total_rows = duplicates(*whole)
    assert again / total_rows == pytest.approx(600 / 2_100, abs=0.06)


def test_rows_of_whole_numbers_are_told_apart():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"n{k}": rng.integers(0, 9, 20_000).astype(float) for k in range(12)})
    summariser = Summariser(fit_grid(frame, frame.columns))
    marks = summariser.encode(frame, np.zeros((20_000, 0), dtype=np.int32)).marks
    assert len(np.unique(marks)) == frame.unique().height


@pytest.mark.parametrize(
    ("most", "kept", "rows"), [(1, [3], [1]), (2, [3, 5], [1, 2]), (9, [3, 5, 8], [1, 2, 1])]
)
def test_the_smallest_marks_are_kept_with_their_rows(most, kept, rows):
    given = np.array([5, 3, 8, 5], dtype=np.uint64)
    for known in (None, np.ones(4, dtype=np.int64)):
        marks, marked = smallest(given, known, most)
        assert marks.tolist() == kept
        assert marked.tolist() == rows
    none = np.empty(0, dtype=np.uint64)
    assert [each.tolist() for each in smallest(none, None, most)] == [[], []]


def test_only_the_largest_groups_are_counted_where_there_are_too_many():
    frame = pl.DataFrame({f"n{k}": np.arange(100.0) for k in range(40)})
    grid = fit_grid(frame, frame.columns)
    groups = np.repeat(np.arange(200, dtype=np.int32), np.arange(200) + 1)[:, None]
    chosen = chosen_groups(groups, grid)
    assert 50 < len(chosen) < 200
    assert chosen == tuple(range(200 - len(chosen), 200))
