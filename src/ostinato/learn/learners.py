"""Ready-made learners with defaults for a loop: `ost.learners.gradient_boosting("binary")`.

The defaults are meant for models that are trained again and again on windows of a few thousand to
a few million rows: no early stopping (it takes away the rows a random split happens to hit), leaves
that hold enough rows not to follow noise, a little shrinkage. Any parameter can be given.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from ostinato.core.errors import ConfigError
from ostinato.learn.model import TASKS

LEAF_ROWS: Final = 40
"""Rows a leaf holds at least. Smaller: leaves follow noise; larger: rare groups get no leaf."""
TREES: Final = 150
"""With `SHRINKAGE`. Smaller: underfits large windows; larger: each training costs more."""
SHRINKAGE: Final = 0.08


def gradient_boosting(task: str, **parameters: Any) -> Any:
    """Return scikit-learn's histogram gradient boosting: the default choice for tables.

    Parameters
    ----------
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    parameters
        Override the defaults.

    Raises
    ------
    ConfigError
        If the task or a parameter is unknown.

    Examples
    --------
    >>> gradient_boosting("binary", max_iter=50).max_iter
    50
    """
    defaults = {
        "max_iter": TREES,
        "learning_rate": SHRINKAGE,
        "min_samples_leaf": LEAF_ROWS,
        "l2_regularization": 1.0,
        "early_stopping": False,
    }
    classes = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    return _made(task, classes, defaults | parameters)


def linear(task: str, **parameters: Any) -> Any:
    """Return logistic or ridge regression: cheap, and steady on small windows.

    Parameters
    ----------
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    parameters
        Override the defaults.

    Raises
    ------
    ConfigError
        If the task or a parameter is unknown.

    Examples
    --------
    >>> linear("regression")
    Ridge()
    """
    defaults = {} if task == "regression" else {"max_iter": 1000}
    return _made(task, (LogisticRegression, Ridge), defaults | parameters)


def lightgbm(task: str, **parameters: Any) -> Any:
    """Return LightGBM, which can also go on from an earlier model.

    Parameters
    ----------
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    parameters
        Override the defaults; LightGBM's own names and aliases.

    Raises
    ------
    ConfigError
        If LightGBM is not installed or the task is unknown.
    """
    library = _library("lightgbm")
    defaults = {
        "n_estimators": TREES,
        "learning_rate": SHRINKAGE,
        "min_child_samples": LEAF_ROWS,
        "reg_lambda": 1.0,
    }
    return _made(task, (library.LGBMClassifier, library.LGBMRegressor), defaults | parameters)


def xgboost(task: str, **parameters: Any) -> Any:
    """Return XGBoost, which can also go on from an earlier model.

    Parameters
    ----------
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    parameters
        Override the defaults; XGBoost's own names.

    Raises
    ------
    ConfigError
        If XGBoost is not installed or the task is unknown.
    """
    library = _library("xgboost")
    defaults = {
        "n_estimators": TREES,
        "learning_rate": SHRINKAGE,
        "max_depth": 6,
        "min_child_weight": 5,
        "reg_lambda": 1.0,
    }
    return _made(task, (library.XGBClassifier, library.XGBRegressor), defaults | parameters)


def _made(task: str, classes: tuple[Callable[..., Any], ...], parameters: dict[str, Any]) -> Any:
    if task not in TASKS:
        raise ConfigError("The task is unknown", found=repr(task), expected=", ".join(TASKS))
    make = classes[1] if task == "regression" else classes[0]
    try:
        return make(**parameters)
    except TypeError as error:  # scikit-learn's constructors take known names only
        raise ConfigError(
            "A parameter of the learner is unknown",
            found=str(error),
            expected="parameters of the library's own estimator",
        ) from error


def _library(name: str) -> Any:
    # Heavy and optional, hence loaded when asked for.
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"The learner needs {name}, which is not installed",
            found=str(error),
            expected=f"the package {name}",
            hint=f"pip install 'ostinato[{name}]'",
        ) from error
