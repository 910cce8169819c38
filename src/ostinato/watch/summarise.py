"""Summarise the inputs of requests as counts: `InputsSummarised` of any rows, in any order.

In: features as served, times and slice groups. Out: one record. State: none but look-up tables; the
answer is a pure function of the rows. Rows of a history are encoded once, so that a tick over them
is a count of small integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.ids import hash_keys
from ostinato.core.records import Codes, Ints
from ostinato.core.watched import InputsSummarised
from ostinato.watch.cells import CategoryCells, Grid
from ostinato.watch.counting import Coder, coder_of, column_factor, mix_into
from ostinato.watch.marks import Hashes, smallest
from ostinato.watch.values import BLOCK

Rows: TypeAlias = slice | Ints
Small: TypeAlias = NDArray[np.unsignedinteger[Any]]

MARKS: Final = 256
"""Different rows per window in which duplicates are counted. Fewer blur small shares; more cost
memory, 16 bytes each."""

MOST_SLICE_CELLS: Final = 50_000
"""Coarse cells of all slice groups together; groups beyond, the smallest, are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Rows as cells: what a summary of any of them needs.

    `cells` (n, columns) are places among all cells of the grid, one more where the column is
    absent; `same` (n, columns) says whether a value is that of the row before, which differs
    elsewhere; `marks` (n,) are equal for equal rows. `coarse` (n, columns) and `groups` (n, slice
    columns) add up to places among (slice groups + 1, coarse cells + 1): the last of each are for
    what is not counted.
    `frame` has the values themselves, for examples.
    """

    cells: Small
    same: NDArray[np.bool_]
    marks: Hashes
    coarse: Small
    groups: Codes
    frame: pl.DataFrame

    def __len__(self) -> int:
        return len(self.marks)


def chosen_groups(groups: Codes, grid: Grid) -> tuple[int, ...]:
    """Return the slice groups that are counted: the largest ones of these rows, in order of code.

    Parameters
    ----------
    groups
        (n, slice columns), -1 for none.
    grid
        Its coarse cells say how many groups `MOST_SLICE_CELLS` holds.
    """
    each = max(int(grid.coarse_offsets[-1]), 1)
    codes, rows = np.unique(groups[groups >= 0], return_counts=True)
    largest = np.lexsort((codes, -rows))[: MOST_SLICE_CELLS // each]
    return tuple(sorted(codes[largest].tolist()))


class Summariser:
    """Counts rows in the cells of a grid, by window of time.

    Parameters
    ----------
    grid
        The cells.
    groups
        Codes of the slice groups that are counted, ascending (`chosen_groups`).
    width_ns
        Width of a window.
    """

    def __init__(self, grid: Grid, groups: Sequence[int] = (), width_ns: int = 1) -> None:
        self.grid, self.groups, self.width_ns = grid, tuple(groups), width_ns

    @cached_property
    def _digest(self) -> str:
        return self.grid.digest

    @cached_property
    def _coders(self) -> tuple[Coder, ...]:
        return tuple(coder_of(each) for each in self.grid.columns)

    @cached_property
    def _total(self) -> int:
        return int(self.grid.offsets[-1])

    @cached_property
    def _new(self) -> list[tuple[int, int]]:
        """Column and place of each cell of new values."""
        places = self.grid.offsets.tolist()
        found = enumerate(self.grid.columns)
        return [(i, places[i] + c.new) for i, c in found if isinstance(c, CategoryCells)]

    @cached_property
    def slice_shape(self) -> tuple[int, int]:
        """Slice groups and coarse cells, one more of each for what is not counted."""
        return len(self.groups) + 1, int(self.grid.coarse_offsets[-1]) + 1

    @cached_property
    def _coarse(self) -> Small:
        """(cells + 1,), place of each cell among all coarse cells; absent columns come last."""
        starts = self.grid.coarse_offsets.tolist()
        columns = enumerate(self.grid.columns)
        places = [starts[i] + coarse for i, column in columns for coarse in column.coarse]
        last = self.slice_shape[1] - 1
        return np.array([*places, last], dtype=_smallest_type(last))

    @cached_property
    def _slots(self) -> Codes:
        """Where the coarse cells of each group begin, by code; others (and -1) come last."""
        count, width = self.slice_shape
        slots = np.full(max(self.groups, default=-1) + 2, count - 1, dtype=np.int32)
        slots[list(self.groups)] = np.arange(len(self.groups))
        return slots * width

    def encode(self, frame: pl.DataFrame, groups: Codes) -> Encoded:
        """Find the cell of every value.

        Parameters
        ----------
        frame
            Features as served, a row per request.
        groups
            (n, slice columns), codes of slice groups, -1 for none.
        """
        shape = (frame.height, len(self.grid.columns))
        cells = np.full(shape, self._total, dtype=_smallest_type(self._total))
        same = np.zeros(shape, dtype=np.bool_)
        marks = np.zeros(frame.height, dtype=np.uint64)
        scratch = np.empty(BLOCK, dtype=np.uint64)
        for index, (column, coder) in enumerate(zip(self.grid.columns, self._coders, strict=True)):
            if column.source not in frame.columns:
                continue
            offset, missing = int(self.grid.offsets[index]), column.missing
            row, before = 0, None
            for block in coder.blocks(frame[column.source]):
                stop = row + len(block.cells)
                cells[row:stop, index] = block.cells
                cells[row:stop, index] += offset
                repeated = same[row:stop, index]
                repeated[1:] = block.bits[1:] == block.bits[:-1]
                if before is not None and len(repeated):
                    repeated[0] = block.bits[0] == before
                repeated &= block.cells < missing
                mix_into(marks[row:stop], block.bits, column_factor(index), scratch)
                row, before = stop, block.bits[-1] if len(block.bits) else before
        same[1:][marks[1:] == marks[:-1]] = False  # whole rows that come twice are duplicates
        return Encoded(
            cells=cells,
            same=same,
            marks=hash_keys(marks),
            coarse=self._coarse[cells] if self.groups else self._coarse[cells[:, :0]],
            groups=self._slots[np.clip(groups, -1, len(self._slots) - 1)],
            frame=frame,
        )

    def count(
        self, frame: pl.DataFrame, times_ns: Ints, groups: Codes, *, now_ns: int
    ) -> InputsSummarised:
        """Summarise rows.

        Parameters
        ----------
        frame, groups
            See `encode`.
        times_ns
            (n,), when each was asked for.
        now_ns
            Stamp of the record.
        """
        encoded = self.encode(frame, groups)
        return self.tell(encoded, times_ns, 0, len(encoded), now_ns=now_ns)

    def tell(
        self,
        encoded: Encoded,
        times_ns: Ints,
        start: int,
        stop: int,
        *,
        now_ns: int,
        width_ns: int | None = None,
    ) -> InputsSummarised:
        """Summarise the rows [start, stop) of encoded ones; arrays are those of all rows.

        `width_ns`: of the windows, where it is not the usual one.
        """
        width = self.width_ns if width_ns is None else width_ns
        starts, parts = _windows(times_ns, start, stop, width)
        told = [self._part(encoded, times_ns, part, start) for part in parts]
        return InputsSummarised(
            ts_event_ns=int(times_ns[start:stop].max()) if stop > start else now_ns,
            ts_record_ns=now_ns,
            grid=self._digest,
            width_ns=width,
            starts_ns=starts,
            counts=np.array([each.counts for each in told], dtype=np.int64).reshape(
                len(told), self._total
            ),
            repeats=np.array([each.repeats for each in told], dtype=np.int64).reshape(
                len(told), len(self.grid.columns)
            ),
            rows=_numbers([each.rows for each in told]),
            pairs=_numbers([each.pairs for each in told]),
            first_ns=_numbers([each.first_ns for each in told]),
            last_ns=_numbers([each.last_ns for each in told]),
            silence_ns=_numbers([each.silence_ns for each in told]),
            marks=_joined([each.marks for each in told], np.uint64),
            marked=_joined([each.marked for each in told], np.int64),
            mark_starts=_ends([len(each.marks) for each in told]),
            slice_cells=_joined([each.slice_cells for each in told], np.int32),
            slice_rows=_joined([each.slice_rows for each in told], np.int32),
            slice_starts=_ends([len(each.slice_cells) for each in told]),
            novel=self._novel(encoded, parts, told),
        )

    def _part(self, encoded: Encoded, times_ns: Ints, part: Rows, start: int) -> _Part:
        """Count the rows of one window; the row before the first of all is not known."""
        cells, times = encoded.cells[part], times_ns[part]
        counts = np.bincount(cells.ravel(), minlength=self._total + 1)[: self._total]
        same = encoded.same[part]
        first = part.start == start if isinstance(part, slice) else bool(part[0] == start)
        repeats = np.add.reduce(same, axis=0, dtype=np.int64)
        if first:
            repeats -= same[0]
        marks, marked = encoded.marks[part], np.ones(len(times), dtype=np.int64)
        if len(marks) > MARKS:  # so few are all among the smallest
            marks, marked = smallest(marks, None, MARKS)
        gaps = times[1:] - times[:-1]
        if len(gaps) and int(gaps.min()) < 0:
            times = np.sort(times)
            gaps = times[1:] - times[:-1]
        slice_cells, slice_rows = self._by_slice(encoded.coarse[part], encoded.groups[part])
        return _Part(
            rows=len(times),
            counts=counts,
            pairs=len(times) - first,
            repeats=repeats,
            first_ns=int(times[0]),
            last_ns=int(times[-1]),
            silence_ns=int(gaps.max()) if len(gaps) else 0,
            marks=marks,
            marked=marked,
            slice_cells=slice_cells,
            slice_rows=slice_rows,
        )

    def _by_slice(self, coarse: Small, groups: Codes) -> tuple[Codes, Codes]:
        """Return places among (slice groups, coarse cells) and the rows of each."""
        if not self.groups:
            return _NO_CODES, _NO_CODES
        places = (groups[:, :, None] + coarse[:, None, :]).ravel()
        groups_count, width = self.slice_shape
        if len(places) < groups_count * width:
            return places, np.ones(len(places), dtype=np.int32)
        rows = np.bincount(places)
        kept = np.flatnonzero(rows)
        return kept.astype(np.int32), rows[kept].astype(np.int32)

    def _novel(
        self, encoded: Encoded, parts: Sequence[Rows], told: Sequence[_Part]
    ) -> dict[str, tuple[str, ...]]:
        """Return a value that the reference does not have, of each column with one."""
        found: dict[str, tuple[str, ...]] = {}
        for index, place in self._new:
            for part, each in zip(parts, told, strict=True):
                if each.counts[place]:
                    column = self.grid.columns[index]
                    at = int(np.argmax(encoded.cells[part, index] == place))
                    row = part.start + at if isinstance(part, slice) else int(part[at])
                    found[column.name] = (str(encoded.frame[column.source][row]),)
                    break
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What is told of one window, as in `InputsSummarised`."""

    rows: int
    counts: Ints
    pairs: int
    repeats: Ints
    first_ns: int
    last_ns: int
    silence_ns: int
    marks: Hashes
    marked: Ints
    slice_cells: Codes
    slice_rows: Codes


