"""Calibration for the inputs that come now: rows of the reference count as often as they do today.

In: labelled rows of the reference with their scores, and how much more often each sort of row comes
now (a density ratio, from a domain classifier). Out: rates per cell of the score, for ``cbpe``.
No state. A plain calibration asks how often a score comes true among the inputs of then; where the
inputs moved, rows of one score are others than they were.
"""

from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray, as_floats
from ostinato.stats.calibration import Calibration, calibrate

MOST_WEIGHT = 20.0
"""Weight that a row can have. Smaller: rows that are typical now count too little; larger: a few
rows decide everything."""

LEAST_ROWS = 100.0
"""Effective rows that a weighted calibration needs. Fewer: it is noise, and the plain one is as
good."""


@dataclass(frozen=True, slots=True)
class WeightedCalibration:
    """A calibration for today's inputs.

    Parameters
    ----------
    calibration
        rates of the cells; None where there is too little overlap to fit them.
    effective_rows
        (sum w)^2 / sum w^2: how many equally weighted rows say as much.
    clipped
        share of rows whose weight was cut at ``MOST_WEIGHT``.
    """

    calibration: Calibration | None
    effective_rows: float
    clipped: float


def density_ratio(chances: FloatArray, reference_rows: int, current_rows: int) -> FloatArray:
    """Return how much more often rows come now than in the reference.

    Parameters
    ----------
    chances
        (n,), chance that a row is one of the current ones, by a classifier that saw it not; in
        [0, 1].
    reference_rows, current_rows
        how many of each it was trained on, >= 1.

    Returns
    -------
    FloatArray
        (n,), in [0, ``MOST_WEIGHT``].

    Raises
    ------
    ValueError
        when a chance is not in [0, 1] or there are no rows.

    Source: Bickel, Brueckner, Scheffer 2009, "Discriminative learning under covariate shift": p /
    (1 - p) times n_reference / n_current.

    Examples
    --------
    >>> density_ratio(np.array([0.5, 0.75, 1.0]), 100, 100).tolist()
    [1.0, 3.0, 20.0]
    """
    p = as_floats(chances)
    if reference_rows < 1 or current_rows < 1 or not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("chances must be in [0, 1], and there must be rows of both")
    odds = np.full(p.shape, np.inf)
    np.divide(p, 1.0 - p, out=odds, where=p < 1.0)
    found: FloatArray = np.minimum(odds * reference_rows / current_rows, MOST_WEIGHT)
    return found


def pape(
    labels: FloatArray,
    cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    weights: FloatArray,
    centres: FloatArray,
) -> WeightedCalibration:
    """Fit rates per cell of the score to weighted rows.

    Parameters
    ----------
    labels
        (n,), 0 or 1.
    cells
        (n,), cell of each row's score, in [0, b).
    weights
        (n,), see ``density_ratio``; >= 0.
    centres
        (b,), the score in the middle of each cell, rising.

    Returns
    -------
    WeightedCalibration
        no calibration where fewer than ``LEAST_ROWS`` effective rows are left.

    Raises
    ------
    ValueError
        when lengths differ or a weight is negative or not finite.

    Source: Bialek, Kivimaki, Kuberski, Perrakis 2025, "Performance estimation under covariate
    shift" (PAPE, M-CBPE); effective rows: Kish 1965. Weights are scaled so that their sum is that
    number: rates are as sure as so many rows make them.
    """
    told, where, w = as_floats(labels), np.asarray(cells), as_floats(weights)
    if not told.shape == where.shape == w.shape or told.ndim != 1:
        raise ValueError(f"one weight per row expected: {told.shape}, {where.shape}, {w.shape}")
    if not np.isfinite(w).all() or (w < 0.0).any():
        raise ValueError("weights must be finite and not negative")
    clipped = float((w >= MOST_WEIGHT).mean()) if w.size else 0.0
    total, squared = float(w.sum()), float(w @ w)
    effective = total * total / squared if squared else 0.0
    if effective < LEAST_ROWS:
        return WeightedCalibration(None, effective, clipped)
    scaled = w * (effective / total)
    rows = as_floats(np.bincount(where, scaled, minlength=centres.size))
    hits = as_floats(np.bincount(where, scaled * told, minlength=centres.size))
    return WeightedCalibration(calibrate(rows, hits, centres), effective, clipped)
