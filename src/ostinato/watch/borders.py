"""Cells of a number: where to cut its range, and how many rows fall where."""

from __future__ import annotations

from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints

CELLS: Final = 40
"""Cells of a score. Fewer: a shift inside a cell is not seen; more: nothing is gained, as shares
below about ten borders are watched."""

UNIT_BORDERS: Final = tuple(np.linspace(0.0, 1.0, CELLS + 1)[1:-1].tolist())
"""Borders of equal cells of a probability."""


def quantile_borders(values: Floats, cells: int = CELLS) -> tuple[float, ...]:
    """Return borders with about as many values between any two of them.

    Parameters
    ----------
    values
        (n,), NaN and infinities are left out.
    cells
        How many cells there are at most, >= 2; fewer where many values are equal.

    Returns
    -------
    tuple of float
        Rising; a value that equals a border belongs to the cell above it. Empty without values. A
        value that stands for many rows has a cell of its own.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    ranks = np.linspace(0.0, 1.0, cells + 1)[1:-1]
    cuts = np.unique(np.quantile(known, ranks, method="inverted_cdf"))
    # Where a border has many equals, what lies above it is another cell than they are.
    heavy = cuts[np.array([(known == cut).mean() > 2.0 / cells for cut in cuts])]
    borders = np.union1d(cuts, np.nextafter(heavy, np.inf))
    found: list[float] = borders.tolist()
    return tuple(found)


def cell_of(values: Floats, borders: Floats) -> Ints:
    """Return the cell of each value, 0 to ``len(borders)``; values must not be NaN."""
    cells: Ints = np.searchsorted(borders, values, side="right")
    return cells
