"""Which estimators are linear, their weights, and the link of each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.compiled.form import Link, Unsupported, finisher
from ostinato.learn.compiled.links import (
    identity,
    logistic,
    one_against_rest,
    sklearn_link,
    softmax,
)
from ostinato.learn.model import Model

_CLASSIFIERS: Final = ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis")
_GENERALISED: Final = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")
_REGRESSORS: Final = (
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearRegression",
    "LinearSVR",
    "OrthogonalMatchingPursuit",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)


def is_linear(estimator: Any) -> bool:
    """Say whether an estimator is one of scikit-learn's linear ones (not one derived from it)."""
    kind = type(estimator)
    known = (*_CLASSIFIERS, *_GENERALISED, *_REGRESSORS, "SGDClassifier")
    return kind.__module__.split(".", 1)[0] == "sklearn" and kind.__name__ in known


def coefficients(model: Model, estimator: Any) -> tuple[Floats, Floats, Link]:
    """Return (columns, k) weights, (k,) intercepts, and what makes scores of the (n, k) sums.

    Raises
    ------
    Unsupported
        If its probabilities are no function of the sums known here.
    """
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)).T
    start = np.broadcast_to(np.ravel(estimator.intercept_), weights.shape[1]).astype(np.float64)
    link, finish = _link(estimator, weights.shape[1]), finisher(model)
    return weights, start, lambda sums: finish(link(sums))


def _link(estimator: Any, width: int) -> Link:
    name = type(estimator).__name__
    if name in _REGRESSORS:
        return identity
    if name in _GENERALISED:
        return sklearn_link(estimator._base_loss)  # noqa: SLF001 - the only place; proved
    if name == "SGDClassifier" and estimator.loss != "log_loss":
        raise Unsupported(f"its loss is {estimator.loss}")
    if width == 1:
        return logistic
    return one_against_rest if name == "SGDClassifier" else softmax
