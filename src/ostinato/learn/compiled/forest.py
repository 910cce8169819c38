# ruff: noqa: SLF001 - scikit-learn shows where its sums begin nowhere else; the proof guards it
"""scikit-learn's own trees, forests and gradient boosting as trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.compiled.form import Form, Link, Unsupported, finisher
from ostinato.learn.compiled.grove import Grove, Tree, grove_form
from ostinato.learn.compiled.kernels import ROUND_ROWS
from ostinato.learn.compiled.links import identity, sklearn_link
from ostinato.learn.model import Model

SINGLE: Final = (
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
)
FORESTS: Final = (
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
)
BOOSTED: Final = ("GradientBoostingClassifier", "GradientBoostingRegressor")


def forest_trees(model: Model) -> Form:
    """Compile a tree, a random forest or extremely random trees: the mean of what leaves hold.

    Raises
    ------
    Unsupported
        If Numba is not installed.
    """
    estimator = model.estimator
    members = [estimator] if type(estimator).__name__ in SINGLE else list(estimator.estimators_)
    trees = [_tree(member.tree_, member.tree_.value[:, 0, :]) for member in members]
    width = trees[0].values.shape[1]
    grove = Grove.of(trees, np.zeros(width), options=ROUND_ROWS)
    return grove_form(grove, _mean(model, len(trees)), model.encoding)


def boosted_trees(model: Model) -> Form:
    """Compile classical gradient boosting.

    Raises
    ------
    Unsupported
        If it begins with an estimator of the user, has a link unknown here, or Numba is not
        installed.
    """
    estimator, finish = model.estimator, finisher(model)
    trees = [
        _tree(member.tree_, estimator.learning_rate * member.tree_.value[:, 0, :], first=k)
        for stage in estimator.estimators_
        for k, member in enumerate(stage)
    ]
    link = sklearn_link(estimator._loss)
    grove = Grove.of(trees, _beginning(model), options=ROUND_ROWS)
    return grove_form(grove, lambda sums: finish(link(sums)), model.encoding)


def _mean(model: Model, count: int) -> Link:
    finish: Callable[[Floats], Floats] = finisher(model)
    if model.task == "regression":
        return lambda sums: identity(sums) / count
    # Sums of fractions may end a rounding beyond 1; the model takes that off as well.
    return lambda sums: finish(np.minimum(sums / count, 1.0))


def _beginning(model: Model) -> Floats:
    estimator = model.estimator
    if type(estimator.init_).__name__ not in {"DummyClassifier", "DummyRegressor", "str"}:
        raise Unsupported(f"it begins with a {type(estimator.init_).__name__}")
    width = len(model.encoding.names)
    first: Floats = estimator._raw_predict_init(np.zeros((1, width)))[0]  # the same for all rows
    return first


def _tree(tree: Any, values: Floats, *, first: int = 0) -> Tree:
    leaf = tree.children_left < 0
    return Tree(
        feature=np.where(leaf, -1, tree.feature),
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        flags=tree.missing_go_to_left.astype(np.int64),
        values=values,
        first=first,
        lefts={},
    )
