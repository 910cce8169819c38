"""Count all columns of a table in the cells of a grid, block by block.

In: a table. Out: counts, and what else parts of a table can add up. State: none but look-up tables.
Memory: that of a few blocks, and 8 bytes a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ostinato.core.ids import hash_keys
from ostinato.core.records import Ints
from ostinato.watch.cells import Grid
from ostinato.watch.counting import Coder, coder_of, column_factor, mix_into
from ostinato.watch.marks import Hashes, smallest
from ostinato.watch.values import BLOCK

_SLOTS = 256  # cells are numbered in 8 bits


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was counted.

    `counts` (cells,), `pairs` (columns,) rows that have one before them, `repeats` those
    whose value is that of the row before, `low` and
    `high` (columns,) the range of the bits of known values (equal: the column is constant), `marks`
    and `marked` see `marks.smallest`.
    """

    rows: int
    counts: Ints
    pairs: Ints
    repeats: Ints
    low: Hashes
    high: Hashes
    marks: Hashes
    marked: Ints


def tally(grid: Grid, frame: pl.DataFrame, *, most: int) -> Tally:
    """Count the rows of a table; columns that it lacks are counted nowhere.

    Parameters
    ----------
    grid
        The cells.
    frame
        The rows.
    most
        Different rows in which duplicates are counted.
    """
    rows, columns = frame.height, len(grid.columns)
    found = Tally(
        rows=rows,
        counts=np.zeros(int(grid.offsets[-1]), dtype=np.int64),
        pairs=np.zeros(columns, dtype=np.int64),
        repeats=np.zeros(columns, dtype=np.int64),
        low=np.full(columns, np.iinfo(np.uint64).max),
        high=np.zeros(columns, dtype=np.uint64),
        marks=np.zeros(rows, dtype=np.uint64),
        marked=np.zeros(0, dtype=np.int64),
    )
    for index, cells in enumerate(grid.columns):
        if cells.source in frame.columns:
            offset = int(grid.offsets[index])
            found.pairs[index] = max(rows - 1, 0)
            counts = _column(found, index, coder_of(cells), frame[cells.source])
            found.counts[offset : offset + cells.size] = counts[: cells.size]
    found.marks, found.marked = smallest(hash_keys(found.marks), None, most)
    return found


def _column(found: Tally, index: int, coder: Coder, column: pl.Series) -> Ints:
    """Count one column, and mix it into the marks of the rows."""
    counts = np.zeros(_SLOTS, dtype=np.int64)
    scratch = np.empty(BLOCK, dtype=np.uint64)
    factor, missing = column_factor(index), coder.cells.missing
    row, before = 0, None
    for block in coder.blocks(column):
        stop = row + len(block.bits)
        counts += np.bincount(block.cells, minlength=_SLOTS)
        lost = int(block.cells.max(initial=0)) >= missing
        same = block.bits[1:] == block.bits[:-1]
        found.repeats[index] += np.count_nonzero(
            same & (block.cells[1:] < missing) if lost else same
        )
        if before is not None and len(block.bits) and block.cells[0] < missing:
            found.repeats[index] += int(block.bits[0] == before)
        known = block.bits[block.cells < missing] if lost else block.bits
        found.low[index] = min(found.low[index], known.min(initial=found.low[index]))
        found.high[index] = max(found.high[index], known.max(initial=0))
        mix_into(found.marks[row:stop], block.bits, factor, scratch)
        row, before = stop, block.bits[-1] if len(block.bits) else before
    return counts


def merged_tally(one: Tally, other: Tally, *, most: int) -> Tally:
    """Add two up."""
    marks, marked = smallest(
        np.concatenate([one.marks, other.marks]), np.concatenate([one.marked, other.marked]), most
    )
    return Tally(
        rows=one.rows + other.rows,
        counts=one.counts + other.counts,
        pairs=one.pairs + other.pairs,
        repeats=one.repeats + other.repeats,
        low=np.minimum(one.low, other.low),
        high=np.maximum(one.high, other.high),
        marks=marks,
        marked=marked,
    )
