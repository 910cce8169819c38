"""Release decision without pairs: one confidence sequence per arm.

In: losses of rows that the incumbent served and losses of rows that the candidate served. Out: a
verdict. State: count, sum and sum of squares of each arm. For the case where the prediction
changes the label, so that the same event cannot be scored for both.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import FloatArray
from ostinato.stats.confidence import WARM_UP, asymptotic_radius, sample_sd
from ostinato.stats.dual import Verdict, verdict_of


@dataclass(slots=True)
class Arm:
    """Running count, sum and sum of squares of the losses of one arm (loss units)."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Mean loss; 0 before the first."""
        return self.total / self.n if self.n else 0.0

    def add(self, losses: FloatArray) -> None:
        """Take in losses, (n,)."""
        self.n += losses.size
        self.total += float(losses.sum())
        self.squares += float(losses @ losses)

    def radius(self, alpha: float, tightest_at: int) -> float:
        """Half width of the confidence sequence of the mean; infinite before the warm-up."""
        if self.n < WARM_UP:
            return float("inf")
        sd = sample_sd(self.n, self.total, self.squares)
        return asymptotic_radius(self.n, sd, alpha, tightest_at=tightest_at)


@dataclass(slots=True)
class TwoArms:
    """Compare two arms whose rows differ, with a bound valid at every look.

    With probability about 1 - alpha both intervals cover their means at all times (each is
    built at alpha / 2, and the two errors add), so a wrong promote or abort has at most that
    probability. With delayed labels the difference of arms has no martingale in any filtration;
    one sequence per arm stays valid. Looks are taken at the end of each update, and the first
    verdict stands.

    Parameters
    ----------
    margin
        tolerated harm, loss units; >= 0.
    alpha
        error rate, in (0, 1).
    cap
        rows of both arms together after which the incumbent is kept; >= 1.
    incumbent, candidate
        the arms.
    promoted_at, aborted_at
        rows of both arms at the verdict, or -1.

    Source: asymptotic confidence sequences, Waudby-Smith et al. 2024, Annals of Statistics;
    one per arm and a union bound after Lindon and Kallus 2026.
    """

    margin: float
    alpha: float
    cap: int
    incumbent: Arm
    candidate: Arm
    promoted_at: int = -1
    aborted_at: int = -1

    @classmethod
    def begin(cls, *, margin: float, cap: int, alpha: float = 0.05) -> "TwoArms":
        """Start with two empty arms.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if not (margin >= 0.0 and 0.0 < alpha < 1.0 and cap >= 1):
            raise ValueError(
                f"margin >= 0, alpha in (0, 1), cap >= 1 expected: {margin}, {alpha}, {cap}"
            )
        return cls(float(margin), float(alpha), int(cap), Arm(), Arm())

    @property
    def n(self) -> int:
        """Rows of both arms."""
        return self.incumbent.n + self.candidate.n

    @property
    def mean(self) -> float:
        """Mean loss of the incumbent minus that of the candidate; positive favours the latter."""
        return self.incumbent.mean - self.candidate.mean

    @property
    def spent(self) -> bool:
        """Whether the cap was reached."""
        return self.n >= self.cap

    @property
    def verdict(self) -> Verdict:
        """What to do now; "keep" means the cap was reached without proof either way."""
        return verdict_of(self.promoted_at, self.aborted_at, self.n, self.cap)

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "asymptotic confidence sequence per arm",
            "margin": self.margin,
            "alpha": self.alpha,
            "cap": self.cap,
            "tightest_at": self._tightest_at,
            "warm_up": WARM_UP,
        }

    def interval(self) -> tuple[float, float]:
        """Return low and high of the difference of means; infinite before 200 rows per arm."""
        both = self._radius(self.incumbent) + self._radius(self.candidate)
        return self.mean - both, self.mean + both

    def update(self, incumbent_losses: FloatArray, candidate_losses: FloatArray) -> None:
        """Take in losses of both arms; either array may be empty.

        Parameters
        ----------
        incumbent_losses, candidate_losses
            (n,) and (m,), loss units, finite.

        Raises
        ------
        ValueError
            when a loss is not finite.
        """
        if not (np.isfinite(incumbent_losses).all() and np.isfinite(candidate_losses).all()):
            raise ValueError("losses must be finite")
        closed = self.verdict != "undecided"
        self.incumbent.add(incumbent_losses)
        self.candidate.add(candidate_losses)
        if closed:
            return
        low, high = self.interval()
        # LCB(candidate) > UCB(incumbent) is high < 0; UCB(c) < LCB(i) + margin is low > -margin.
        if high < 0.0:
            self.aborted_at = self.n
        elif low > -self.margin:
            self.promoted_at = self.n

    def _radius(self, arm: Arm) -> float:
        return arm.radius(self.alpha / 2.0, self._tightest_at)

    @property
    def _tightest_at(self) -> int:
        return max(1, self.cap // 4)
