"""Metrics as functions of counts: one formula serves exact rows and mergeable sums alike.

All functions work on the last axis (or the last two for a confusion matrix) and keep the
leading axes, so a table of a thousand groups costs one call.
"""

import numpy as np

from ostinato.stats.arrays import FloatArray, ratio

CALIBRATION_BINS = 15
"""Equal-width bins of the calibration error. Fewer hide errors that change sign inside a bin;
more turn the noise of small bins into error (the sum of absolute values only grows)."""


def roc_auc(positive: FloatArray, negative: FloatArray) -> FloatArray:
    """Area under the ROC curve from counts per score value, ties counted one half.

    Parameters
    ----------
    positive, negative
        (..., b), counts of either label per score cell, cells in ascending score order.

    Returns
    -------
    FloatArray
        (...), in [0, 1]; NaN where one label is absent.

    Source: Mann and Whitney 1947; Hanley and McNeil 1982, Radiology 143, section 2.
    """
    below = np.cumsum(negative, axis=-1) - negative
    wins = (positive * (below + 0.5 * negative)).sum(axis=-1)
    return ratio(wins, positive.sum(axis=-1) * negative.sum(axis=-1))


def average_precision(positive: FloatArray, negative: FloatArray) -> FloatArray:
    """Step-wise area under the precision-recall curve, no interpolation.

    Parameters
    ----------
    positive, negative
        (..., b), counts of either label per score cell, cells in ascending score order.

    Returns
    -------
    FloatArray
        (...), in [0, 1]; NaN where there is no positive label.

    Source: AP = sum_n (R_n - R_{n-1}) P_n; Manning, Raghavan, Schütze 2008, section 8.4.
    """
    hits = np.cumsum(positive[..., ::-1], axis=-1)
    flagged = hits + np.cumsum(negative[..., ::-1], axis=-1)
    precision = hits / np.where(flagged > 0, flagged, 1.0)
    return ratio((positive[..., ::-1] * precision).sum(axis=-1), positive.sum(axis=-1))


def calibration_error(residual: FloatArray, total: FloatArray) -> FloatArray:
    """Expected calibration error from the sum of (score - outcome) in each bin.

    Parameters
    ----------
    residual
        (..., 15), sum over the rows of a bin of predicted probability minus outcome.
    total
        (...), number of rows.

    Returns
    -------
    FloatArray
        (...), in [0, 1]; NaN where there are no rows.

    Source: Naeini, Cooper, Hauskrecht 2015, AAAI, eq. 3; n_b/n * |mean score - mean outcome|
    equals |sum of residuals| / n, so the bin counts cancel.
    """
    return ratio(np.abs(residual).sum(axis=-1), total)


def calibration_bin(scores: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Bin of each probability: equal widths, the last one closed at 1."""
    return np.minimum((scores * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def binary_table(
    true_positive: FloatArray,
    false_positive: FloatArray,
    false_negative: FloatArray,
    true_negative: FloatArray,
) -> dict[str, FloatArray]:
    """Accuracy, error rate, precision, recall and F1 from the four cells.

    Parameters
    ----------
    true_positive, false_positive, false_negative, true_negative
        (...), counts.

    Returns
    -------
    dict
        name to (...); NaN where a divisor is zero (precision without a flagged row, recall
        without a positive label, F1 with neither).
    """
    wrong = false_positive + false_negative
    total = true_positive + true_negative + wrong
    return {
        "accuracy": ratio(true_positive + true_negative, total),
        "error_rate": ratio(wrong, total),
        "precision": ratio(true_positive, true_positive + false_positive),
        "recall": ratio(true_positive, true_positive + false_negative),
        "f1": ratio(2 * true_positive, 2 * true_positive + wrong),
    }


def multiclass_table(confusion: FloatArray) -> dict[str, FloatArray]:
    """Accuracy, error rate and macro precision, recall and F1 from a confusion matrix.

    Parameters
    ----------
    confusion
        (..., k, k), rows are labels, columns are predictions.

    Returns
    -------
    dict
        name to (...); macro means run over the classes seen as label or as prediction, a class
        whose divisor is zero counts as 0 (the convention of scikit-learn). NaN without rows.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    labelled, flagged = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total = labelled.sum(axis=-1)
    classes = ((labelled + flagged) > 0).sum(axis=-1)

    def macro(top: FloatArray, bottom: FloatArray) -> FloatArray:
        return ratio(np.nan_to_num(ratio(top, bottom)).sum(axis=-1), classes)

    return {
        "accuracy": ratio(hits.sum(axis=-1), total),
        "error_rate": ratio(total - hits.sum(axis=-1), total),
        "precision": macro(hits, flagged),
        "recall": macro(hits, labelled),
        "f1": macro(2 * hits, labelled + flagged),
    }
