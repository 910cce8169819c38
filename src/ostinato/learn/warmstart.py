"""Going on from an earlier model instead of starting from scratch.

The earlier model's encoding is kept (categories that are new since then are coded as "other"), the
earlier model itself is not changed. What "going on" means is up to the estimator:

================================================  ==============================================
LightGBM (`init_model`), XGBoost (`xgb_model`)    the earlier trees stay, the learner's number of
                                                  trees is added, fitted to what they leave over
`partial_fit` (SGD, naive Bayes, MLP, ...)        one more pass over the new rows
`warm_start` with `n_estimators` (forests,        the earlier trees stay, as many are added
gradient boosting, bagging)                       from the new rows
`warm_start` otherwise (LogisticRegression, ...)  fitted to the new rows, beginning at the earlier
                                                  coefficients
a pipeline                                        earlier transformers stay as they are, the last
                                                  step goes on as above
================================================  ==============================================

Histogram gradient boosting of scikit-learn is refused although it has `warm_start`: on new rows it
finds new bins and reads the earlier trees through them, so that the added trees correct scores the
earlier ones never gave. On inputs that shifted by two standard deviations its log loss was 1.05,
against 0.68 of LightGBM continued on the same rows and 0.68 of itself from scratch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import polars as pl
from sklearn.pipeline import Pipeline

from ostinato.core.errors import ConfigError, LearnerError
from ostinato.core.records import Floats
from ostinato.learn.calls import call, weighted
from ostinato.learn.families import family_of, fit_arguments, settings
from ostinato.learn.model import Model, Task
from ostinato.learn.suitability import cloned

_BOOSTERS: Final = {"lightgbm": "init_model", "xgboost": "xgb_model"}


def continued(
    model: Model,
    learner: Any,
    frame: pl.DataFrame,
    labels: Floats,
    weights: Floats | None,
    *,
    features: Sequence[str],
    task: Task,
    seed: int,
) -> Model:
    """Train an earlier model further.

    Parameters
    ----------
    model
        The earlier model; it stays as it is.
    learner, frame, labels, weights, features, task, seed
        As for `ostinato.learn.estimators.fit`; `weights` of mean 1, or None.

    Returns
    -------
    Model
        With the earlier encoding and classes.

    Raises
    ------
    ConfigError
        If the learner cannot go on from an earlier model, or from this one.
    LearnerError
        If the new rows hold other classes than the estimator can take, or it raised.
    """
    _check_same(model, learner, features, task)
    family = family_of(learner)
    method = _method(learner)
    targets = _targets(model, labels, method)
    rows = model.encoding.transform(frame)
    if method in _BOOSTERS.values():
        fresh = cloned(learner)
        fresh.set_params(**settings(fresh, family, model.encoding, seed=seed))
        arguments = fit_arguments(family, model.encoding) | weighted(fresh, "fit", weights)
        call(
            fresh, "fit", rows, targets, **{method: _booster(model.estimator, method)}, **arguments
        )
        return replace(model, estimator=fresh)
    further = copy.deepcopy(model.estimator)
    last = further
    if isinstance(further, Pipeline):
        rows = further[:-1].transform(rows) if len(further.steps) > 1 else rows
        last = further.steps[-1][1]
    if method == "warm_start":
        last.set_params(**_more(last, learner))
    step = "partial_fit" if method == "partial_fit" else "fit"
    call(last, step, rows, targets, **weighted(last, step, weights))
    return replace(model, estimator=further)


def continues(learner: Any) -> bool:
    """Say whether a learner can go on from an earlier model.

    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> continues(SGDClassifier()), continues(KNeighborsClassifier())
    (True, False)
    """
    return _way(learner) is not None


def _check_same(model: Model, learner: Any, features: Sequence[str], task: Task) -> None:
    facts = {
        "learner": (type(model.estimator).__qualname__, type(learner).__qualname__),
        "features": (list(model.encoding.features), list(features)),
        "task": (model.task, task),
    }
    for what, (earlier, now) in facts.items():
        if earlier != now:
            raise ConfigError(
                f"A model with another {what} cannot be continued",
                found=f"{now}, earlier {earlier}",
                expected=f"the same {what}",
                hint="Train from scratch once (warm_start=False).",
            )


def _way(learner: Any) -> str | None:
    """Return how a learner goes on: an argument of `fit`, a method, a parameter, or not at all."""
    last = learner.steps[-1][1] if isinstance(learner, Pipeline) else learner
    own = family_of(last)
    library = "other" if own.prefix else own.library  # a wrapper has its own way of going on
    if not isinstance(learner, Pipeline) and library in _BOOSTERS:
        return _BOOSTERS[library]
    if library == "other":
        if callable(getattr(last, "partial_fit", None)):
            return "partial_fit"
        if "warm_start" in last.get_params(deep=False):
            return "warm_start"
    return None


def _method(learner: Any) -> str:
    way = _way(learner)
    if way is not None:
        return way
    last = learner.steps[-1][1] if isinstance(learner, Pipeline) else learner
    why = "it cannot be continued"
    if family_of(last).library == "histogram":
        why = "its bins would be found anew, and the earlier trees misread"
    raise ConfigError(
        f"{type(last).__qualname__} cannot go on from an earlier model",
        found=why,
        expected="an estimator with partial_fit or warm_start, LightGBM or XGBoost",
        hint="Train from scratch (warm_start=False), or take LightGBM or XGBoost.",
    )


def _targets(model: Model, labels: Floats, method: str) -> Any:
    if model.task == "regression":
        return labels
    now = {int(label) for label in np.unique(labels)}
    # Only partial_fit remembers classes that a window lacks.
    fits = now <= set(model.seen) if method == "partial_fit" else now == set(model.seen)
    if not fits:
        raise LearnerError(
            "The training window holds other classes than the earlier model",
            found=f"classes {sorted(now)}, earlier {list(model.seen)}",
            expected="the same classes" if method != "partial_fit" else "no class it has not seen",
            hint="Take a longer window, or train from scratch.",
        )
    return np.searchsorted(model.seen, labels)


def _booster(estimator: Any, method: str) -> Any:
    return estimator.booster_ if method == "init_model" else estimator.get_booster()


def _more(last: Any, learner: Any) -> dict[str, Any]:
    asked = learner.steps[-1][1] if isinstance(learner, Pipeline) else learner
    if "n_estimators" not in last.get_params(deep=False):
        return {"warm_start": True}
    total = len(last.estimators_) + asked.get_params()["n_estimators"]
    return {"warm_start": True, "n_estimators": total}
