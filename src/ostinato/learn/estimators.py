"""From labelled rows and a learner to a `Model`.

A learner is any scikit-learn estimator or pipeline, LightGBM or XGBoost. It is always copied
first; seeds and numbers of jobs it left open are set, so that the same rows and seed give the same
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ostinato.core.records import Floats
from ostinato.learn.calls import call, weighted
from ostinato.learn.describe import describe, learner_digest
from ostinato.learn.encoding import Encoding
from ostinato.learn.families import family_of, fit_arguments, settings
from ostinato.learn.model import Model, Task
from ostinato.learn.suitability import check_learner, check_rows, class_count, classes_seen, cloned
from ostinato.learn.warmstart import continued

__all__ = ["check_learner", "describe", "fit", "learner_digest"]


def fit(
    learner: Any,
    frame: pl.DataFrame,
    labels: Floats,
    weights: Floats | None,
    *,
    features: Sequence[str],
    task: Task,
    classes: int,
    seed: int,
    warm_start: Model | None = None,
) -> Model:
    """Train a model.

    Parameters
    ----------
    learner
        Any scikit-learn estimator or pipeline, LightGBM or XGBoost; it is not changed.
    frame
        n training rows with at least the features.
    labels
        (n,), float64, finite: the target, or the class as a whole number from 0.
    weights
        (n,), float64, >= 0; None: all weigh the same. Weights are brought to a mean of 1, so that
        a learner's regularisation means the same in every window.
    features
        Columns to learn from, in this order.
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    classes
        How many classes a multiclass loop has; not read for the other tasks.
    seed
        Of the run; sets each `random_state` that is None, in nested estimators too.
    warm_start
        The model to go on from; see `ostinato.learn.warmstart`. None: from scratch.

    Returns
    -------
    Model
        Ready to score.

    Raises
    ------
    ConfigError
        If the learner does not fit the task, gives no probabilities, takes no weights though the
        rows weigh differently, or cannot be continued.
    DataError
        If features, labels or weights cannot be used.
    LearnerError
        If there are fewer than 10 rows, one class only, or the learner raised.
    """
    check_learner(learner, task)
    weights = np.ones(frame.height) if weights is None else np.asarray(weights, dtype=np.float64)
    check_rows(frame, labels, weights)
    relative = _relative(weights)
    classes = class_count(task, classes)
    seen = classes_seen(labels, task, classes)
    if warm_start is not None:
        return continued(
            warm_start, learner, frame, labels, relative, features=features, task=task, seed=seed
        )
    family = family_of(learner)
    encoding = Encoding.fit(
        frame, features, style=family.style, categories_max=family.categories_max
    )
    prepared = cloned(learner)
    prepared.set_params(**settings(prepared, family, encoding, seed=seed))
    targets = labels if task == "regression" else np.searchsorted(seen, labels)
    arguments = fit_arguments(family, encoding) | weighted(prepared, "fit", relative)
    call(prepared, "fit", encoding.transform(frame), targets, **arguments)
    return Model(encoding=encoding, estimator=prepared, task=task, classes=classes, seen=seen)


def _relative(weights: Floats) -> Floats | None:
    # None where all weigh the same: then every learner is welcome.
    if np.ptp(weights) == 0:
        return None
    relative: Floats = weights / weights.mean()
    return relative
