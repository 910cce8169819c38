"""XGBoost as trees, read from the JSON it writes models in.

It works in single precision throughout: features, thresholds, leaves and sums. A row goes to the
left where its value is *below* a threshold, which is the same as up to the next smaller number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn, Column
from ostinato.learn.compiled.form import Form, Link, Unsupported, finisher
from ostinato.learn.compiled.grove import Grove, Tree, grove_form
from ostinato.learn.compiled.kernels import CATEGORY, ROUND_ROWS, ROUND_SUMS, single_kernel
from ostinato.learn.compiled.links import identity
from ostinato.learn.model import Model

_PLAIN: Final = ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror")
_LOGARITHMIC: Final = ("count:poisson", "reg:gamma", "reg:tweedie")


def xgboost_trees(model: Model) -> Form:
    """Compile an `XGBClassifier` or `XGBRegressor`.

    Raises
    ------
    Unsupported
        If its trees are dropped out or linear, its objective has a link unknown here, it takes
        another number than NaN for missing, a column of numbers was declared categorical, or Numba
        is not installed.
    """
    estimator, columns = model.estimator, model.encoding.columns
    if model.encoding.style != "ordinal" or not _is_nan(estimator.missing):
        raise Unsupported("its features are not coded with NaN for missing")
    learner = json.loads(estimator.get_booster().save_raw("json").decode())["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise Unsupported(f"its booster is {booster['name']}")
    content, rounds = booster["model"], _rounds(estimator)
    end = content["iteration_indptr"][rounds] if rounds else len(content["trees"])
    trees = [
        _tree(tree, columns, first)
        for tree, first in zip(content["trees"][:end], content["tree_info"], strict=False)
    ]
    start, link = _objective(learner)
    finish, options = finisher(model), ROUND_ROWS | ROUND_SUMS
    grove = Grove.of(trees, start, options=options)
    return grove_form(grove, lambda sums: finish(link(sums)), model.encoding)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _rounds(estimator: Any) -> int:
    try:
        return int(estimator.best_iteration) + 1
    except AttributeError:  # no early stopping: all
        return 0


def _objective(learner: Mapping[str, Any]) -> tuple[Floats, Link]:
    name = learner["objective"]["name"]
    text = learner["learner_model_param"]["base_score"]
    given = np.array(json.loads(text if text.startswith("[") else f"[{text}]"), dtype=np.float32)
    count = max(1, int(learner["learner_model_param"]["num_class"]))
    base = np.broadcast_to(given, count)
    if name in _PLAIN:
        return base.astype(np.float64), identity
    if name in _LOGARITHMIC:
        return _logarithm(base), _exponential
    if name == "binary:logistic":
        one = np.float32(1)
        return -_logarithm(one / base - one), _logistic
    if name == "multi:softprob":
        return base.astype(np.float64), _softmax
    raise Unsupported(f"its objective is {name}")


def _tree(tree: Mapping[str, Any], columns: Sequence[Column], first: int) -> Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise Unsupported("its leaves hold vectors")
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    feature = np.where(left < 0, -1, tree["split_indices"])
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    with np.errstate(over="ignore"):
        below = np.nextafter(conditions, np.float32(-np.inf))
    missing_left = np.array(tree["default_left"]).astype(np.int64)
    categorical = np.array(tree["split_type"], dtype=bool) & (left >= 0)
    return Tree(
        feature=feature,
        threshold=below.astype(np.float64),
        left=left,
        right=right,
        flags=missing_left + CATEGORY * categorical,
        values=conditions.astype(np.float64)[:, None],
        first=first,
        lefts=_lefts(tree, feature, columns),
    )


def _lefts(
    tree: Mapping[str, Any], feature: NDArray[np.int64], columns: Sequence[Column]
) -> dict[int, NDArray[np.bool_]]:
    found = {}
    parts = (tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"])
    for node, start, size in zip(*parts, strict=True):
        column = columns[feature[node]]
        if not isinstance(column, CategoryColumn):
            raise Unsupported(f"the numbers of {column.name!r} are declared categories")
        right = tree["categories"][start : start + size]
        lefts = np.ones(max([len(column.vocabulary), *right]) + 1, dtype=bool)
        lefts[right] = False
        found[node] = lefts
    return found


def _logarithm(values: NDArray[np.float32]) -> Floats:
    # Taken in double and rounded: NumPy's of single precision differs from the C library's.
    return np.log(values.astype(np.float64)).astype(np.float32).astype(np.float64)


def _power(sums: Floats) -> Floats:
    # NumPy's own exp of single precision differs in the last bit from the C library's.
    out = np.empty_like(sums)
    single_kernel()(sums, out)
    return out


def _exponential(sums: Floats) -> Floats:
    return np.ascontiguousarray(_power(sums)[:, 0])


def _logistic(sums: Floats) -> Floats:
    one = np.float32(1)
    answer = one / (_power(-sums).astype(np.float32) + one)
    return answer[:, 0].astype(np.float64)


def _softmax(sums: Floats) -> Floats:
    powers = _power(sums - sums.max(axis=1, keepdims=True))
    total = np.add.accumulate(powers, axis=1)[:, -1:].astype(np.float32)
    return (powers.astype(np.float32) / total).astype(np.float64)
