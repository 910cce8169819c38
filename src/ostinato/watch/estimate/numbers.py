"""Regression: the loss of rows whose prediction was alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ostinato.core.records import Floats
from ostinato.stats.arrays import as_floats
from ostinato.stats.cbpe import Estimate
from ostinato.stats.dle import CellLosses, cell_losses, dle
from ostinato.stats.metrics import METRICS as TABLE
from ostinato.watch.borders import cell_of


@dataclass(frozen=True, slots=True)
class NumberEstimator:
    """Expects of each row what rows in its cell of the prediction lost before.

    `learned` is (4, cells): labelled rows, their losses, losses squared, losses up to `most`. A
    guess is (6, cells): mean loss, its squared error, variance of a row, how far it was drawn to
    the mean of all, mean of the losses up to `most`, and the squared error of the mean of all.
    `said` is (1, cells): rows.

    Parameters
    ----------
    loss
        Name of the row loss: ``"mae"``, ``"mse"`` or ``"mape"``.
    borders
        Borders of the cells of the prediction, rising.
    most
        Loss from which on a row counts no more as evidence that the concept moved, > 0.
    """

    loss: str
    borders: tuple[float, ...]
    most: float

    def nothing(self) -> Floats:
        """Return no rows."""
        return np.zeros((4, len(self.borders) + 1))

    def learned(self, labels: Floats, scores: Floats, weights: Floats) -> Floats:
        """Sum the losses of labelled rows by cell."""
        losses = TABLE[self.loss].row_loss(labels, scores)
        columns = (np.ones(len(losses)), losses, np.square(losses), np.minimum(losses, self.most))
        return np.stack([self._summed(scores, weights * each) for each in columns])

    def fit(self, learned: Floats) -> Floats:
        """Return the mean loss of each cell."""
        rows, sums, squares, capped = np.maximum(learned, 0.0)
        known = cell_losses(rows, sums, squares)
        few = cell_losses(rows, capped, np.minimum(squares, capped * self.most))
        common = np.full(len(rows), known.common)
        columns = (known.means, known.errors, known.spreads, known.pulled, few.means, common)
        return np.stack(columns)

    def expected(self, guess: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Return the mean and variance of each row's loss."""
        cells = cell_of(scores, np.asarray(self.borders))
        return guess[0][cells], guess[2][cells]

    def said(self, scores: Floats) -> Floats:
        """Return rows by cell."""
        return self._summed(scores, np.ones(len(scores)))[None]

    def mean(self, guess: Floats, said: Floats) -> float:
        """Return the expected mean loss."""
        return float(said[0] @ guess[0]) / float(said[0].sum())

    def error(self, guess: Floats, said: Floats, other: Floats | None = None) -> float:
        """Return the variance of the mean (of a difference) that comes from the cells' means."""
        shares = said[0] / max(float(said[0].sum()), 1.0)
        if other is not None:
            shares = shares - other[0] / max(float(other[0].sum()), 1.0)
        return _losses(guess).variance_of(shares)

    def metrics(self, guess: Floats, said: Floats) -> dict[str, Estimate]:
        """Return the mean loss; of squares its root too."""
        found = {self.loss: dle(said[0], _losses(guess))}
        if self.loss == "mse":
            found["rmse"] = _root(found["mse"])
        return found

    def surprises(self, guess: Floats, labels: Floats, scores: Floats) -> Floats:
        """Return by how much each row lost more than was expected."""
        losses = np.minimum(TABLE[self.loss].row_loss(labels, scores), self.most)
        found: Floats = (losses - guess[4][cell_of(scores, np.asarray(self.borders))]) / self.most
        return np.clip(found, -1.0, 1.0)

    def _summed(self, scores: Floats, weights: Floats) -> Floats:
        cells = cell_of(scores, np.asarray(self.borders))
        return as_floats(np.bincount(cells, weights, minlength=len(self.borders) + 1))


def _losses(guess: Floats) -> CellLosses:
    return CellLosses(guess[0], guess[1], guess[2], guess[3], float(guess[5][0]))


def _root(squared: Estimate) -> Estimate:
    if math.isnan(squared.value):
        return squared
    slope = 0.5 / math.sqrt(squared.value) if squared.value > 0.0 else 0.0
    return replace(
        squared,
        value=math.sqrt(squared.value),
        se_calibration=slope * squared.se_calibration,
        se_labels=slope * squared.se_labels,
        low=math.sqrt(max(squared.low, 0.0)),
        high=math.sqrt(max(squared.high, 0.0)),
    )
