"""What must be true before anything is fitted; each failure with its facts."""

from __future__ import annotations

import inspect
from typing import Any, Final

import numpy as np
import polars as pl
from sklearn.base import clone
from sklearn.utils import get_tags

from ostinato.core.errors import ConfigError, DataError, LearnerError
from ostinato.core.records import Floats
from ostinato.learn.model import TASKS, Task

ROWS_MIN: Final = 10
"""Fewer rows are no training set. Smaller: estimators fail with messages of their own."""


def check_learner(learner: Any, task: str) -> None:
    """Refuse what cannot learn the task, before any data is read.

    Raises
    ------
    ConfigError
        If the task is unknown, or the learner is no scikit-learn estimator, is made for another
        task, or does not give probabilities.
    """
    if task not in TASKS:
        raise ConfigError("The task is unknown", found=repr(task), expected=", ".join(TASKS))
    name = _name(learner)
    if inspect.isclass(learner):
        raise ConfigError(
            "The learner is a class",
            found=name,
            expected="an object",
            hint=f"Write {learner.__name__}().",
        )
    if not all(callable(getattr(learner, m, None)) for m in ("fit", "get_params", "set_params")):
        raise ConfigError(
            "The learner is not a scikit-learn estimator",
            found=name,
            expected="an object with fit, get_params and set_params",
            hint="Derive the class from sklearn.base.BaseEstimator.",
        )
    kind = _kind(learner)
    if kind != ("regressor" if task == "regression" else "classifier"):
        fitting = "regressor" if task == "regression" else "classifier"
        raise ConfigError(
            f"The learner does not fit the task {task!r}",
            found=f"{name}, a {kind}",
            expected=f"a {fitting}",
            hint=f'Take {name.replace("Classifier", "Regressor")} or task="regression".'
            if kind == "regressor"
            else f"Take a {fitting}, or change the loop's task.",
        )
    if task != "regression" and not callable(getattr(learner, "predict_proba", None)):
        raise ConfigError(
            "The learner gives no probabilities",
            found=f"{name} without predict_proba",
            expected="a classifier with predict_proba",
            hint=f"Wrap it: sklearn.calibration.CalibratedClassifierCV({name}()).",
        )


def cloned(learner: Any) -> Any:
    """Return an unfitted copy; the user's object is never touched.

    Raises
    ------
    ConfigError
        If scikit-learn cannot copy it.
    """
    try:
        return clone(learner)
    except (TypeError, RuntimeError) as error:
        raise ConfigError(
            f"{_name(learner)} cannot be copied by sklearn.base.clone",
            found=str(error),
            expected="a constructor that only stores its arguments",
            hint="See 'Developing scikit-learn estimators' in the scikit-learn documentation.",
        ) from error


def check_rows(frame: pl.DataFrame, labels: Floats, weights: Floats) -> None:
    """Refuse too few rows, labels that are no numbers, and weights that weigh nothing.

    Raises
    ------
    LearnerError
        If there are fewer than 10 rows.
    DataError
        If lengths differ, a label is not finite, or weights are negative, not finite or all zero.
    """
    if frame.height < ROWS_MIN:
        raise LearnerError(
            "The training window holds too few rows",
            found=f"{frame.height} rows",
            expected=f"at least {ROWS_MIN}",
            hint="Take a longer window, or wait until more labels have matured.",
        )
    if not len(labels) == len(weights) == frame.height:
        raise DataError(
            "Rows, labels and weights differ in number",
            found=f"{frame.height} rows, {len(labels)} labels, {len(weights)} weights",
            expected="one label and one weight per row",
        )
    broken = int(np.count_nonzero(~np.isfinite(labels)))
    if broken:
        raise DataError(
            "Labels are missing or infinite",
            found=f"{broken} of {len(labels)}",
            expected="a finite label for every training row",
            hint="Rows without a label are left out before training.",
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise DataError(
            "The row weights cannot be used",
            found=f"from {np.min(weights)} to {np.max(weights)}",
            expected="finite, not negative, at least one above zero",
        )


def classes_seen(labels: Floats, task: Task, classes: int) -> tuple[int, ...]:
    """Return the classes the labels hold, ascending; empty for regression.

    Raises
    ------
    DataError
        If a label is not a class of the loop.
    LearnerError
        If there is one class only.
    """
    if task == "regression":
        return ()
    values, counts = np.unique(labels, return_counts=True)
    unknown = [float(v) for v in values if v != int(v) or not 0 <= v < classes]
    if unknown:
        raise DataError(
            "Labels are not classes of the loop",
            found=", ".join(f"{value:g}" for value in unknown[:5]),
            expected=f"whole numbers from 0 to {classes - 1}",
        )
    if len(values) < 2:
        raise LearnerError(
            "The training window holds one class only",
            found=f"class {int(values[0])} in all {int(counts[0])} rows",
            expected=f"at least two of {classes} classes",
            hint="Take a longer window: the other class is too rare for this one.",
        )
    return tuple(int(value) for value in values)


def class_count(task: Task, classes: int) -> int:
    """Return how many classes the loop has: 2 for binary, 0 for regression.

    Raises
    ------
    ConfigError
        If a multiclass loop has fewer than two.
    """
    if task == "multiclass" and classes < 2:
        raise ConfigError(
            "A multiclass loop has too few classes", found=classes, expected="at least 2"
        )
    return {"binary": 2, "regression": 0}.get(task, classes)


def _kind(learner: Any) -> str:
    try:
        kind = get_tags(learner).estimator_type
    except (AttributeError, TypeError, ValueError):  # duck-typed, not derived from BaseEstimator
        kind = getattr(learner, "_estimator_type", None)
    if kind is not None:
        return str(kind)
    return "classifier" if callable(getattr(learner, "predict_proba", None)) else "regressor"


def _name(learner: Any) -> str:
    return (learner if inspect.isclass(learner) else type(learner)).__qualname__
