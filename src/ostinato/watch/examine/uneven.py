"""Whether the loss rose evenly: cells of a column whose meaning changed lose more than others.

What no move of inputs explains shows here.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.sample import Sample

_CELLS: Final = 8  # of a column of numbers, and rows that a cell needs


def unevenness(coding: Coding, place: int, before: Floats, current: Sample) -> float:
    """Return by how much the rise of the loss differs between the cells of a column.

    Parameters
    ----------
    coding, place
        The column.
    before
        (n,) losses of the reference.
    current
        Current rows; 0 is returned where they lack losses.

    Returns
    -------
    float
        Standard deviation of the rise over cells, less what chance gives; 0 where it may be none.

    Source: DerSimonian and Laird 1986 (spread between studies, by moments).
    """
    if not current.known.all():
        return 0.0
    now = current.losses
    column = coding.columns[place]
    width = -(-column.cells // _CELLS) if column.ordered else 1
    stats = [
        _moments(codes[:, place] // width, losses, column.cells)
        for codes, losses in ((coding.reference, before), (coding.current, now))
    ]
    enough = (stats[0][0] >= _CELLS) & (stats[1][0] >= _CELLS)
    if enough.sum() < 2:
        return 0.0
    rise = (stats[1][1] - stats[0][1])[enough]
    noise = sum(variance[enough] / rows[enough] for rows, _, variance in stats)
    weights = 1.0 / np.maximum(noise, 1e-12)
    middle = float(weights @ rise / weights.sum())
    heterogeneity = float(weights @ np.square(rise - middle))
    scale = float(weights.sum() - np.square(weights).sum() / weights.sum())
    spread = (heterogeneity - (len(rise) - 1)) / scale if scale > 0.0 else 0.0
    # A column whose rises differ no more than in nineteen of twenty unchanged ones is even.
    sure = heterogeneity > len(rise) - 1 + 2.0 * np.sqrt(2.0 * (len(rise) - 1))
    return float(np.sqrt(max(spread, 0.0))) if sure else 0.0


def _moments(
    cells: NDArray[Any], values: Floats, count: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    rows = np.bincount(cells, minlength=count)
    safe = np.maximum(rows, 1)
    mean = np.bincount(cells, weights=values, minlength=count) / safe
    square = np.bincount(cells, weights=np.square(values - mean[cells]), minlength=count)
    return rows, mean, square / np.maximum(rows - 1, 1)