def _smallest_type(largest: int) -> type[np.unsignedinteger[Any]]:
    return np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32


_NONE: Final = np.empty(0, dtype=np.int64)
_NO_CODES: Final = np.empty(0, dtype=np.int32)


def _windows(times_ns: Ints, start: int, stop: int, width: int) -> tuple[Ints, list[Rows]]:
    """Return the starts of the windows of rows, and which rows each has."""
    if start == stop:
        return _NONE, []
    windows = times_ns[start:stop] // width
    first = int(windows[0])
    if first == int(windows[-1]) and bool((windows == first).all()):
        return np.array([first * width], dtype=np.int64), [slice(start, stop)]
    order = np.argsort(windows, kind="stable")
    begins = np.flatnonzero(np.diff(windows[order], prepend=windows[order[0]] - 1))
    ends = [*begins[1:].tolist(), len(order)]
    parts: list[Rows] = [
        _rows(start + order[begin:end]) for begin, end in zip(begins.tolist(), ends, strict=True)
    ]
    return windows[order[begins]] * width, parts


def _rows(rows: Ints) -> Rows:
    # Rows in a run are a view of the encoded ones, without a copy.
    first, last = int(rows[0]), int(rows[-1])
    run = last - first == len(rows) - 1  # they ascend
    return slice(first, last + 1) if run else rows


def _numbers(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _ends(sizes: Sequence[int]) -> Ints:
    return np.cumsum([0, *sizes], dtype=np.int64)
