"""Performance of many groups at once from sums that add, subtract and merge.

In: rows and the groups each belongs to. Out: the metrics of the task per group, under the names
of ``metrics.METRICS``. State: tables with one line per group. A row enters with weight +1; a
revised row leaves with -1 and enters again. Counts cancel exactly (they are whole numbers),
sums of losses cancel to float rounding. Other batch borders give the same bits.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ostinato.stats import counts, rows
from ostinato.stats.arrays import FloatArray, ratio
from ostinato.stats.spread import check_probabilities, grown, spread

SCORE_BINS = 64
"""Score cells of the binary ROC curve. Fewer: more tied pairs, a wider ``auc_error_bound``.
More: memory, 1 kB per group at 64. The count must be even so that .5 is an edge."""

Codes = npt.NDArray[np.integer]


def score_bin(scores: FloatArray) -> npt.NDArray[np.int64]:
    """Cell of each probability on a scale that is finer near 0 and near 1.

    Source: variance-stabilising transform of a proportion, 2/pi * arcsin(sqrt(p)) (Anscombe
    1948); cells of equal width there hold scores that are about equally hard to tell apart.
    """
    scale = SCORE_BINS * 2.0 / np.pi
    cell = (scale * np.arcsin(np.sqrt(np.clip(scores, 0.0, 1.0)))).astype(np.int64)
    # The threshold must separate cells whatever the rounding: accuracy is read from them.
    half = SCORE_BINS // 2
    return np.where(
        scores >= rows.THRESHOLD,
        np.clip(cell, half, SCORE_BINS - 1),
        np.minimum(cell, half - 1),
    )


@dataclass(slots=True)
class BinarySums:
    """Sums of a binary task.

    Exact: n, log_loss, brier, accuracy, error_rate, precision, recall, f1, calibration_error.
    Approximate: roc_auc (within ``auc_error_bound``) and average_precision, whose scores are
    taken as tied inside each of 64 cells.

    Parameters
    ----------
    histogram
        (groups, 2, 64), rows per label and score cell.
    residual
        (groups, 15), sum of score minus label per calibration bin.
    log_loss, brier
        (groups,), sums of the row losses.
    """

    histogram: FloatArray
    residual: FloatArray
    log_loss: FloatArray
    brier: FloatArray

    @classmethod
    def zeros(cls, groups: int) -> "BinarySums":
        """Return an empty summary of that many groups."""
        return cls(
            np.zeros((groups, 2, SCORE_BINS)),
            np.zeros((groups, counts.CALIBRATION_BINS)),
            np.zeros(groups),
            np.zeros(groups),
        )

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.log_loss)

    def add(
        self,
        codes: Codes,
        labels: FloatArray,
        scores: FloatArray,
        weights: FloatArray | None = None,
    ) -> None:
        """Add rows to each of their groups.

        Parameters
        ----------
        codes
            (n, s) or (n,), group indices of each row; -1 is none.
        labels
            (n,), 0 or 1.
        scores
            (n,), probability of 1, in [0, 1].
        weights
            (n,), +1 or -1; None means +1.

        Raises
        ------
        ValueError
            when a code is not below ``groups``, lengths differ or a score is no probability.
        """
        check_probabilities(scores)
        pairs = spread(codes, weights, rows=labels.shape[0], groups=self.groups)
        cells = score_bin(scores) + SCORE_BINS * (labels > rows.THRESHOLD)
        pairs.add(self.histogram, cells=cells)
        pairs.add(self.residual, scores - labels, counts.calibration_bin(scores))
        pairs.add(self.log_loss, rows.log_loss(labels, scores))
        pairs.add(self.brier, rows.brier(labels, scores))

    def grow(self, groups: int) -> None:
        """Make room for at least that many groups."""
        self.histogram = grown(self.histogram, groups)
        self.residual = grown(self.residual, groups)
        self.log_loss = grown(self.log_loss, groups)
        self.brier = grown(self.brier, groups)

    def merge(self, other: "BinarySums") -> None:
        """Add another summary to this one, group by group; grows where the other has more."""
        self.grow(other.groups)
        self.histogram[: other.groups] += other.histogram
        self.residual[: other.groups] += other.residual
        self.log_loss[: other.groups] += other.log_loss
        self.brier[: other.groups] += other.brier

    def auc_error_bound(self, group: int) -> float:
        """Return the most ``roc_auc`` can be off: half the share of pairs that share a cell.

        Pairs in different cells are ordered as the scores are; a pair in one cell counts one
        half where the truth is 0, 1/2 or 1. Hence sum_b P_b N_b / (2 P N). Below .01 for scores
        spread over [0, 1]; loose (.07 and more) when they all fall into a few cells, and then
        the exact metric should be asked of the rows. NaN without both labels.
        """
        negative, positive = self.histogram[group]
        pairs = positive.sum() * negative.sum()
        return float(ratio((positive * negative).sum(), 2.0 * pairs))

    def table(self) -> dict[str, FloatArray]:
        """Return every metric and ``n`` as (groups,) arrays; NaN where undefined."""
        return _binary_metrics(self)

    def metrics(self, group: int) -> dict[str, float]:
        """Return every metric and ``n`` of one group; NaN where undefined."""
        line = slice(group, group + 1)
        one = BinarySums(
            self.histogram[line], self.residual[line], self.log_loss[line], self.brier[line]
        )
        return {name: float(value[0]) for name, value in one.table().items()}


def _binary_metrics(sums: BinarySums) -> dict[str, FloatArray]:
    negative, positive = sums.histogram[:, 0], sums.histogram[:, 1]
    half = SCORE_BINS // 2
    tn, fp = negative[:, :half].sum(axis=1), negative[:, half:].sum(axis=1)
    fn, tp = positive[:, :half].sum(axis=1), positive[:, half:].sum(axis=1)
    n = tn + fp + fn + tp
    return {
        "n": n,
        "log_loss": ratio(sums.log_loss, n),
        "brier": ratio(sums.brier, n),
        **counts.binary_table(tp, fp, fn, tn),
        "roc_auc": counts.roc_auc(positive, negative),
        "average_precision": counts.average_precision(positive, negative),
        "calibration_error": counts.calibration_error(sums.residual, n),
    }


@dataclass(slots=True)
class MulticlassSums:
    """Sums of a multiclass task; every metric here is exact, ``roc_auc`` is not offered.

    A one-against-rest ROC curve would need a histogram per class and row; it is computed by
    ``metrics.METRICS["roc_auc"].value`` from the rows.

    Parameters
    ----------
    confusion
        (groups, k, k), rows are labels, columns the most probable class.
    residual
        (groups, 15), sum of top probability minus hit per calibration bin.
    log_loss, brier
        (groups,), sums of the row losses.
    """

    confusion: FloatArray
    residual: FloatArray
    log_loss: FloatArray
    brier: FloatArray

    @classmethod
    def zeros(cls, groups: int, classes: int) -> "MulticlassSums":
        """Return an empty summary of that many groups and classes."""
        return cls(
            np.zeros((groups, classes, classes)),
            np.zeros((groups, counts.CALIBRATION_BINS)),
            np.zeros(groups),
            np.zeros(groups),
        )

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.log_loss)

    def add(
        self,
        codes: Codes,
        labels: FloatArray,
        scores: FloatArray,
        weights: FloatArray | None = None,
    ) -> None:
        """Add rows to each of their groups.

        Parameters
        ----------
        codes
            (n, s) or (n,), group indices of each row; -1 is none.
        labels
            (n,), class index in [0, k).
        scores
            (n, k), rows sum to 1.
        weights
            (n,), +1 or -1; None means +1.

        Raises
        ------
        ValueError
            when a code is not below ``groups``, lengths differ, the number of classes differs, a
            label is no class or a score is no probability.
        """
        classes = self.confusion.shape[1]
        if scores.shape[1] != classes:
            raise ValueError(f"scores had {scores.shape[1]} classes, the summary has {classes}")
        if labels.size and not (labels.min() >= 0 and labels.max() < classes):
            raise ValueError(f"labels must be class indices in [0, {classes})")
        check_probabilities(scores)
        pairs = spread(codes, weights, rows=labels.shape[0], groups=self.groups)
        top = scores.argmax(axis=1)
        confidence = scores.max(axis=1)
        pairs.add(self.confusion, cells=rows.class_index(labels) * classes + top)
        pairs.add(self.residual, confidence - (top == labels), counts.calibration_bin(confidence))
        pairs.add(self.log_loss, rows.log_loss(labels, scores))
        pairs.add(self.brier, rows.brier(labels, scores))

    def grow(self, groups: int) -> None:
        """Make room for at least that many groups."""
        self.confusion = grown(self.confusion, groups)
        self.residual = grown(self.residual, groups)
        self.log_loss = grown(self.log_loss, groups)
        self.brier = grown(self.brier, groups)

    def merge(self, other: "MulticlassSums") -> None:
        """Add another summary to this one, group by group; grows where the other has more."""
        self.grow(other.groups)
        self.confusion[: other.groups] += other.confusion
        self.residual[: other.groups] += other.residual
        self.log_loss[: other.groups] += other.log_loss
        self.brier[: other.groups] += other.brier

    def table(self) -> dict[str, FloatArray]:
        """Return every metric but ``roc_auc``, and ``n``, as (groups,) arrays."""
        n = self.confusion.sum(axis=(1, 2))
        return {
            "n": n,
            "log_loss": ratio(self.log_loss, n),
            "brier": ratio(self.brier, n),
            **counts.multiclass_table(self.confusion),
            "calibration_error": counts.calibration_error(self.residual, n),
        }

    def metrics(self, group: int) -> dict[str, float]:
        """Return every metric but ``roc_auc``, and ``n``, of one group."""
        line = slice(group, group + 1)
        one = MulticlassSums(
            self.confusion[line], self.residual[line], self.log_loss[line], self.brier[line]
        )
        return {name: float(value[0]) for name, value in one.table().items()}


@dataclass(slots=True)
class RegressionSums:
    """Sums of a regression task; every metric is exact up to rounding.

    ``r2`` subtracts two sums of squares: where the mean label is m and its spread s, about
    2 log10(m / s) digits are lost, so labels far from zero should be centred first.

    Parameters
    ----------
    sums
        (groups, 7): n, |e|, e^2, y, y^2, |e / y|, rows with y != 0 (in this order).
    """

    sums: FloatArray

    @classmethod
    def zeros(cls, groups: int) -> "RegressionSums":
        """Return an empty summary of that many groups."""
        return cls(np.zeros((groups, 7)))

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.sums)

    def add(
        self,
        codes: Codes,
        labels: FloatArray,
        scores: FloatArray,
        weights: FloatArray | None = None,
    ) -> None:
        """Add rows to each of their groups.

        Parameters
        ----------
        codes
            (n, s) or (n,), group indices of each row; -1 is none.
        labels, scores
            (n,), label units; finite.
        weights
            (n,), +1 or -1; None means +1.

        Raises
        ------
        ValueError
            when a code is not below ``groups``, lengths differ or a value is not finite.
        """
        if not (np.isfinite(labels).all() and np.isfinite(scores).all()):
            raise ValueError("labels and scores must be finite")
        pairs = spread(codes, weights, rows=labels.shape[0], groups=self.groups)
        lines = np.empty((labels.shape[0], 7))
        lines[:, 0] = 1.0
        lines[:, 1] = rows.absolute(labels, scores)
        lines[:, 2] = rows.squared(labels, scores)
        lines[:, 3] = labels
        lines[:, 4] = np.square(labels)
        lines[:, 5] = rows.absolute_percentage(labels, scores)
        lines[:, 6] = rows.not_zero(labels)
        for column in range(7):
            cells = np.full(labels.shape[0], column)
            pairs.add(self.sums, lines[:, column], cells)

    def grow(self, groups: int) -> None:
        """Make room for at least that many groups."""
        self.sums = grown(self.sums, groups)

    def merge(self, other: "RegressionSums") -> None:
        """Add another summary to this one, group by group; grows where the other has more."""
        self.grow(other.groups)
        self.sums[: other.groups] += other.sums

    def table(self) -> dict[str, FloatArray]:
        """Return every metric and ``n`` as (groups,) arrays; NaN where undefined."""
        return _regression_metrics(self.sums)

    def metrics(self, group: int) -> dict[str, float]:
        """Return every metric and ``n`` of one group; NaN where undefined."""
        table = _regression_metrics(self.sums[group : group + 1])
        return {name: float(value[0]) for name, value in table.items()}


def _regression_metrics(sums: FloatArray) -> dict[str, FloatArray]:
    n, absolute, squared, label, label_squared, percentage, known = sums.T
    mse = ratio(squared, n)
    spread_of_labels = label_squared - label * ratio(label, n)
    # Rounding can leave a constant label with a spread of about 1e-16 of its squares.
    spread_of_labels = np.where(spread_of_labels > 1e-12 * label_squared, spread_of_labels, 0.0)
    return {
        "n": n.copy(),
        "mae": ratio(absolute, n),
        "rmse": np.sqrt(np.maximum(mse, 0.0)),
        "mse": mse,
        "mape": ratio(percentage, known),
        "r2": 1.0 - ratio(squared, np.where(n >= 2, spread_of_labels, 0.0)),
    }
