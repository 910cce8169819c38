"""Labels that a model surely holds to be others: a sign of labels that were flipped.

In: labels and scores of rows that the model did not learn. Out: which labels are suspicious, and of
which class they look. State: the bars, one per class.
"""

from __future__ import annotations

import numpy as np

from ostinato.stats.arrays import FloatArray, IntArray


def bars(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """Return how sure a model is of a class on average where the label says so: (k,).

    Parameters
    ----------
    labels
        (n,), class index.
    scores
        (n, k), rows sum to 1.

    Returns
    -------
    FloatArray
        (k,), infinity for a class without rows: no row is surely of it.

    Source: Northcutt, Jiang, Chuang 2021, "Confident learning", JAIR 70, equation 2.
    """
    found = np.full(scores.shape[1], np.inf)
    index = labels.astype(np.int64)
    for each in np.unique(index).tolist():
        found[each] = float(scores[index == each, each].mean())
    return found


def looks_like(scores: FloatArray, at_least: FloatArray) -> IntArray:
    """Return the class that each row surely is, (n,); -1 where none reaches its bar.

    Source: Northcutt et al. 2021, equation 1 (the confident joint counts label against this).

    Examples
    --------
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    >>> looks_like(scores, np.array([0.8, 0.7])).tolist()
    [0, 1, -1]
    """
    sure = np.where(scores >= at_least, scores, -1.0)
    best = sure.argmax(axis=1)
    found: IntArray = np.where(sure[np.arange(len(sure)), best] >= 0.0, best, -1).astype(np.int64)
    return found
