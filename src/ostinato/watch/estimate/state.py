"""What the estimate of performance remembers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.stats.ppi import FusedMean, FusedSums, ppi_of_sums
from ostinato.watch.answers import Waiting
from ostinato.watch.estimate.concept import Concept

_FEWEST: Final = 30
"""Labels of a window from which on it is judged whether an estimate was right. Fewer: a few labels
say more of chance than of the estimate."""

_KEPT: Final = 100
"""Settled windows of a version whose errors are kept. Fewer: their median is noise; more: it tells
of long ago."""

_TWO_SIDED: Final = 1.959964  # normal quantile of .975


@dataclass(slots=True)
class Awaited:
    """A long window of a version whose labels are awaited.

    Parameters
    ----------
    guess
        By what its losses are expected.
    shift
        What brings the expected loss of the reference to the one it had.
    said
        Sums over its rows, of which the estimate's error and the metrics are made.
    expected
        (4,), rows, and sums of the expected loss, of its square and of its variance.
    labelled
        (6,), labelled rows, and sums of loss, loss squared, expected loss, expected loss squared
        and loss times expected loss.
    value, se
        The estimate and its standard error, once it is told; NaN before.
    told_ns, settled_ns
        When that was, and when all labels were in.
    """

    guess: Floats
    shift: float
    said: Floats
    expected: Floats = field(default_factory=lambda: np.zeros(4))
    labelled: Floats = field(default_factory=lambda: np.zeros(6))
    value: float = math.nan
    se: float = math.nan
    told_ns: int = 0
    settled_ns: int = 0

    @property
    def told(self) -> bool:
        """Whether the estimate is made: no row counts any more, only labels."""
        return not math.isnan(self.value)

    def interval(self) -> tuple[float, float]:
        """Return the 95 % limits of what labels will say; a loss is never below 0."""
        reach = _TWO_SIDED * self.se
        return max(self.value - reach, 0.0), self.value + reach

    @property
    def realised(self) -> float:
        """The mean loss of labelled rows; NaN without one."""
        return float(self.labelled[1] / self.labelled[0]) if self.labelled[0] else math.nan

    def fused(self) -> FusedMean | None:
        """Return the mean loss from labels and expected losses together; None without labels."""
        n, rows = float(self.labelled[0]), float(self.expected[0])
        if n < 2.0:
            return None
        sums: list[float] = [*self.labelled.tolist(), max(rows, n), *self.expected[1:3].tolist()]
        return ppi_of_sums(FusedSums(*sums))

    def covered(self) -> float:
        """Say whether the interval holds what labels said (1, 0), their own chance allowed for."""
        n, rows = float(self.labelled[0]), float(self.expected[0])
        if n < _FEWEST:
            return math.nan
        spread = max(float(self.labelled[2]) / n - self.realised**2, 0.0)
        own = spread / n * max(1.0 - n / rows, 0.0)  # of a window that is labelled in whole: none
        return float(abs(self.realised - self.value) <= _TWO_SIDED * math.sqrt(self.se**2 + own))


@dataclass(slots=True)
class Track:
    """How good the estimates of a version were: counts, and the newest errors."""

    settled: int = 0
    judged: int = 0
    covered: int = 0
    errors: list[float] = field(default_factory=list)
    ahead_ns: list[int] = field(default_factory=list)

    def add(self, window: Awaited) -> None:
        """Add a window whose labels are in."""
        self.settled += 1
        covered = window.covered()
        if math.isnan(covered):
            return
        self.judged += 1
        self.covered += int(covered)
        self.errors = [*self.errors, abs(window.value - window.realised)][-_KEPT:]
        self.ahead_ns = [*self.ahead_ns, window.settled_ns - window.told_ns][-_KEPT:]


@dataclass(slots=True)
class VersionEstimate:
    """What is known of a version.

    Parameters
    ----------
    learned
        Sums over labelled rows it was not trained on, old ones faded.
    borders, most
        Regression: cells of the prediction, and from which loss on a row is no further evidence.
    guess
        What follows from `learned`; None as long as there are too few of them.
    fresh
        Whether rows were learned since.
    said, lost
        The rows that it is compared with: sums for the estimate, (2,) rows and their losses.
    starts_ns, windows
        Long windows of these rows: start, and (w, 4) as `Awaited.expected`.
    concept
        Evidence that labels do not depend on the scores as they did.
    track
        How good its estimates were.
    """

    learned: Floats
    said: Floats
    borders: tuple[float, ...] = ()
    most: float = 1.0
    guess: Floats | None = None
    fresh: bool = False
    lost: Floats = field(default_factory=lambda: np.zeros(2))
    starts_ns: tuple[int, ...] = ()
    windows: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    concept: Concept | None = None
    track: Track = field(default_factory=Track)


@dataclass(slots=True)
class EstimateState:
    """Versions, and windows by start.

    `open`: (4,) as `Awaited.expected` by short window and version; `awaited`: long windows whose
    labels are awaited; `matured_at`: when the labels of a long window were in, by its start;
    `told`: challengers whose reference was given with a reading.
    """

    champion: str = ""
    previous: str = ""
    asked: Waiting = field(default_factory=Waiting)
    matured: Waiting = field(default_factory=Waiting)
    matured_to_ns: int = 0
    versions: dict[str, VersionEstimate] = field(default_factory=dict)
    open: dict[int, dict[str, Floats]] = field(default_factory=dict)
    awaited: dict[int, dict[str, Awaited]] = field(default_factory=dict)
    matured_at: dict[int, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
