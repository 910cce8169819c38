"""LightGBM as trees, read from the text it writes models in.

Decisions follow `Tree::NumericalDecision` and `Tree::CategoricalDecision` of LightGBM's
`include/LightGBM/tree.h`; before that, its predictor reads numbers next to zero as zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn, Column
from ostinato.learn.compiled.form import Form, Link, Unsupported, finisher
from ostinato.learn.compiled.grove import Grove, Ints, Tree, grove_form
from ostinato.learn.compiled.kernels import CATEGORY, MISSING_LEFT, ROUND_ZEROS, ZERO_MISSING
from ostinato.learn.compiled.links import exponential, identity, logistic, softmax
from ostinato.learn.model import Model

_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
_NONE, _ZERO = 0, 1  # the third is NaN

_PLAIN: Final = frozenset(("regression", "regression_l1", "huber", "fair", "quantile", "mape"))
_LOGARITHMIC: Final = frozenset(("poisson", "gamma", "tweedie"))

Fields = Mapping[str, str]
Lefts = dict[int, NDArray[np.bool_]]


def lightgbm_trees(model: Model) -> Form:
    """Compile an `LGBMClassifier` or `LGBMRegressor`.

    Raises
    ------
    Unsupported
        If its leaves hold linear models, its objective has a link unknown here, a column of numbers
        was declared categorical, or Numba is not installed.
    """
    head, trees = _read(booster_of(model).model_to_string(num_iteration=rounds_of(model)))
    width = int(head["num_tree_per_iteration"])
    columns = model.encoding.columns
    if model.encoding.style != "ordinal":
        raise Unsupported("its features are not coded as ordinals")
    read = [_tree(fields, columns, number % width) for number, fields in enumerate(trees)]
    count = len(trees) // width if "average_output" in head else 1
    link, finish = _link(head["objective"].split()), finisher(model)
    grove = Grove.of(read, np.zeros(width), options=ROUND_ZEROS)
    if count == 1:
        return grove_form(grove, lambda sums: finish(link(sums)), model.encoding)
    return grove_form(grove, lambda sums: finish(link(sums / count)), model.encoding)


def booster_of(model: Model) -> Any:
    """Return the booster inside the scikit-learn estimator.

    Raises
    ------
    Unsupported
        If the objective is a function of the user's: probabilities are none.
    """
    estimator = model.estimator
    if callable(estimator.objective_):
        raise Unsupported("its objective is a function")
    return estimator.booster_


def rounds_of(model: Model) -> int:
    """Return how many rounds the estimator predicts with; -1: all."""
    best = model.estimator.best_iteration_
    return int(best) if best and best > 0 else -1


def _read(text: str) -> tuple[Fields, list[Fields]]:
    head, *parts = text.partition("end of trees")[0].split("\nTree=")
    return _fields(head), [_fields(part) for part in parts]


def _fields(text: str) -> Fields:
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, _, value in pairs}


def _link(objective: list[str]) -> Link:
    name, *settings = objective
    if name == "binary" and "sigmoid:1" in settings:
        return logistic
    if name == "multiclass":
        return softmax
    if name in _LOGARITHMIC:
        return exponential
    if name in _PLAIN and "sqrt" not in settings:
        return identity
    raise Unsupported(f"its objective is {' '.join(objective)}")


def _tree(fields: Fields, columns: tuple[Column, ...], first: int) -> Tree:
    if fields["is_linear"] != "0":
        raise Unsupported("its leaves hold linear models")
    leaves = np.array(fields["leaf_value"].split(), dtype=np.float64)
    if len(leaves) == 1:
        none = np.full(1, -1)
        return Tree(
            feature=none,
            threshold=np.zeros(1),
            left=none,
            right=none,
            flags=none,
            values=leaves[:, None],
            first=first,
            lefts={},
        )
    return _splits(fields, columns, leaves, first)


def _splits(fields: Fields, columns: tuple[Column, ...], leaves: Floats, first: int) -> Tree:
    feature, decision = _ints(fields["split_feature"]), _ints(fields["decision_type"])
    threshold = np.array(fields["threshold"].split(), dtype=np.float64)
    inner = len(feature)
    lefts = _lefts(fields, feature, decision, threshold, columns)
    behind = np.zeros(len(leaves), dtype=np.int64)
    return Tree(
        feature=np.concatenate((feature, behind - 1)),
        threshold=np.concatenate((threshold, behind)),
        left=np.concatenate((_child(fields["left_child"], inner), behind)),
        right=np.concatenate((_child(fields["right_child"], inner), behind)),
        flags=np.concatenate((_flags(decision, threshold), behind)),
        values=np.concatenate((np.zeros(inner), leaves))[:, None],
        first=first,
        lefts=lefts,
    )


def _ints(text: str) -> Ints:
    return np.array(text.split(), dtype=np.int64)


def _child(text: str, inner: int) -> Ints:
    child = _ints(text)  # leaves are -1, -2, ...
    return np.where(child >= 0, child, inner - 1 - child)


def _flags(decision: Ints, threshold: Floats) -> Ints:
    default_left = (decision & _DEFAULT_LEFT) != 0
    missing = (decision >> _MISSING_SHIFT) & 3
    # Where training had nothing missing, missing is zero.
    missing_left = np.where(missing == _NONE, threshold >= 0, default_left) * MISSING_LEFT
    numeric = missing_left + (missing == _ZERO) * ZERO_MISSING
    # A missing category goes to the right, whatever the default.
    return np.where(decision & _CATEGORICAL, CATEGORY, numeric)


def _lefts(
    fields: Fields,
    feature: Ints,
    decision: Ints,
    threshold: Floats,
    columns: tuple[Column, ...],
) -> Lefts:
    found = {}
    for node in np.flatnonzero(decision & _CATEGORICAL).tolist():
        column = columns[feature[node]]
        if not isinstance(column, CategoryColumn):
            raise Unsupported(f"the numbers of {column.name!r} are declared categories")
        edges, words = _ints(fields["cat_boundaries"]), _ints(fields["cat_threshold"])
        index = int(threshold[node])
        own = words[edges[index] : edges[index + 1]].astype("<u4").view(np.uint8)
        held = np.unpackbits(own, bitorder="little").astype(bool)
        lefts = np.zeros(max(len(column.vocabulary) + 1, len(held)), dtype=bool)
        lefts[: len(held)] = held
        found[node] = lefts
    return found
