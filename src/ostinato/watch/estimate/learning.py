"""From labelled rows to the expected loss of the next ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, ValidationSet
from ostinato.stats.metrics import METRICS as TABLE
from ostinato.watch.answers import unscored, windows_of
from ostinato.watch.borders import quantile_borders
from ostinato.watch.estimate.binary import BinaryEstimator
from ostinato.watch.estimate.classes import ClassEstimator
from ostinato.watch.estimate.concept import Concept
from ostinato.watch.estimate.estimator import MOST_CLASSES, Estimator
from ostinato.watch.estimate.numbers import NumberEstimator
from ostinato.watch.estimate.state import VersionEstimate

FEWEST: Final = 200
"""Labelled rows from which on losses are expected. Fewer: the estimate is little more than the
model's own word; more: watching begins later."""

KEPT: Final = 0.9
"""Share of what was learned that is kept from one long window to the next, once there are more than
`ENOUGH` rows. Smaller: calibration follows the newest labels, with more noise; larger: it goes on
expecting what was true long ago."""

KEPT_BROKEN: Final = 0.2
"""Share that is kept once the concept moved. Smaller: rates are noise until new labels are in;
larger: the old concept is expected for long."""

ENOUGH: Final = 2_000.0
"""Rows below which nothing is forgotten."""

_CELLS: Final = 20  # of the prediction of a regression
_LARGEST: Final = 1e100  # loss whose square can still be summed
_SUREST: Final = 0.99  # quantile of the losses of a regression beyond which they say no more


