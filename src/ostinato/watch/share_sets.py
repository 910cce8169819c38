"""Which sets of cells of a `Shares` stream are watched: borders in order, or the largest cells."""

from __future__ import annotations

from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints

BORDERS: Final = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98)
"""Shares of the reference below the borders that are watched. More of them see narrower moves, and
ask more evidence of each, as all share the budget of their stream."""

LARGEST: Final = 20
"""Cells of a category that are watched each by itself; the others are watched together."""

REST: Final = -1
"""Stands for all cells of the stream that are not watched by themselves."""


def watched_sets(counts: Floats, *, ordered: bool) -> list[int]:
    """Return the sets of one stream, given the rows per cell of its reference.

    Parameters
    ----------
    counts
        (c,), rows per cell, some above 0.
    ordered
        Whether a set is all cells up to one of them, or that cell alone.

    Returns
    -------
    list of int
        Cells, ascending; `REST` first where there is one. Nothing where there is one cell.

    Examples
    --------
    >>> watched_sets(np.array([0.0, 10.0, 80.0, 10.0, 0.0]), ordered=True)
    [0, 1, 2, 3]
    >>> watched_sets(np.array([5.0, 1.0, 4.0]), ordered=False)
    [0, 1, 2]
    """
    if len(counts) < 2:
        return []
    if len(counts) == 2:
        return [1]
    return _borders(counts) if ordered else _cells(counts)


def _borders(counts: Floats) -> list[int]:
    """Return the last cells below the borders whose shares are nearest to those wanted."""
    below = np.cumsum(counts)[:-1] / counts.sum()
    after = np.minimum(np.searchsorted(below, BORDERS, side="left"), len(below) - 1)
    before = np.maximum(np.searchsorted(below, BORDERS, side="right") - 1, 0)
    wanted = np.array(BORDERS)
    nearer = np.abs(below[before] - wanted) <= np.abs(below[after] - wanted)
    chosen: list[int] = np.unique(np.where(nearer, before, after)).tolist()
    return chosen


def _cells(counts: Floats) -> list[int]:
    largest: Ints = np.argsort(-counts, kind="stable")[:LARGEST]
    chosen: list[int] = np.sort(largest).tolist()
    return chosen if len(counts) <= LARGEST else [REST, *chosen]
