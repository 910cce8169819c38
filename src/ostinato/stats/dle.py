"""The loss of a regression before labels: what was lost on rows like these.

In: labelled rows and their losses, per cell (of the prediction, or of anything else that is known
before the label), then rows per cell. Out: the mean loss that is expected, with its errors. No
state: sums of several windows add up, and are fitted again. It holds while rows of one cell lose
what they lost before.

Source: direct loss estimation, as in NannyML, with cells in place of a regression on features.
"""

import math
from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray, as_floats, ratio
from ostinato.stats.cbpe import Estimate, estimated


@dataclass(frozen=True, slots=True)
class CellLosses:
    """What is lost on rows of each cell.

    Parameters
    ----------
    means, errors
        (b,), mean loss, and the squared standard error that each cell has of its own.
    spreads
        (b,), variance of the loss of one row.
    pulled
        (b,), how far each cell was drawn to the mean of all, in [0, 1].
    common
        squared standard error of the mean of all.
    """

    means: FloatArray
    errors: FloatArray
    spreads: FloatArray
    pulled: FloatArray
    common: float

    def variance_of(self, weights: FloatArray) -> float:
        """Return the variance of a weighted sum of the means, (b,) weights."""
        shared = float(weights @ self.pulled)
        return float(np.square(weights) @ self.errors) + shared * shared * self.common


def cell_losses(rows: FloatArray, sums: FloatArray, squares: FloatArray) -> CellLosses:
    """Fit the mean loss of each cell, drawn towards that of all rows as far as cells are alike.

    Parameters
    ----------
    rows, sums, squares
        (b,), labelled rows, sum of their losses and of the losses squared; need not be whole.

    Returns
    -------
    CellLosses
        NaN throughout where there is no row at all.

    Raises
    ------
    ValueError
        when shapes differ, or a number is not finite, or rows are negative.

    Source: one-way random effects; variance between cells by moments, DerSimonian and Laird 1986.
    """
    n, total, squared = as_floats(rows), as_floats(sums), as_floats(squares)
    if not n.shape == total.shape == squared.shape or n.ndim != 1:
        raise ValueError(f"one sum per cell expected: {n.shape}, {total.shape}, {squared.shape}")
    if not np.isfinite(n.sum() + total.sum() + squared.sum()) or (n < 0.0).any():
        raise ValueError("sums must be finite, and rows not negative")
    rows_all = float(n.sum())
    mean = float(ratio(total.sum(), rows_all))
    own = np.nan_to_num(ratio(total, n))
    inside = np.maximum(squared - n * np.square(own), 0.0)
    within = float(ratio(inside.sum(), max(rows_all - (n > 0.0).sum(), 1.0)))
    prior = _prior_rows(n, own - mean, within) if rows_all else 1.0
    spreads = (inside + prior * within) / (n + prior)
    pulled = prior / (n + prior)
    return CellLosses(
        means=mean + (1.0 - pulled) * np.where(n > 0.0, own - mean, 0.0),
        errors=spreads / (n + prior),
        spreads=spreads,
        pulled=pulled,
        common=float(ratio(within, rows_all)),
    )


def _prior_rows(n: FloatArray, apart: FloatArray, within: float) -> float:
    """Return how many rows the mean of all counts for: variance of a row by that between cells."""
    rows = float(n.sum())
    cells = float((n > 0.0).sum())
    scatter = float(n @ np.square(apart)) - (cells - 1.0) * within
    between = max(scatter, 0.0) / max(rows - float(n @ n) / rows, 1e-12)
    return min(within / between, rows) if between > 0.0 else rows


def dle(rows: FloatArray, losses: CellLosses) -> Estimate:
    """Return the mean loss that is expected of rows, (b,) per cell.

    Examples
    --------
    >>> known = cell_losses(np.array([1e6, 1e6]), np.array([1e6, 3e6]), np.array([2e6, 1e7]))
    >>> expected = dle(np.array([10.0, 30.0]), known)
    >>> round(expected.value, 3), round(expected.se_labels, 3)
    (2.5, 0.158)
    """
    n = as_floats(rows)
    total = float(n.sum())
    if not total or np.isnan(losses.means).any():
        return Estimate(math.nan, math.nan, math.nan, math.nan, math.nan)
    share = n / total
    return estimated(
        float(share @ losses.means),
        math.sqrt(losses.variance_of(share)),
        math.sqrt(float(share @ losses.spreads) / total),
    )