@dataclass(frozen=True, slots=True)
class Learning:
    """How versions of one task learn what to expect.

    Parameters
    ----------
    task, loss, classes
        Of the loop: its task, the name of its row loss, its number of classes.
    tolerance
        Relative rise of the mean loss that is no news.
    """

    task: str
    loss: str
    classes: int
    tolerance: float

    @property
    def possible(self) -> bool:
        """Whether the task can be estimated."""
        return self.classes <= MOST_CLASSES

    def estimator(self, version: VersionEstimate) -> Estimator:
        """Return the estimator of a version."""
        return self._estimator(version.borders, version.most)

    def _estimator(self, borders: tuple[float, ...], most: float) -> Estimator:
        if self.task == "binary":
            return BinaryEstimator(self.loss)
        if self.task == "multiclass":
            return ClassEstimator(self.loss, self.classes)
        return NumberEstimator(self.loss, borders, most)

    def begin(self, sets: tuple[ValidationSet, ...]) -> VersionEstimate:
        """Return a version that learned from its validation rows; they may be too few, or none."""
        borders, most = self._scale(sets)
        estimator = self._estimator(borders, most)
        version = VersionEstimate(
            learned=estimator.nothing(), said=np.zeros(0), borders=borders, most=most
        )
        for each in sets:
            usable = self.usable(each.labels, each.candidate)
            labels, scores = each.labels[usable], each.candidate[usable]
            self.learn(version, labels, scores, np.ones(len(labels)))
        self.fit(version)
        return version

    def _scale(self, sets: tuple[ValidationSet, ...]) -> tuple[tuple[float, ...], float]:
        """Return borders of the prediction, and the loss beyond which one says no more."""
        if self.task != "regression" or not any(len(each) for each in sets):
            return (), 1.0
        labels = np.concatenate([each.labels for each in sets])
        scores = np.concatenate([each.candidate for each in sets])
        usable = self.usable(labels, scores)
        if not usable.any():
            return (), 1.0
        losses = TABLE[self.loss].row_loss(labels[usable], scores[usable])
        return quantile_borders(scores[usable], _CELLS), max(
            float(np.quantile(losses, _SUREST)), 1e-12
        )

    def usable(self, labels: Floats, scores: Floats) -> NDArray[np.bool_]:
        """Say which rows have a label of a known class, a score, and a loss that can be summed."""
        found: NDArray[np.bool_] = np.isfinite(labels) & ~unscored(scores)
        if self.classes:
            found &= (labels >= 0) & (labels < self.classes) & (labels == np.floor(labels))
            return found
        found[found] = TABLE[self.loss].row_loss(labels[found], scores[found]) < _LARGEST
        return found

    def learn(
        self, version: VersionEstimate, labels: Floats, scores: Floats, weights: Floats
    ) -> None:
        """Add labelled rows, all usable; as long as there is no guess to the reference too."""
        if not len(labels):
            return
        estimator = self.estimator(version)
        version.learned = version.learned + estimator.learned(labels, scores, weights)
        version.fresh = True
        if version.guess is None:
            said = estimator.said(scores)
            version.said = version.said + said if version.said.size else said
            losses = TABLE[self.loss].row_loss(labels, scores)
            version.lost = version.lost + np.array([len(losses), losses.sum()])

    def fit(self, version: VersionEstimate) -> None:
        """Take what was learned as the guess, if there are enough rows."""
        if version.guess is None and version.lost[0] < FEWEST:
            return
        version.guess = self.estimator(version).fit(version.learned)
        version.fresh = False
        if version.concept is None:
            version.concept = Concept.begin(self.margin(version))
        elif version.concept.since_ns is not None:
            version.concept = version.concept.renewed(self.margin(version))

    def refresh(self, version: VersionEstimate) -> None:
        """Fit again at the end of a long window, and forget a little."""
        if not version.fresh:
            return
        broken = version.concept is not None and version.concept.since_ns is not None
        if broken:
            version.learned = version.learned * KEPT_BROKEN
        self.fit(version)
        if version.guess is not None and not broken:
            rows = self.rows_learned(version)
            version.learned = version.learned * min(max(KEPT, ENOUGH / max(rows, 1.0)), 1.0)

    def rows_learned(self, version: VersionEstimate) -> float:
        """Return how many rows, old ones faded, the guess rests on."""
        return float(version.learned[0].sum())

    def margin(self, version: VersionEstimate) -> float:
        """Return the mean surprise that does not matter, or that calibration alone may cause."""
        assert version.guess is not None, "margins belong to a guess"
        error = self.estimator(version).error(version.guess, version.said)
        scale = {"log_loss": 4.0, "brier": 2.0 if self.task == "multiclass" else 1.0}
        unit = version.most if self.task == "regression" else scale.get(self.loss, 1.0)
        loss = float(version.lost[1] / version.lost[0])
        return (self.tolerance * loss + 2.0 * float(np.sqrt(error))) / unit

    def shift(self, version: VersionEstimate, guess: Floats) -> float:
        """Return what brings the expected loss of the reference to the one it had.

        A calibration that is off by chance is off in the reference too, and cancels.
        """
        expected = self.estimator(version).mean(guess, version.said)
        return float(version.lost[1] / version.lost[0]) - expected

    def windows(
        self, version: VersionEstimate, sets: tuple[ValidationSet, ...], width_ns: int
    ) -> tuple[tuple[int, ...], Floats]:
        """Return the long windows of validation rows, as `Awaited.expected` without a shift."""
        if version.guess is None or not sets:
            return (), np.zeros((0, 4))
        times_ns = np.concatenate([each.times_ns for each in sets])
        scores = np.concatenate([each.candidate for each in sets])
        scored = ~unscored(scores)
        if not scored.any():
            return (), np.zeros((0, 4))
        starts, windows = windows_of(times_ns[scored], width_ns)
        mean, variance = self.estimator(version).expected(version.guess, scores[scored])
        return tuple(starts), moments(mean, variance, windows, len(starts))


def moments(mean: Floats, variance: Floats, windows: NDArray[np.int64], size: int) -> Floats:
    """Return rows, and sums of the expected loss, its square and its variance, by window."""
    columns = (np.ones(len(mean)), mean, np.square(mean), variance)
    return np.stack([np.bincount(windows, each, minlength=size) for each in columns], axis=1)
