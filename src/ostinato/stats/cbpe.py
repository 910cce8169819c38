"""How good a binary model is, without labels: what its calibrated scores say of themselves.

In: rows per cell of the score, calibrated rates of the cells, losses of either outcome. Out: the
metrics as they are expected, with their errors. No state. Rows may be their own cells.

It holds while labels depend on the scores as they did where they were calibrated: if the concept
moved, the estimate is wrong and its interval does not know (`ppi` repairs it with a few labels).

Source: confidence-based performance estimation, as in NannyML; Bialek, Kuberski, Perrakis, Kivimaki
2024, "Estimating model performance under covariate shift without labels".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ostinato.stats import counts
from ostinato.stats.arrays import BoolArray, FloatArray, ratio
from ostinato.stats.calibration import Calibration
from ostinato.stats.confidence import normal_quantile

METRICS = (
    "log_loss",
    "brier",
    "accuracy",
    "error_rate",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
)
"""Metrics that are estimated; the calibration error is not, since it is assumed to be known."""

_STEP = 1e-6  # of a rate, for slopes


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric as it is expected, before labels.

    Parameters
    ----------
    value
        the estimate; NaN where the metric is undefined (no rows, no positive answer).
    se_calibration
        standard error from rates that are not known exactly.
    se_labels
        standard error from the outcomes, which chance decides.
    low, high
        95 % interval of what labels will say, if the concept did not move.
    """

    value: float
    se_calibration: float
    se_labels: float
    low: float
    high: float


def estimated(value: float, se_calibration: float, se_labels: float) -> Estimate:
    """Return an estimate with its 95 % interval from both of its errors."""
    reach = normal_quantile(0.975) * math.hypot(se_calibration, se_labels)
    return Estimate(value, se_calibration, se_labels, value - reach, value + reach)


def cbpe(
    name: str,
    rows: FloatArray,
    rates: FloatArray,
    flagged: BoolArray,
    losses: tuple[FloatArray, FloatArray] | None = None,
) -> FloatArray:
    """Return the expected value of a metric.

    Parameters
    ----------
    name
        one of ``METRICS``.
    rows
        (b,), rows per cell, cells in the order of the score.
    rates
        (..., b), chance of a positive label in each cell.
    flagged
        (b,), whether the answer is positive there.
    losses
        (b,) each: sums over the rows of a cell of the loss if the label is 0, and if it is 1; for
        the metrics that are a mean of losses.

    Returns
    -------
    FloatArray
        (...), NaN where undefined.

    Raises
    ------
    ValueError
        when the metric is not one of ``METRICS``, or losses are missing.
    """
    if name in {"log_loss", "brier"}:
        if losses is None:
            raise ValueError(f"{name} needs the losses of either outcome")
        of_no, of_yes = losses
        return ratio(((1.0 - rates) * of_no + rates * of_yes).sum(axis=-1), rows.sum())
    if name not in METRICS:
        raise ValueError(f"{name!r} is not estimated: expected one of {', '.join(METRICS)}")
    positive = rows * rates
    if name == "roc_auc":
        return counts.roc_auc(positive, rows - positive)
    if name == "average_precision":
        return counts.average_precision(positive, rows - positive)
    return _table(rows, rates, flagged)[name]


def cbpe_estimates(
    rows: FloatArray,
    calibration: Calibration,
    flagged: BoolArray,
    losses: Mapping[str, tuple[FloatArray, FloatArray]],
) -> dict[str, Estimate]:
    """Return the expected value of every metric with its errors, by the delta method.

    Parameters
    ----------
    rows, flagged
        as for ``cbpe``.
    calibration
        rates of the cells and their errors.
    losses
        by metric, as for ``cbpe``; metrics that need some and have none are left out.
    """
    rates = calibration.rates
    chance = rates * (1.0 - rates) * np.nan_to_num(ratio(1.0, rows))
    values = _all_metrics(rows, rates, flagged, losses)
    moved = _all_metrics(rows, rates + _STEP * np.eye(rates.size), flagged, losses)
    found: dict[str, Estimate] = {}
    for name, value in values.items():
        if np.isnan(value):
            found[name] = Estimate(*(math.nan,) * 5)
            continue
        slopes = np.nan_to_num((moved[name] - value) / _STEP)
        of_rates = math.sqrt(calibration.variance_of(slopes))
        of_labels = math.sqrt(float(np.square(slopes) @ chance))
        found[name] = estimated(float(value), of_rates, of_labels)
    return found


def _all_metrics(
    rows: FloatArray,
    rates: FloatArray,
    flagged: BoolArray,
    losses: Mapping[str, tuple[FloatArray, FloatArray]],
) -> dict[str, FloatArray]:
    found = {name: cbpe(name, rows, rates, flagged, losses[name]) for name in losses}
    found |= _table(rows, rates, flagged)
    for name in ("roc_auc", "average_precision"):
        found[name] = cbpe(name, rows, rates, flagged)
    return found


def _table(rows: FloatArray, rates: FloatArray, flagged: BoolArray) -> dict[str, FloatArray]:
    positive = rows * rates
    hits = positive @ flagged
    misses = positive.sum(axis=-1) - hits
    said = rows @ flagged
    return counts.binary_table(hits, said - hits, misses, rows.sum() - said - misses)
