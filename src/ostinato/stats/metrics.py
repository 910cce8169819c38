"""The table of metrics: which exist, for which task, how to compute them, which way is better.

In: labels ``(n,)`` and scores, ``(n,)`` for binary tasks (probability of 1) and regression,
``(n, k)`` for multiclass tasks. Out: one number, or one loss per row. No state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ostinato.stats import counts, rows
from ostinato.stats.arrays import FloatArray, as_floats, ratio

TASKS = ("binary", "multiclass", "regression")

RowLoss = Callable[[FloatArray, FloatArray], FloatArray]
Value = Callable[[FloatArray, FloatArray], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, its tasks, its direction and its two functions.

    Parameters
    ----------
    name
        key in ``METRICS``.
    tasks
        tasks it is defined for, of "binary", "multiclass", "regression".
    lower_is_better
        whether a smaller value is the better one.
    value
        exact value over arrays; NaN where it is undefined (no rows, one label only).
    row_loss
        (n,) loss per row that decisions use; always lower is better. For metrics that are not a
        mean over rows it is the nearest one that is: Brier for ``roc_auc``,
        ``average_precision`` and ``calibration_error``; the 0/1 error for ``accuracy``,
        ``precision``, ``recall`` and ``f1``; the squared error for ``rmse`` and ``r2``; the
        absolute percentage error for ``mape``.
    """

    name: str
    tasks: tuple[str, ...]
    lower_is_better: bool
    value: Value
    row_loss: RowLoss


def _mean_of(row_loss: RowLoss) -> Value:
    def value(labels: FloatArray, scores: FloatArray) -> float:
        return float(row_loss(labels, scores).mean()) if labels.size else float("nan")

    return value


def _from_cells(name: str) -> Value:
    def value(labels: FloatArray, scores: FloatArray) -> float:
        if scores.ndim == 2:
            return float(counts.multiclass_table(confusion(labels, scores))[name])
        cell = 2 * rows.class_index(labels) + (scores >= rows.THRESHOLD)
        tn, fp, fn, tp = np.bincount(cell, minlength=4).astype(np.float64)
        return float(counts.binary_table(tp, fp, fn, tn)[name])

    return value


def confusion(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """(k, k) counts, rows are labels and columns the most probable class."""
    k = scores.shape[1]
    cell = k * rows.class_index(labels) + scores.argmax(axis=1)
    return np.bincount(cell, minlength=k * k).reshape(k, k).astype(np.float64)


def _cells_by_score(labels: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    distinct, where = np.unique(scores, return_inverse=True)
    positive = as_floats(np.bincount(where, weights=labels, minlength=distinct.size))
    return positive, as_floats(np.bincount(where, minlength=distinct.size) - positive)


def _roc_auc(labels: FloatArray, scores: FloatArray) -> float:
    if scores.ndim == 1:
        return float(counts.roc_auc(*_cells_by_score(labels, scores)))
    # One against the rest, mean over the classes that occur (the others have no curve).
    areas = [
        float(counts.roc_auc(*_cells_by_score((labels == c).astype(np.float64), scores[:, c])))
        for c in range(scores.shape[1])
    ]
    known = [area for area in areas if not np.isnan(area)]
    return sum(known) / len(known) if known else float("nan")


def _average_precision(labels: FloatArray, scores: FloatArray) -> float:
    return float(counts.average_precision(*_cells_by_score(labels, scores)))


def _calibration_error(labels: FloatArray, scores: FloatArray) -> float:
    if scores.ndim == 2:
        top, outcome = scores.max(axis=1), scores.argmax(axis=1) == labels
    else:
        top, outcome = scores, labels
    residual = np.bincount(
        counts.calibration_bin(top), weights=top - outcome, minlength=counts.CALIBRATION_BINS
    )
    return float(
        counts.calibration_error(as_floats(residual), np.asarray(labels.size, dtype=np.float64))
    )


def _rmse(labels: FloatArray, scores: FloatArray) -> float:
    return float(np.sqrt(_mean_of(rows.squared)(labels, scores)))


def _mape(labels: FloatArray, scores: FloatArray) -> float:
    known = rows.not_zero(labels)
    return _mean_of(rows.absolute_percentage)(labels[known], scores[known])


def _r2(labels: FloatArray, scores: FloatArray) -> float:
    if labels.size < 2:
        return float("nan")
    spread = np.square(labels - labels.mean()).sum()
    return 1.0 - float(ratio(rows.squared(labels, scores).sum(), spread))


_BINARY, _CLASSES, _REGRESSION = ("binary",), ("binary", "multiclass"), ("regression",)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_loss", _CLASSES, True, _mean_of(rows.log_loss), rows.log_loss),
        Metric("brier", _CLASSES, True, _mean_of(rows.brier), rows.brier),
        Metric("accuracy", _CLASSES, False, _from_cells("accuracy"), rows.zero_one),
        Metric("error_rate", _CLASSES, True, _from_cells("error_rate"), rows.zero_one),
        Metric("precision", _CLASSES, False, _from_cells("precision"), rows.zero_one),
        Metric("recall", _CLASSES, False, _from_cells("recall"), rows.zero_one),
        Metric("f1", _CLASSES, False, _from_cells("f1"), rows.zero_one),
        Metric("roc_auc", _CLASSES, False, _roc_auc, rows.brier),
        Metric("average_precision", _BINARY, False, _average_precision, rows.brier),
        Metric("calibration_error", _CLASSES, True, _calibration_error, rows.brier),
        Metric("mae", _REGRESSION, True, _mean_of(rows.absolute), rows.absolute),
        Metric("rmse", _REGRESSION, True, _rmse, rows.squared),
        Metric("mse", _REGRESSION, True, _mean_of(rows.squared), rows.squared),
        Metric("mape", _REGRESSION, True, _mape, rows.absolute_percentage),
        Metric("r2", _REGRESSION, False, _r2, rows.squared),
    )
}


@cache
def companions(task: str) -> tuple[str, ...]:
    """Return the names of all metrics of a task, in the order of the table.

    Raises
    ------
    ValueError
        when the task is not one of ``TASKS``.
    """
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}: expected one of {', '.join(TASKS)}")
    return tuple(name for name, metric in METRICS.items() if task in metric.tasks)


@cache
def metric_for(task: str, name: str) -> Metric:
    """Look up a metric and check that it is defined for the task.

    Raises
    ------
    ValueError
        when the task is unknown or has no metric of that name.

    Examples
    --------
    >>> metric_for("binary", "brier").lower_is_better
    True
    """
    allowed = companions(task)
    if name not in allowed:
        raise ValueError(
            f"metric {name!r} is not defined for task {task!r}: expected one of "
            f"{', '.join(allowed)}"
        )
    return METRICS[name]
