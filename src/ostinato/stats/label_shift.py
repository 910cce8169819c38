"""Whether classes come in other shares while each looks as before.

In: counts of rows by score and class, of two samples; or scores of a model. Out: how much of what
moved the classes explain, and shares of classes read off scores where labels are missing. State:
none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from ostinato.stats.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Explained:
    """How much of the difference between two samples of (score, class) is told by either alone.

    Parameters
    ----------
    whole
        mutual information of (score, class) with the sample, in nats, less what chance gives;
        >= 0.
    by_class
        share of it that the classes tell, in [0, 1]: the rest is scores that moved within a class.
    by_score
        share of it that the scores tell, in [0, 1]: the rest is classes that moved within a score.
    """

    whole: float
    by_class: float
    by_score: float


def explained(reference: FloatArray, current: FloatArray) -> Explained:
    """Say what tells two samples apart: the classes, the scores, or only both together.

    If the classes come in other shares and look as before (label shift), the sample tells nothing
    about the score once the class is known; if the inputs moved and mean the same (covariate
    shift), nothing about the class once the score is known; by the chain rule
    I(S, Y; D) = I(Y; D) + I(S; D | Y) = I(S; D) + I(Y; D | S).

    Parameters
    ----------
    reference, current
        (scores, classes), rows per bin of the score and class; both samples have rows.

    Source: Cover and Thomas 2006, theorem 2.5.2 (chain rule); Miller 1955 (bias: degrees of freedom
    over twice the rows, here the harmonic ones of two samples weighed equally).
    """
    p, q = reference / reference.sum(), current / current.sum()
    rows = 2.0 / (1.0 / float(reference.sum()) + 1.0 / float(current.sum()))
    whole = _apart(p, q, rows)
    if whole <= 0.0:
        return Explained(0.0, 0.0, 0.0)
    by_class = _apart(p.sum(axis=0), q.sum(axis=0), rows) / whole
    by_score = _apart(p.sum(axis=1), q.sum(axis=1), rows) / whole
    return Explained(whole, min(by_class, 1.0), min(by_score, 1.0))


def _apart(p: FloatArray, q: FloatArray, rows: float) -> float:
    # Jensen-Shannon divergence = information about which of two samples, each half of all rows.
    middle = 0.5 * (p + q)
    there = middle > 0.0
    ratio = np.where(there, middle, 1.0)
    found = 0.5 * (
        xlogy(p, np.where(p > 0.0, p, 1.0) / ratio) + xlogy(q, np.where(q > 0.0, q, 1.0) / ratio)
    )
    # Under no difference 4 rows JS is chi-squared: its mean is the number of free cells.
    chance = (int(there.sum()) - 1) / (4.0 * rows)
    return max(float(found.sum()) - chance, 0.0)


def class_shares(reference: FloatArray, labels: FloatArray, current: FloatArray) -> FloatArray:
    """Read the shares of classes off a model's scores, for rows that have no labels.

    Holds where each class looks as before. NaN where the model cannot tell its classes apart.

    Parameters
    ----------
    reference
        (n, k), scores of rows whose labels are known.
    labels
        (n,), class index of each.
    current
        (m, k), scores of the rows asked about.

    Returns
    -------
    FloatArray
        (k,), >= 0, sums to 1.

    Source: Lipton, Wang, Smola 2018, "Detecting and correcting for label shift with black box
    predictors": C q = mean score now, C the mean scores of each class; with scores in the place of
    decisions (Garg et al. 2020, soft confusion).

    Examples
    --------
    >>> sure = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    >>> class_shares(sure, np.array([0.0, 0.0, 1.0, 1.0]), sure[[0, 2, 2, 2]]).round(2).tolist()
    [0.25, 0.75]
    """
    k = reference.shape[1]
    index = labels.astype(np.int64)
    counts = np.bincount(index, minlength=k).astype(np.float64)
    means = np.stack(
        [np.bincount(index, weights=reference[:, j], minlength=k) for j in range(k)]
    ) / np.maximum(counts, 1.0)
    seen = counts > 0.0
    matrix = means[:, seen]
    if not seen.any() or np.linalg.cond(matrix.T @ matrix) > _UNTELLABLE:
        return np.full(k, np.nan)
    solved = np.linalg.lstsq(matrix, current.mean(axis=0), rcond=None)[0]
    shares = np.zeros(k)
    shares[seen] = np.maximum(solved, 0.0)
    total = float(shares.sum())
    return shares / total if total else np.full(k, np.nan)


_UNTELLABLE = 1e4
