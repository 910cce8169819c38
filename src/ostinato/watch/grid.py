"""Fit the cells of all columns to a reference.

In: a table. Out: a `Grid`, fixed for good, so that counts of any rows add up and compare. State:
none. Numbers get cells of about equal parts of the reference, and a few beyond its range;
categories a cell for each frequent value. What cannot be counted is said, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.watch.cells import (
    MOST_KNOWN,
    CategoryCells,
    Cells,
    Grid,
    NumberCells,
    coarse_categories,
    coarse_numbers,
)
from ostinato.watch.codes import INFINITE, LOWEST, codes, lower_ends, ranks
from ostinato.watch.values import PROJECTIONS, is_number, part_name, read_numbers, text_of, width_of

Keys: TypeAlias = NDArray[Any]  # sorted: ranks of codes, or values

CELLS: Final = 64
"""Cells of one column within the reference's range. Fewer blur distances, more need more rows to
say anything."""

_BEYOND: Final = (0.0, 0.25, 1.0, 4.0)
"""Where cells beyond the range begin, in ranges of the reference."""

_LARGEST: Final = 1e37  # farther from the centre, 32 bits are too few
_MAX: Final = float(np.finfo(np.float64).max)


def fit_grid(frame: pl.DataFrame, columns: Sequence[str], *, cells: int = CELLS) -> Grid:
    """Return cells for columns of a reference.

    Parameters
    ----------
    frame
        The reference; may have no rows.
    columns
        What is to be counted, in this order.
    cells
        How many cells a column has within the reference's range, in [2, 96].
    """
    assert 2 <= cells <= 96, "cells of a column are numbered in 8 bits"
    found: list[Cells] = []
    reasons: list[tuple[str, str]] = []
    for name in columns:
        if name not in frame.columns:
            reasons.append((name, "the reference has no such column"))
            continue
        fitted = list(_fit(frame[name], cells))
        found += [each for each in fitted if not isinstance(each, str)]
        reasons += [(name, each) for each in fitted if isinstance(each, str)]
    return Grid(columns=tuple(found), unmeasured=tuple(reasons))


def _fit(column: pl.Series, cells: int) -> Iterator[Cells | str]:
    """Yield the cells of a column, or why there are none."""
    if column.null_count() == len(column):
        yield CategoryCells(
            name=column.name,
            source=column.name,
            dtype=str(column.dtype),
            values=(),
            coarse=coarse_categories(()),
        )
    elif is_number(column.dtype):
        yield _number(column, -1, 0, cells)
    elif column.dtype.base_type() in (pl.List, pl.Array):
        yield from _vectors(column, cells)
    elif column.dtype.is_nested() or column.dtype == pl.Binary:
        yield f"values are of type {column.dtype}; give its parts as columns"
    else:
        yield _category(column, cells)


def _vectors(column: pl.Series, cells: int) -> Iterator[Cells | str]:
    width = width_of(column)
    if isinstance(width, str):
        yield width
        return
    for part in range(PROJECTIONS + 1):
        yield _number(column, part, width, cells)


def _number(column: pl.Series, part: int, width: int, cells: int) -> NumberCells:
    blocks = [values.copy() for values, _ in read_numbers(column, part, width)]
    values = np.concatenate(blocks)
    known = np.sort(values[np.isfinite(values)])
    centre = float(known[len(known) // 2]) if len(known) else 0.0
    starts, borders, inside = _cut(known, centre, cells)
    counts = _counted(known, centre, starts, borders)
    return NumberCells(
        name=part_name(column.name, part),
        source=column.name,
        part=part,
        dtype=str(column.dtype),
        width=width,
        centre=centre,
        starts=tuple(starts.tolist()),
        borders=tuple(borders.tolist()),
        inside=inside,
        spread=_spread(known, centre),
        coarse=coarse_numbers(counts, inside),
    )


def _spread(known: Floats, centre: float) -> float:
    if not len(known):
        return 0.0
    scale = max(float(known[-1]) - centre, centre - float(known[0]))
    return scale * float(((known - centre) / scale).std()) if 0.0 < scale < _MAX else 0.0


def _cut(known: Floats, centre: float, cells: int) -> tuple[Ints, Floats, tuple[int, int]]:
    """Return the starts of cells as ranks and as values, and which are inside.

    Ranks are not used where they would blur what the reference tells apart.
    """
    none = np.empty(0, dtype=np.int64)
    if not len(known):
        return none, np.array([-_MAX, np.inf]), (1, 1)
    with np.errstate(over="ignore"):
        far = max(known[-1] - centre, centre - known[0]) > _LARGEST
    if not far:
        ranked = ranks(codes(known, centre, np.empty(len(known), dtype=np.float32)))
        if not _blurred(known, ranked, cells):
            starts, inside = _starts(ranked, _outer(known, centre, ranked), cells)
            borders = lower_ends(starts, centre)
            borders[0] = -_MAX
            return starts, borders, inside
    borders, inside = _starts(known, _outer(known, centre, None), cells)
    return none, borders, inside


def _blurred(known: Floats, ranked: Ints, cells: int) -> bool:
    """Say whether many different values share one code."""
    first = np.flatnonzero(np.diff(ranked, prepend=-1))
    last = np.append(first[1:], len(ranked)) - 1
    heavy = last - first > 2 * len(known) / cells
    return bool((heavy & (known[first] != known[last])).any())


def _outer(known: Floats, centre: float, ranked: Ints | None) -> tuple[Keys, Keys]:
    """Return where cells below and above the range begin, as ranks or as values."""
    with np.errstate(over="ignore"):
        reach = float(known[-1] - known[0]) or max(abs(centre), 1.0)
        steps = np.array(_BEYOND[1:]) * min(reach, _MAX / 8)
        low = np.clip(known[0] - steps[::-1], -_MAX, _MAX)
        high = np.clip(known[-1] + steps, -_MAX, _MAX)
    if ranked is None:
        above = np.nextafter(known[-1], np.inf)
        return np.append(-_MAX, low), np.concatenate([[above], high, [np.inf]])
    scratch = np.empty(len(low), dtype=np.float32)
    below = ranks(codes(low, centre, scratch))
    top = ranks(codes(high, centre, scratch))
    return np.append(LOWEST, below), np.concatenate([[ranked[-1] + 1], top, [INFINITE]])


def _starts(keys: Keys, outer: tuple[Keys, Keys], cells: int) -> tuple[Keys, tuple[int, int]]:
    """Return where all cells but the first begin, given sorted keys of the reference."""
    below, above = outer
    inner = _inner(keys, cells)
    low = np.unique(below[below < inner[0]])
    high = np.unique(above[above > keys[-1]])
    return np.concatenate([low, inner, high]), (len(low) + 1, len(low) + 1 + len(inner))


def _inner(keys: Keys, cells: int) -> Keys:
    """Return where the cells within the range begin: parts of about equal size."""
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    if len(first) <= cells:
        return keys[first]
    places = np.arange(cells) * len(keys) // cells
    sizes = np.diff(first, append=len(keys))
    heavy = np.flatnonzero(sizes[:-1] > len(keys) // cells)  # they share their cell with no other
    after = keys[first[heavy + 1]]
    return np.unique(np.concatenate([keys[places], keys[first[heavy]], after]))


def _counted(known: Floats, centre: float, starts: Ints, borders: Floats) -> Floats:
    """Count the reference in its value cells."""
    keys: Keys = known
    if len(starts):
        keys = ranks(codes(known, centre, np.empty(len(known), dtype=np.float32)))
    cells = np.searchsorted(starts if len(starts) else borders, keys, side="right")
    return np.bincount(cells, minlength=len(borders) + 1).astype(np.float64)


def _category(column: pl.Series, cells: int) -> CategoryCells:
    counted = (
        text_of(column)
        .alias("value")
        .drop_nulls()
        .value_counts()
        .sort(["count", "value"], descending=[True, False])
    )
    values = tuple(counted["value"].head(cells - 1).to_list())
    crowded = counted.height > MOST_KNOWN
    others = () if crowded else tuple(counted["value"].slice(cells - 1).sort().to_list())
    return CategoryCells(
        name=column.name,
        source=column.name,
        dtype=str(column.dtype),
        values=values,
        others=others,
        crowded=crowded,
        coarse=coarse_categories(values),
    )
