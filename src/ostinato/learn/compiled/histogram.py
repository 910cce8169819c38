# ruff: noqa: SLF001 - scikit-learn shows its trees nowhere else; the proof guards what is read
"""scikit-learn's histogram gradient boosting as trees.

It recodes categories once more inside (`OrdinalEncoder`) and moves them to the front. Both are
undone here: features get the positions they have in the encoding, and each split of categories
becomes a list of the encoding's codes that go to the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn
from ostinato.learn.compiled.form import Form, Link, Unsupported, finisher
from ostinato.learn.compiled.grove import Grove, Tree, grove_form
from ostinato.learn.compiled.kernels import CATEGORY
from ostinato.learn.compiled.links import sklearn_link
from ostinato.learn.encoding import Encoding
from ostinato.learn.model import Model


def histogram_trees(model: Model) -> Form:
    """Compile a `HistGradientBoostingClassifier` or `-Regressor`.

    Raises
    ------
    Unsupported
        If a column of numbers was declared categorical, or Numba is not installed.
    """
    estimator = model.estimator
    order, inner = _inner_codes(model.encoding, estimator)
    known, place = estimator._bin_mapper.make_known_categories_bitsets()
    trees = [
        _tree(predictor, k, order, inner, known, place)
        for iteration in estimator._predictors
        for k, predictor in enumerate(iteration)
    ]
    grove = Grove.of(trees, np.ravel(estimator._baseline_prediction))
    return grove_form(grove, _link(estimator, model), model.encoding)


def _link(estimator: Any, model: Model) -> Link:
    link, finish = sklearn_link(estimator._loss), finisher(model)
    return lambda sums: finish(link(sums))


def _inner_codes(encoding: Encoding, estimator: Any) -> tuple[NDArray[np.int64], dict[int, Floats]]:
    """Return which column each inner feature is, and per categorical one the inner codes."""
    categorical = estimator.is_categorical_
    if categorical is None:
        return np.arange(len(encoding.columns)), {}
    order = np.concatenate((np.flatnonzero(categorical), np.flatnonzero(~categorical)))
    lists = estimator._preprocessor.named_transformers_["encoder"].categories_
    inner = {}
    for position, categories in enumerate(lists):
        column = encoding.columns[order[position]]
        if not isinstance(column, CategoryColumn):
            raise Unsupported(f"the numbers of {column.name!r} are declared categories")
        inner[position] = _recoded(len(column.vocabulary) + 1, categories)
    return order, inner


def _recoded(count: int, categories: Sequence[float]) -> Floats:
    place = {float(value): float(i) for i, value in enumerate(categories) if value == value}  # noqa: PLR0124 - NaN
    return np.array([place.get(float(code), np.nan) for code in range(count)])


def _tree(
    predictor: Any,
    k: int,
    order: NDArray[np.int64],
    inner: dict[int, Floats],
    known: NDArray[np.uint32],
    place: NDArray[np.uint32],
) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    missing_left = nodes["missing_go_to_left"].astype(np.int64)
    splits = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    lefts = {}
    for node in splits.tolist():
        feature = int(nodes["feature_idx"][node])
        left = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
        codes = inner[feature]
        lefts[node] = _goes_left(
            codes, left, known[place[feature]], missing=bool(missing_left[node])
        )
    flags = missing_left.copy()
    flags[splits] += CATEGORY
    return Tree(
        feature=np.where(leaf, -1, order[nodes["feature_idx"]]),
        threshold=nodes["num_threshold"],
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        flags=flags,
        values=nodes["value"][:, None],
        first=k,
        lefts=lefts,
    )


def _goes_left(
    codes: Floats, left: NDArray[np.uint32], known: NDArray[np.uint32], *, missing: bool
) -> NDArray[np.bool_]:
    # Codes it was not trained on are treated as missing.
    def one(code: float) -> bool:
        if np.isnan(code) or not _has(known, int(code)):
            return missing
        return _has(left, int(code))

    return np.array([one(code) for code in codes])


def _has(bitset: NDArray[np.uint32], code: int) -> bool:
    return bool(int(bitset[code // 32]) >> (code % 32) & 1)
