"""Where an estimate without labels must fail: the concept moved. The labels that come say so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.stats.betting import BettingTest

ALPHA: Final = 0.01
"""Chance that an estimate whose assumption holds is ever said to be broken, per side. Smaller: it
is said later; larger: people learn not to listen."""

_LEAST: Final = 1e-3
_MOST: Final = 0.4


@dataclass(slots=True)
class Concept:
    """Evidence against "rows lose on average what was expected of them", in either direction.

    Parameters
    ----------
    above, below
        The tests, on how much more each row lost than was expected, brought to [0, 1].
    since_ns
        Since when it is broken, by the window of the rows; None: it holds so far.
    breaks
        How often it broke.
    """

    above: BettingTest
    below: BettingTest
    since_ns: int | None = None
    breaks: int = 0

    @classmethod
    def begin(cls, margin: float) -> Concept:
        """Begin without evidence; `margin`: the mean surprise, in [0, 1), that does not matter."""
        half = 0.5 * min(max(margin, _LEAST), _MOST)
        return cls(
            above=BettingTest.begin(mean=0.5 + half, side="above", alpha=ALPHA),
            below=BettingTest.begin(mean=0.5 - half, side="below", alpha=ALPHA),
        )

    def take(self, surprises: Floats, window_ns: int) -> None:
        """Take in surprises, (n,) in [-1, 1], of rows of one window."""
        for test in (self.above, self.below):
            test.update(0.5 + 0.5 * surprises)
        if self.since_ns is None and (self.above.crossed.any() or self.below.crossed.any()):
            self.since_ns = window_ns
            self.breaks += 1

    @property
    def log10_e(self) -> float:
        """The evidence now: the mean of both sides' e-values, as a power of ten."""
        both = np.array([self.above.log_e[0], self.below.log_e[0]])
        return float(np.logaddexp.reduce(both) - math.log(2.0)) / math.log(10.0)

    def renewed(self, margin: float) -> Concept:
        """Return tests without evidence once the estimate has learned from what broke it."""
        fresh = Concept.begin(margin)
        fresh.breaks = self.breaks
        return fresh
