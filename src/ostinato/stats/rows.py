"""Loss of each single row: what the sequential tests add up. Lower is always better."""

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray

LOG_LOSS_FLOOR = 1e-7
"""Probabilities below this count as this. Smaller: one confident mistake outweighs thousands of
rows (a row costs at most -log(1e-7) = 16.1). Larger: very good models stop being told apart."""

LEAST_LABEL = 1e-100
"""Labels nearer to zero than this are zero where errors are told as a share of them. Smaller:
a share overflows, and one infinite row spoils every sum it is in. Larger: it could be a label."""

THRESHOLD = 0.5
"""A binary row is predicted 1 when its score is at least this."""


def class_index(labels: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Class index of each label as an integer."""
    return labels.astype(np.int64)


def decision_cost(
    labels: FloatArray, scores: FloatArray, false_positive: float, false_negative: float
) -> FloatArray:
    """Price of the act that follows from each binary score, by a cost matrix; (n,), NaN unscored.

    Source: Elkan 2001, "The foundations of cost-sensitive learning", section 1; right acts cost
    nothing.
    """
    acted = scores >= THRESHOLD
    cost = np.where(
        acted, false_positive * (labels < THRESHOLD), false_negative * (labels >= THRESHOLD)
    )
    priced: FloatArray = np.where(np.isnan(scores), np.nan, cost)
    return priced


def log_loss(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """Minus the log of the probability given to what happened; in [0, 16.12].

    Parameters
    ----------
    labels
        (n,), 0/1 or class index.
    scores
        (n,) probability of 1, or (n, k) with rows that sum to 1.

    Returns
    -------
    FloatArray
        (n,).
    """
    if scores.ndim == 2:
        given = scores[np.arange(labels.size), class_index(labels)]
    else:
        given = np.where(labels > THRESHOLD, scores, 1.0 - scores)
    # The upper clip keeps a perfect row at +0.0 even where a score sits a rounding above 1.
    return np.abs(np.log(np.clip(given, LOG_LOSS_FLOOR, 1.0)))


def brier(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """Squared distance between probabilities and outcome: [0, 1] binary, [0, 2] multiclass.

    Source: Brier 1950; binary rows use the single-probability form, (p - y)^2.
    """
    if scores.ndim == 1:
        return np.square(scores - labels)
    # sum_c (p_c - y_c)^2 = sum_c p_c^2 - 2 p_y + 1
    given = scores[np.arange(labels.size), class_index(labels)]
    total: FloatArray = np.einsum("ij,ij->i", scores, scores)
    distance: FloatArray = np.maximum(total - 2.0 * given + 1.0, 0.0)
    return distance


def zero_one(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """One for a wrong row, zero for a right one (threshold .5, or the most probable class)."""
    predicted = scores.argmax(axis=1) if scores.ndim == 2 else scores >= THRESHOLD
    wrong: BoolArray = predicted != labels
    return wrong.astype(np.float64)


def absolute(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """Absolute error of each row, in label units."""
    return np.abs(scores - labels)


def squared(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """Squared error of each row, in squared label units."""
    return np.square(scores - labels)


def not_zero(labels: FloatArray) -> BoolArray:
    """Whether an error can be told as a share of each label."""
    return np.abs(labels) >= LEAST_LABEL


def absolute_percentage(labels: FloatArray, scores: FloatArray) -> FloatArray:
    """|error / label| of each row as a fraction; rows with label 0 cost nothing.

    The metric leaves those rows out; here they must stay so that two models keep paired rows,
    and a zero adds nothing to a difference.
    """
    known = not_zero(labels)
    return np.where(known, np.abs(scores - labels) / np.where(known, np.abs(labels), 1.0), 0.0)
