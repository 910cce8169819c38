"""Multiclass tasks: estimation by class, and by the confidence of the most probable one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats import counts
from ostinato.stats.arrays import as_floats, ratio
from ostinato.stats.calibration import Calibration, calibrate
from ostinato.stats.cbpe import Estimate, estimated
from ostinato.stats.rows import LOG_LOSS_FLOOR
from ostinato.stats.sums import SCORE_BINS, score_bin
from ostinato.watch.estimate.estimator import SUREST

CELLS: Final = SCORE_BINS // 2
"""Cells of a probability; there is such a row of cells for every class."""

CENTRES: Final = np.square(np.sin((np.arange(CELLS) + 0.5) * np.pi / (2.0 * CELLS)))
"""The probability in the middle of each cell."""

_TOP, _ALL, _LOG, _SUM = range(4)  # places in `said`, but for the two totals at its end


@dataclass(frozen=True, slots=True)
class ClassEstimator:
    """Expects the loss of each class, times the chance of that class given its probability.

    The chance that the most probable class is right is calibrated apart, by that class and its
    probability. `learned` is (4, k, cells): rows by most probable class, those of them that were
    right, rows by the probability of each class, those of that class. A guess is (2, 3, k, cells):
    of both, rates, which cells err together, squared errors. `said` is flat: (4, k, cells) sums by
    cell of rows, of rows, of the log loss and of the probability, then all rows and the sum of
    their squared probabilities.

    Parameters
    ----------
    loss
        Name of the row loss: ``"log_loss"``, ``"brier"`` or ``"error_rate"``.
    classes
        Number of classes, k.
    """

    loss: str
    classes: int

    def nothing(self) -> Floats:
        """Return no rows."""
        return np.zeros((4, self.classes, CELLS))

    def learned(self, labels: Floats, scores: Floats, weights: Floats) -> Floats:
        """Count labelled rows by cell."""
        at, top = self._cells(scores), scores.argmax(axis=1)
        of_class = labels[:, None] == np.arange(self.classes)
        place = self._top_cells(at, top)
        return np.stack(
            [
                self._summed(place, weights),
                self._summed(place, weights * (labels == top)),
                self._summed(at, np.repeat(weights, self.classes)),
                self._summed(at, (weights[:, None] * of_class).ravel()),
            ]
        )

    def fit(self, learned: Floats) -> Floats:
        """Return calibrated rates of both sorts."""
        top, right, rows, hits = np.maximum(learned, 0.0)
        pooled = calibrate(top.sum(axis=0), right.sum(axis=0), CENTRES)
        first = [
            calibrate(*each, CENTRES, prior=pooled.rates) for each in zip(top, right, strict=True)
        ]
        second = [calibrate(*each, CENTRES) for each in zip(rows, hits, strict=True)]
        return np.stack([_packed(first), _packed(second)])

    def expected(self, guess: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Return the mean and variance of each row's loss."""
        at = self._cells(scores)
        if self.loss == "error_rate":
            right = guess[0, 0].ravel()[self._top_cells(at, scores.argmax(axis=1))]
            return 1.0 - right, right * (1.0 - right)
        chance = guess[1, 0].ravel()[at].reshape(scores.shape)
        losses = self._by_class(scores)
        mean = (chance * losses).sum(axis=1)
        about = (chance * np.square(losses)).sum(axis=1)
        # What all classes lose alike (squares of the probabilities) does not hang on their chances.
        base = (
            np.square(scores).sum(axis=1) + 1.0 if self.loss == "brier" else np.zeros(len(scores))
        )
        return base + mean, np.maximum(about - np.square(mean), 0.0)

    def said(self, scores: Floats) -> Floats:
        """Return rows and what their losses are made of by cell."""
        at, top = self._cells(scores), scores.argmax(axis=1)
        logs = -np.log(np.clip(scores, LOG_LOSS_FLOOR, 1.0))
        tables = [
            self._summed(self._top_cells(at, top), np.ones(len(scores))),
            self._summed(at, np.ones(at.size)),
            self._summed(at, logs.ravel()),
            self._summed(at, scores.ravel()),
        ]
        totals = [float(len(scores)), float(np.square(scores).sum())]
        return np.concatenate([np.stack(tables).ravel(), totals])

    def mean(self, guess: Floats, said: Floats) -> float:
        """Return the expected mean loss."""
        return self._mean(self.loss, guess, said)

    def error(self, guess: Floats, said: Floats, other: Floats | None = None) -> float:
        """Return the variance of the mean (of a difference) that comes from the rates."""
        return self._error(self.loss, guess, said, other)

    def metrics(self, guess: Floats, said: Floats) -> dict[str, Estimate]:
        """Return all metrics that can be estimated; only means of losses have an interval."""
        tables, rows, _ = self._unpacked(said)
        found: dict[str, Estimate] = {}
        for name in ("log_loss", "brier", "error_rate"):
            value = self._mean(name, guess, said)
            found[name] = estimated(value, math.sqrt(self._error(name, guess, said, None)), 0.0)
        wrong = found["error_rate"]
        found["accuracy"] = estimated(1.0 - wrong.value, wrong.se_calibration, 0.0)
        hits = (tables[_TOP] * guess[0, 0]).sum(axis=1)
        flagged, actual = tables[_TOP].sum(axis=1), (tables[_ALL] * guess[1, 0]).sum(axis=1)
        seen = max(int(((flagged + actual) > 0).sum()), 1)
        positive = tables[_ALL] * guess[1, 0]
        areas = counts.roc_auc(positive, tables[_ALL] - positive)
        points = {
            "precision": float(np.nan_to_num(ratio(hits, flagged)).sum()) / seen,
            "recall": min(float(np.nan_to_num(ratio(hits, actual)).sum()) / seen, 1.0),
            "f1": float(np.nan_to_num(ratio(2.0 * hits, flagged + actual)).sum()) / seen,
            "roc_auc": float(np.nanmean(areas)) if np.isfinite(areas).any() else math.nan,
        }
        for name, value in points.items():
            found[name] = Estimate(value if rows else math.nan, *(math.nan,) * 4)
        return found

    def surprises(self, guess: Floats, labels: Floats, scores: Floats) -> Floats:
        """Return by how much each row lost more than was expected."""
        at, top = self._cells(scores), scores.argmax(axis=1)
        if self.loss == "error_rate":
            right = guess[0, 0].ravel()[self._top_cells(at, top)]
            found: Floats = right - (labels == top)
            return found
        chance = guess[1, 0].ravel()[at].reshape(scores.shape)
        most = SUREST if self.loss == "log_loss" else 2.0
        losses = np.minimum(self._by_class(scores), most)
        given = losses[np.arange(len(labels)), labels.astype(np.int64)]
        surprise: Floats = np.clip((given - (chance * losses).sum(axis=1)) / most, -1.0, 1.0)
        return surprise

    # -- cells

    def _by_class(self, scores: Floats) -> Floats:
        """Return what each class would add to the loss of a row, (n, k)."""
        if self.loss == "brier":
            return -2.0 * scores
        found: Floats = -np.log(np.clip(scores, LOG_LOSS_FLOOR, 1.0))
        return found

    def _cells(self, scores: Floats) -> Ints:
        """Return the place of each probability among the cells of all classes, flat (n k,)."""
        cells: Ints = score_bin(scores) // 2 + CELLS * np.arange(self.classes)
        return cells.ravel()

    def _top_cells(self, at: Ints, top: Ints) -> Ints:
        found: Ints = at.reshape(len(top), self.classes)[np.arange(len(top)), top]
        return found

    def _summed(self, at: Ints, weights: Floats) -> Floats:
        flat = np.bincount(at, weights, minlength=self.classes * CELLS)
        return as_floats(flat.reshape(self.classes, CELLS))

    def _unpacked(self, said: Floats) -> tuple[Floats, float, float]:
        return said[:-2].reshape(4, self.classes, CELLS), float(said[-2]), float(said[-1])

    def _mean(self, loss: str, guess: Floats, said: Floats) -> float:
        tables, rows, squares = self._unpacked(said)
        if loss == "error_rate":
            return 1.0 - float((tables[_TOP] * guess[0, 0]).sum()) / rows
        if loss == "log_loss":
            return float((tables[_LOG] * guess[1, 0]).sum()) / rows
        return (squares - 2.0 * float((tables[_SUM] * guess[1, 0]).sum())) / rows + 1.0

    def _error(self, loss: str, guess: Floats, said: Floats, other: Floats | None) -> float:
        slopes = self._slopes(loss, said)
        if other is not None:
            slopes = slopes - self._slopes(loss, other)
        rates, blocks, variances = guess[0 if loss == "error_rate" else 1]
        known = Calibration(rates.ravel(), blocks.ravel().astype(np.int64), variances.ravel())
        return known.variance_of(slopes.ravel())

    def _slopes(self, loss: str, said: Floats) -> Floats:
        tables, rows, _ = self._unpacked(said)
        place, sign = {"error_rate": (_TOP, -1.0), "log_loss": (_LOG, 1.0), "brier": (_SUM, -2.0)}[
            loss
        ]
        slopes: Floats = sign * tables[place] / max(rows, 1.0)
        return slopes


def _packed(found: list[Calibration]) -> Floats:
    """Put calibrations of the classes into one array, with blocks numbered through."""
    blocks = [each.blocks + place * CELLS for place, each in enumerate(found)]
    columns = ([each.rates for each in found], blocks, [each.variances for each in found])
    return np.stack([np.stack(each).astype(np.float64) for each in columns])
