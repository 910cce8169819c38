"""Cells into which the values of a column fall: what is counted, and what is compared.

In: nothing. Out: plain values that say, for each column, which cells there are. State: none. A
column has value cells first, then one for missing values and one for values that cannot be read as
what the column holds. Fitted by ``grid``, filled by ``counting``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ostinato.core.canonical import digest
from ostinato.core.records import Floats, Ints

MOST_KNOWN: Final = 10_000
"""Values of a category that are remembered, to tell a new one. Fewer: columns with more cannot be
watched for new values; more: a larger grid, some 100 bytes a value."""

COARSE: Final = 8
"""Value cells of the coarse kind, in which slices are counted. Fewer blur, more cost memory for
each slice group and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCells:
    """Cells of a number: from border to border, closed below; the first and last hold infinities.

    Parameters
    ----------
    name
        What it is called in streams; of an embedding ``column[norm]`` and ``column[1]``, ...
    source, part
        The column, and what of it: -1 the value, 0 the length of a vector, from 1 on its
        projections.
    dtype
        What the column was in the reference.
    width
        Length of the vectors, 0 for numbers.
    centre
        About the median of the reference, from which values are seen.
    starts
        (b,), rank of the code (``counting.ranks``) with which each cell but the first begins;
        empty: cells are found by `borders`.
    borders
        (b,), ascending; where each cell but the first begins.
    inside
        First and last + 1 of the cells within the range of the reference.
    spread
        Standard deviation of the reference, >= 0.
    unseen
        Share of further rows, in [0, 1], that are expected beyond the range though nothing changed.
    coarse
        Coarse cell of each cell.
    """

    name: str
    source: str
    part: int = -1
    dtype: str
    width: int = 0
    centre: float
    starts: tuple[int, ...]
    borders: tuple[float, ...]
    inside: tuple[int, int]
    spread: float
    unseen: float
    coarse: tuple[int, ...]
    ordered: bool = True

    @property
    def missing(self) -> int:
        """The cell of missing values; before it all cells hold values."""
        return len(self.borders) + 1

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.missing + 2

    @property
    def outside(self) -> NDArray[np.bool_]:
        """(cells,), which hold values beyond the range of the reference."""
        beyond = np.ones(self.size, dtype=np.bool_)
        beyond[self.inside[0] : self.inside[1]] = False
        beyond[self.missing :] = False
        return beyond

    def labels(self) -> tuple[str, ...]:
        """Return what each cell holds, for people."""
        ends = [f"{border:.4g}" for border in self.borders]
        inner = [f"[{low}, {high})" for low, high in pairwise(ends)]
        return ("-inf", *inner, "inf", "missing", "unreadable")


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCells:
    """Cells of a category: the most frequent values, the rest of the known ones, new ones.

    Parameters
    ----------
    name, source, dtype, coarse
        See `NumberCells`.
    values
        Values with a cell of their own, most frequent first.
    others
        Further values of the reference, which share a cell.
    crowded
        Whether the reference has more than `MOST_KNOWN` values: what is new is not known then, and
        unknown values count with the rest.
    unseen
        Share of further rows, in [0, 1], that are expected to be new though nothing changed.
    """

    name: str
    source: str
    dtype: str
    values: tuple[str, ...]
    others: tuple[str, ...] = ()
    crowded: bool = False
    unseen: float = 1.0
    coarse: tuple[int, ...]
    ordered: bool = False

    @property
    def rest(self) -> int:
        """The cell of known values without one of their own."""
        return len(self.values)

    @property
    def new(self) -> int:
        """The cell of values that the reference does not have."""
        return len(self.values) + 1

    @property
    def missing(self) -> int:
        """The cell of missing values; before it all cells hold values."""
        return len(self.values) + 2

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.missing + 2

    def labels(self) -> tuple[str, ...]:
        """Return what each cell holds, for people."""
        return (*self.values, "(rest)", "(new)", "missing", "unreadable")


Cells: TypeAlias = NumberCells | CategoryCells


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The cells of all columns, fixed for good: counts in the same grid add up.

    `unmeasured` says which columns are not counted, and why.
    """

    columns: tuple[Cells, ...]
    unmeasured: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """What the grid is known by: equal cells, equal digest."""
        return digest(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is counted, column by column."""
        return tuple(each.name for each in self.columns)

    @property
    def offsets(self) -> Ints:
        """(columns + 1,), where the cells of each column begin among all cells."""
        return np.cumsum([0, *(each.size for each in self.columns)], dtype=np.int64)

    @property
    def coarse_offsets(self) -> Ints:
        """(columns + 1,), where the coarse cells of each column begin among all coarse cells."""
        return np.cumsum([0, *(coarse_size(each) for each in self.columns)], dtype=np.int64)

    def split(self, counts: NDArray[Any]) -> list[NDArray[Any]]:
        """Cut counts (..., cells) of all columns into those of each."""
        return np.split(counts, self.offsets[1:-1], axis=-1) if self.columns else []


def mixed(cells: Cells, counts: Floats) -> Floats:
    """Return the rows whose mix is compared: of values, new ones with the rest.

    The reference has no new ones, however many its size lets come: whether there are too many is
    asked of the quality of values.

    Parameters
    ----------
    cells
        Of the column.
    counts
        (cells,), rows of each.
    """
    if isinstance(cells, NumberCells):
        return counts[: cells.missing]
    known = counts[: cells.new].copy()
    known[cells.rest] += counts[cells.new]
    return known


def coarse_size(cells: Cells) -> int:
    """Return the number of coarse cells; the last one is of missing and unreadable values."""
    return max(cells.coarse) + 1


def coarse_numbers(counts: Ints, inside: tuple[int, int]) -> tuple[int, ...]:
    """Join cells of a number: below the range, about equal parts of it, above it, missing.

    Parameters
    ----------
    counts
        (value cells,), rows of the reference.
    inside
        See `NumberCells`.
    """
    low, high = inside
    inner = np.asarray(counts[low:high], dtype=np.float64)
    before = np.cumsum(inner) - inner
    parts = (before * COARSE / max(float(inner.sum()), 1.0)).astype(np.int64)
    _, dense = np.unique(parts, return_inverse=True)
    count = int(dense.max()) + 1 if len(dense) else 0
    above = [count + 1] * (len(counts) - high)
    return (*[0] * low, *(dense + 1).tolist(), *above, count + 2, count + 2)


def coarse_categories(values: Sequence[str]) -> tuple[int, ...]:
    """Join cells of a category: the most frequent values each, all others, missing."""
    kept = min(len(values), COARSE)
    places = [min(place, kept) for place in range(len(values))]
    return (*places, kept, kept, kept + 1, kept + 1)
