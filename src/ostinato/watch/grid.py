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
from ostinato.watch.codes import CODES, INFINITE, LOWEST, codes, lower_ends, ranks
from ostinato.watch.values import PROJECTIONS, is_number, part_name, read_numbers, text_of, width_of

Keys: TypeAlias = NDArray[Any]  # sorted: ranks of codes, or values

CELLS: Final = 64
"""Cells of one column within the reference's range. Fewer blur distances, more need more rows to
say anything."""

_BEYOND: Final = (0.25, 1.0, 4.0)
"""How far beyond the range further cells begin, in ranges of the reference."""

_TAIL: Final = (4, 16)  # how much thinner the outermost cells within the range are
_ENOUGH: Final = 16  # cells from which on some are spared for the tails

_OWN: Final = 20
"""Rows that a value must have for a cell of its own where there are more values than cells. Fewer:
those are chosen that came often by chance, and come less often ever after."""

_FOR_CENTRE: Final = 10_000  # values of which the centre is the median: it need not be exact

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
    """Return the cells of a number.

    The next of n + 1 exchangeable values is the smallest or the largest with chance 2 / (n + 1).
    """
    blocks = [values.copy() for values, _ in read_numbers(column, part, width)]
    values = np.concatenate(blocks) if blocks else np.empty(0)
    known = values[np.isfinite(values)]
    centre = _centre(known)
    spread, far = _spread(known, centre)
    cut = _by_rank(known, centre, cells) if far < _LARGEST else None
    starts, borders, inside, counts = _by_value(known, centre, cells) if cut is None else cut
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
        spread=spread,
        unseen=2.0 / (len(known) + 1.0),
        coarse=coarse_numbers(counts, inside),
    )


def _centre(known: Floats) -> float:
    """Return the median of some of the values, evenly taken; 0 without any."""
    some = known[:: max(len(known) // _FOR_CENTRE, 1)]
    return float(np.partition(some, len(some) // 2)[len(some) // 2]) if len(some) else 0.0


def _spread(known: Floats, centre: float) -> tuple[float, float]:
    """Return the standard deviation, 0 where it cannot be told, and the largest distance."""
    if not len(known):
        return 0.0, 0.0
    with np.errstate(over="ignore"):
        away = known - centre
        far = float(max(away.max(), -away.min()))
    if far == 0.0 or far >= _MAX:
        return 0.0, far
    return far * float((away / far).std()), far


Cut: TypeAlias = tuple[Ints, Floats, tuple[int, int], Ints]  # starts, borders, inside, counts


def _by_rank(known: Floats, centre: float, cells: int) -> Cut | None:
    """Cut at ranks of codes; None where they blur what the reference tells apart."""
    coded = codes(known, centre, np.empty(len(known), dtype=np.float32))
    by_code = np.bincount(coded, minlength=CODES)
    used = np.flatnonzero(by_code).astype(np.uint16)
    order = np.argsort(ranks(used))
    keys, sizes = ranks(used)[order], by_code[used[order]]
    for code in used[order][sizes > 2 * len(known) / cells].tolist():
        together = known[coded == code]
        if together.min() != together.max():
            return None
    low, high = _outer(known, centre)
    near = np.concatenate([low, high])
    outer = ranks(codes(near, centre, np.empty(len(near), dtype=np.float32)))
    below = np.append(LOWEST, outer[: len(low)])
    above = np.concatenate([keys[-1:] + 1, outer[len(low) :], [INFINITE]])
    starts, inside = _starts(keys, sizes, below, above, cells)
    borders = lower_ends(starts, centre)
    borders[0] = -_MAX
    return starts, borders, inside, _counted(starts, keys, sizes)


def _by_value(known: Floats, centre: float, cells: int) -> Cut:
    """Cut at values: each is found by a search."""
    keys, sizes = np.unique(known, return_counts=True)
    low, high = _outer(known, centre)
    above = np.concatenate([np.nextafter(keys[-1:], np.inf), high, [np.inf]])
    borders, inside = _starts(keys, sizes, np.append(-_MAX, low), above, cells)
    return np.empty(0, dtype=np.int64), borders, inside, _counted(borders, keys, sizes)


def _outer(known: Floats, centre: float) -> tuple[Floats, Floats]:
    """Return where cells below and above the range begin."""
    if not len(known):
        return known, known
    least, most = float(known.min()), float(known.max())
    reach = min(most - least, _MAX / 8) or max(abs(centre), 1.0)
    with np.errstate(over="ignore"):
        low = np.clip(least - reach * np.array(_BEYOND[::-1]), -_MAX, _MAX)
        high = np.clip(most + reach * np.array(_BEYOND), -_MAX, _MAX)
    return low, high


def _starts(
    keys: Keys, sizes: Ints, below: Keys, above: Keys, cells: int
) -> tuple[Keys, tuple[int, int]]:
    """Return where all cells but the first begin, and which are inside the range.

    Parameters
    ----------
    keys, sizes
        Different keys of the reference, ascending, and the rows of each.
    below, above
        Where cells beyond the range may begin.
    cells
        See `fit_grid`.
    """
    if not len(keys):
        return np.array([below[0], above[-1]]), (1, 1)
    inner = keys[_inner(sizes, cells)]
    low, high = np.unique(below[below < inner[0]]), np.unique(above[above > keys[-1]])
    return np.concatenate([low, inner, high]), (len(low) + 1, len(low) + 1 + len(inner))


def _inner(sizes: Ints, cells: int) -> Ints:
    """Return with which keys the cells within the range begin: parts of about equal size.

    The outermost parts are cut at a quarter and a sixteenth of them, since tails are long.
    """
    if len(sizes) <= cells:
        return np.arange(len(sizes))
    until, rows = np.cumsum(sizes), int(sizes.sum())
    equal = cells - 2 * len(_TAIL) if cells >= _ENOUGH else cells
    part = rows // equal
    places = np.arange(equal) * rows // equal
    if cells >= _ENOUGH:
        tail = part // np.array(_TAIL)
        places = np.concatenate([places, tail, rows - tail])
    parts = np.searchsorted(until, np.minimum(places, rows - 1), side="right")
    heavy = np.flatnonzero(sizes[:-1] > part)  # they share their cell with no other
    return np.unique(np.concatenate([parts, heavy, heavy + 1]))


def _counted(starts: Keys, keys: Keys, sizes: Ints) -> Ints:
    """Count the reference in its value cells."""
    cells = np.searchsorted(starts, keys, side="right")
    return np.bincount(cells, weights=sizes, minlength=len(starts) + 1).astype(np.int64)


def _category(column: pl.Series, cells: int) -> CategoryCells:
    """Return the cells of a category.

    Source of the share of unseen values: Good 1953 (those seen once, over all).
    """
    counted = (
        text_of(column)
        .alias("value")
        .drop_nulls()
        .value_counts()
        .sort(["count", "value"], descending=[True, False])
    )
    own = counted.height
    if own >= cells:
        own = min(int((counted["count"] >= _OWN).sum()), cells - 1)
    values = tuple(counted["value"].head(own).to_list())
    crowded = counted.height > MOST_KNOWN
    others = () if crowded else tuple(counted["value"].slice(own).sort().to_list())
    return CategoryCells(
        name=column.name,
        source=column.name,
        dtype=str(column.dtype),
        values=values,
        others=others,
        crowded=crowded,
        unseen=float((counted["count"] == 1).sum()) / max(float(counted["count"].sum()), 1.0),
        coarse=coarse_categories(values),
    )
