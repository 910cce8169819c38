"""What is learned to compare two samples: which one a row is of, and what loss to expect of it.

The one place here that trains: scikit-learn's histogram trees on codes, without chance. The caller
holds the numeric libraries to one thread.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ostinato.core.records import Floats, Ints

FOLDS: Final = 3
"""Rows are judged by what was learned from the other folds. Fewer learn from fewer rows; more cost
a training each."""

LEARNED: Final = 4_000
"""Rows that one training learns the difference of samples from. Fewer: small differences are not
learned; more: slower, though every row is judged either way."""

_SETTINGS: Final[dict[str, Any]] = {
    "max_iter": 16,  # each tree costs the same whether rows are few or many
    "max_leaf_nodes": 8,
    "learning_rate": 0.3,
    "min_samples_leaf": 40,
    "max_bins": 64,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


def chances(
    codes: NDArray[Any], current: NDArray[np.bool_], weights: Floats, fold: NDArray[np.int8]
) -> Floats:
    """Return for each row the chance that it is current, learned from the other folds.

    Parameters
    ----------
    codes
        (n, d), d may be 0.
    current
        (n,), which rows are.
    weights
        (n,), > 0; both samples have the same sum.
    fold
        (n,), in 0..FOLDS-1.
    """
    found = np.full(len(current), 0.5)
    if not codes.shape[1]:
        return found
    table = np.ascontiguousarray(codes, dtype=np.float64)
    for each in range(FOLDS):
        inside, outside = fold == each, fold != each
        if not inside.any() or len(np.unique(current[outside])) < 2:
            continue
        model = HistGradientBoostingClassifier(**_SETTINGS)
        rows = _learned(outside)
        scale = weights[rows] / weights[rows].mean()
        model.fit(table[rows], current[rows], sample_weight=scale)
        found[inside] = model.predict_proba(table[inside])[:, 1]
    return found


def expectations(
    codes: NDArray[Any], values: Floats, weights: Floats, fold: NDArray[np.int8]
) -> Floats:
    """Return for each row the loss to expect of it, learned from the other folds."""
    found = np.full(len(values), np.average(values, weights=weights))
    if not codes.shape[1]:
        return found
    table = np.ascontiguousarray(codes, dtype=np.float64)
    for each in range(FOLDS):
        inside, outside = fold == each, fold != each
        if inside.any() and outside.sum() >= _SETTINGS["min_samples_leaf"]:
            found[inside] = expected_of(
                table[outside], values[outside], weights[outside], table[inside]
            )
    return found


def _learned(rows: NDArray[np.bool_]) -> Ints:
    places = np.flatnonzero(rows)
    step = -(-len(places) // LEARNED)
    return places[::step]


def expected_of(
    codes: NDArray[Any], values: Floats, weights: Floats, others: NDArray[Any]
) -> Floats:
    """Return the loss to expect of other rows, learned from these."""
    if not codes.shape[1]:
        return np.full(len(others), np.average(values, weights=weights))
    model = HistGradientBoostingRegressor(**_SETTINGS)
    model.fit(np.asarray(codes, dtype=np.float64), values, sample_weight=weights / weights.mean())
    found: Floats = model.predict(np.asarray(others, dtype=np.float64))
    return found
