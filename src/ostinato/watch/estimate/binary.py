"""Binary tasks: confidence-based performance estimation over cells of the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.stats.calibration import Calibration, calibrate
from ostinato.stats.cbpe import Estimate, cbpe_estimates
from ostinato.stats.metrics import METRICS as TABLE
from ostinato.stats.metrics import RowLoss
from ostinato.stats.rows import brier, log_loss
from ostinato.stats.sums import SCORE_BINS, score_bin
from ostinato.watch.estimate.estimator import SUREST

CENTRES: Final = np.square(np.sin((np.arange(SCORE_BINS) + 0.5) * np.pi / (2.0 * SCORE_BINS)))
"""The score in the middle of each cell."""

_FLAGGED: Final = np.arange(SCORE_BINS) >= SCORE_BINS // 2
_ROWS, _MAIN, _LOG, _SQUARED = 0, slice(1, 3), slice(3, 5), slice(5, 7)  # places in `said`


@dataclass(frozen=True, slots=True)
class BinaryEstimator:
    """Expects of each row the loss of either outcome, times the chance of that outcome.

    `learned` is (2, cells): labelled rows and those of label 1. A guess is (3, cells): rates, which
    cells err together, squared errors. `said` is (7, cells): rows, and the sums of the row loss, of
    the log loss and of the Brier score, if the label is 0 and if it is 1.

    Parameters
    ----------
    loss
        Name of the row loss: ``"log_loss"``, ``"brier"`` or ``"error_rate"``.
    """

    loss: str

    @property
    def _row_loss(self) -> RowLoss:
        return TABLE[self.loss].row_loss

    def nothing(self) -> Floats:
        """Return no rows."""
        return np.zeros((2, SCORE_BINS))

    def learned(self, labels: Floats, scores: Floats, weights: Floats) -> Floats:
        """Count labelled rows by cell."""
        cells = score_bin(scores)
        return np.stack(
            [np.bincount(cells, each, minlength=SCORE_BINS) for each in (weights, weights * labels)]
        )

    def fit(self, learned: Floats) -> Floats:
        """Return calibrated rates."""
        rows, hits = np.maximum(learned, 0.0)
        found = calibrate(rows, hits, CENTRES)
        return np.stack([found.rates, found.blocks, found.variances])

    def expected(self, guess: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Return the mean and variance of each row's loss."""
        chance = guess[0][score_bin(scores)]
        of_no, of_yes = _either(self._row_loss, scores)
        apart = of_yes - of_no
        return of_no + chance * apart, chance * (1.0 - chance) * np.square(apart)

    def said(self, scores: Floats) -> Floats:
        """Return rows and losses of either outcome by cell."""
        cells = score_bin(scores)
        logs, squares = _either(log_loss, scores), _either(brier, scores)
        known = {"log_loss": logs, "brier": squares}
        main = known.get(self.loss) or _either(self._row_loss, scores)
        columns = [np.ones(len(scores)), *main, *logs, *squares]
        return np.stack([np.bincount(cells, each, minlength=SCORE_BINS) for each in columns])

    def mean(self, guess: Floats, said: Floats) -> float:
        """Return the expected mean loss."""
        of_no, of_yes = said[_MAIN]
        return float(((1.0 - guess[0]) * of_no + guess[0] * of_yes).sum() / said[_ROWS].sum())

    def error(self, guess: Floats, said: Floats, other: Floats | None = None) -> float:
        """Return the variance of the mean (of a difference) that comes from the rates."""
        slopes = _slopes(said) if other is None else _slopes(said) - _slopes(other)
        return _calibration(guess).variance_of(slopes)

    def metrics(self, guess: Floats, said: Floats) -> dict[str, Estimate]:
        """Return all metrics that can be estimated."""
        of = {"log_loss": said[_LOG], "brier": said[_SQUARED]}
        losses = {name: (pair[0], pair[1]) for name, pair in of.items()}
        return cbpe_estimates(said[_ROWS], _calibration(guess), _FLAGGED, losses)

    def surprises(self, guess: Floats, labels: Floats, scores: Floats) -> Floats:
        """Return by how much each row lost more than was expected."""
        most = SUREST if self.loss == "log_loss" else 1.0
        of_no, of_yes = (np.minimum(each, most) for each in _either(self._row_loss, scores))
        found: Floats = (labels - guess[0][score_bin(scores)]) * (of_yes - of_no) / most
        return found


def _either(loss: RowLoss, scores: Floats) -> tuple[Floats, Floats]:
    """Return the loss of each row if its label is 0, and if it is 1."""
    return loss(np.zeros(len(scores)), scores), loss(np.ones(len(scores)), scores)


def _slopes(said: Floats) -> Floats:
    of_no, of_yes = said[_MAIN]
    slopes: Floats = (of_yes - of_no) / max(float(said[_ROWS].sum()), 1.0)
    return slopes


def _calibration(guess: Floats) -> Calibration:
    return Calibration(guess[0], guess[1].astype(np.int64), guess[2])
