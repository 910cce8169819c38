"""How often a score comes true: rates per cell of the score, from few or many labelled rows.

In: labelled rows and those that came true, per cell, cells in the order of the score. Out: a rate
per cell that never falls as the score rises, and how sure it is. No state: counts of several
windows add up, and are fitted again.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from ostinato.stats.arrays import FloatArray, as_floats

PRIOR_ROWS = 10.0
"""Rows that the smooth line through all cells counts for in each of them. Fewer: rates of thin
cells are noise; more: a bend of the true curve is smoothed away."""

_LINE_SD = np.array([1.0, 0.5])
"""What is expected beforehand of the line's offset and slope, as deviations from 0 and 1: a model
is about calibrated until rows say otherwise. Smaller: a few rows change nothing; larger: a few rows
of one class send the line anywhere."""

_STEPS = 25
_NEAREST = 1e-6  # to 0 and 1 that a score or a rate counts as


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rates of cells, and how sure they are.

    Parameters
    ----------
    rates
        (b,), chance that a row of the cell comes true, in (0, 1); never falls.
    blocks
        (b,), which cells have one rate in common, numbered from 0: they err together.
    variances
        (b,), squared standard error of the rate of the cell's block.
    """

    rates: FloatArray
    blocks: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    variances: FloatArray

    def variance_of(self, weights: FloatArray) -> float:
        """Return the variance of a weighted sum of the rates, (b,) weights."""
        by_block = np.bincount(self.blocks, weights)
        variances = np.zeros(by_block.size)
        variances[self.blocks] = self.variances
        return float(np.square(by_block) @ variances)


def calibrate(
    rows: FloatArray,
    hits: FloatArray,
    centres: FloatArray,
    *,
    prior: FloatArray | None = None,
    prior_rows: float = PRIOR_ROWS,
) -> Calibration:
    """Fit the rates of cells.

    Each cell is drawn towards a line through all of them (logistic in the log odds of the score),
    as if that were `prior_rows` rows more; then neighbours whose rates fall are pooled.

    Parameters
    ----------
    rows, hits
        (b,), labelled rows and those that came true; need not be whole numbers (faded, weighted).
    centres
        (b,), the score in the middle of each cell, rising, in [0, 1].
    prior
        (b,), rates to draw towards in place of the line.
    prior_rows
        How many rows the line counts for, > 0.

    Returns
    -------
    Calibration
        rates and their errors. Without rows: the scores as they are, and large errors.

    Raises
    ------
    ValueError
        when shapes differ or a count is negative or not finite.

    Source: isotonic regression of binned rates, Zadrozny and Elkan 2002; line in the log odds,
    Platt 1999; the error of a block is that of its beta posterior.

    Examples
    --------
    >>> centres = np.array([0.2, 0.8])
    >>> calibrate(np.array([1000.0, 1000.0]), np.array([100.0, 600.0]), centres).rates.round(2)
    array([0.1, 0.6])
    >>> calibrate(np.zeros(2), np.zeros(2), centres).rates.round(2)
    array([0.2, 0.8])
    """
    n, came, at = as_floats(rows), as_floats(hits), as_floats(centres)
    if not n.shape == came.shape == at.shape or n.ndim != 1:
        raise ValueError(f"one count per cell expected: {n.shape}, {came.shape}, {at.shape}")
    if not np.isfinite(n.sum() + came.sum()) or (n < 0.0).any() or (came < 0.0).any():
        raise ValueError("counts must be finite and not negative")
    came = np.minimum(came, n)
    line = _line(n, came, at) if prior is None else as_floats(prior)
    weight = n + prior_rows
    fitted = isotonic_regression((came + prior_rows * line) / weight, weights=weight)
    rates = np.clip(as_floats(fitted.x), _NEAREST, 1.0 - _NEAREST)
    sizes = np.diff(fitted.blocks)
    blocks = np.repeat(np.arange(sizes.size), sizes)
    # The line is no further evidence: it was drawn through the same rows.
    told = np.bincount(blocks, n)[blocks]
    shrunk = (rates * told + 0.5) / (told + 1.0)  # a rate of 0 is not surely 0
    return Calibration(rates, blocks, shrunk * (1.0 - shrunk) / (told + 1.0))


def _line(n: FloatArray, came: FloatArray, centres: FloatArray) -> FloatArray:
    """Return the rates of a logistic line in the log odds of the score; damped Newton steps."""
    x = np.stack([np.ones(n.size), logit(np.clip(centres, _NEAREST, 1.0 - _NEAREST))])
    start, precision = np.array([0.0, 1.0]), 1.0 / np.square(_LINE_SD)
    line = start.copy()
    for _ in range(_STEPS):
        rates = expit(line @ x)
        slope = x @ (came - n * rates) - precision * (line - start)
        curvature = (x * (n * rates * (1.0 - rates))) @ x.T + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        longest = float(np.abs(step).max())
        line = line + step / max(longest, 1.0)
        if longest < 1e-9:
            break
    found: FloatArray = expit(line @ x)
    return found
