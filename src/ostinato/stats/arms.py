"""Release decision without pairs: one confidence sequence per arm.

In: losses of rows that the incumbent served and losses of rows that the candidate served. Out: a
verdict. State: six sums of each arm. For the case where the prediction
changes the label, so that the same event cannot be scored for both.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import FloatArray
from ostinato.stats.confidence import WARM_UP, asymptotic_radius
from ostinato.stats.dual import Verdict, verdict_of


@dataclass(slots=True)
class Arm:
    """Running sums of the weighted losses of one arm (loss units).

    `n` rows; `weight`, `total` the sums of the weights w and of w loss; `weights_squared`,
    `crossed` and `squares` those of w^2, w^2 loss and w^2 loss^2.
    """

    n: int = 0
    weight: float = 0.0
    total: float = 0.0
    weights_squared: float = 0.0
    crossed: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Weighted mean loss; 0 before the first."""
        return self.total / self.weight if self.weight else 0.0

    @property
    def worth(self) -> float:
        """Rows of equal weight that would say as much: (sum w)^2 / sum w^2 (Kish 1965)."""
        return self.weight**2 / self.weights_squared if self.weight else 0.0

    def add(self, losses: FloatArray, weights: FloatArray) -> None:
        """Take in losses and their weights, (n,) each."""
        self.n += losses.size
        weighted = weights * losses
        self.weight += float(weights.sum())
        self.total += float(weighted.sum())
        self.weights_squared += float(weights @ weights)
        self.crossed += float(weights @ weighted)
        self.squares += float(weighted @ weighted)

    def radius(self, alpha: float, tightest_at: int) -> float:
        """Half width of the confidence sequence of the mean; infinite before the warm-up."""
        if self.worth < WARM_UP:
            return float("inf")
        apart = self.squares - 2.0 * self.mean * self.crossed + self.mean**2 * self.weights_squared
        variance = max(apart, 0.0) / self.weights_squared * self.worth / (self.worth - 1.0)
        return asymptotic_radius(self.worth, math.sqrt(variance), alpha, tightest_at=tightest_at)


@dataclass(slots=True)
class TwoArms:
    """Compare two arms whose rows differ, with a bound valid at every look.

    With probability about 1 - alpha both intervals cover their means at all times (each is
    built at alpha / 2, and the two errors add), so a wrong promote or abort has at most that
    probability. With delayed labels the difference of arms has no martingale in any filtration;
    one sequence per arm stays valid. Looks are taken at the end of each update, and the first
    verdict stands.

    Where the arms' shares change while the losses do, plain means compare rows of other moments
    (Simpson's paradox). Weights w(t) / p(t, arm), the inverse of the probability that the row fell
    to its arm times any weight of the moment that is known before, make both arms estimate the same
    mean over moments; with w the candidate's probability its rows all weigh 1. The probabilities
    must be those of rows that are independent of each other, such as rows of different units.

    Parameters
    ----------
    margin
        tolerated harm, loss units; >= 0.
    alpha
        error rate, in (0, 1).
    cap
        rows of the candidate's arm after which the incumbent is kept; >= 1. The bounds are
        tightest when each arm has a quarter of them.
    incumbent, candidate
        the arms.
    promoted_at, aborted_at
        rows of both arms at the verdict, or -1.

    Source: asymptotic confidence sequences, Waudby-Smith et al. 2024, Annals of Statistics;
    one per arm, of inverse-probability weighted losses, and a union bound after Lindon and
    Kallus 2026; the weighted mean is Hajek's (1971), its variance that of the residuals.
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
        return self.candidate.n >= self.cap

    @property
    def verdict(self) -> Verdict:
        """What to do now; "keep" means the cap was reached without proof either way."""
        return verdict_of(self.promoted_at, self.aborted_at, self.candidate.n, self.cap)

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "asymptotic confidence sequence per arm, inverse-probability weighted",
            "margin": self.margin,
            "alpha": self.alpha,
            "cap": self.cap,
            "tightest_at": self._tightest_at,
            "warm_up": WARM_UP,
        }

    def interval(self) -> tuple[float, float]:
        """Return low and high of the difference of means; infinite before 200 rows' worth each."""
        both = self._radius(self.incumbent) + self._radius(self.candidate)
        return self.mean - both, self.mean + both

    def update(
        self,
        incumbent_losses: FloatArray,
        candidate_losses: FloatArray,
        incumbent_weights: FloatArray | None = None,
        candidate_weights: FloatArray | None = None,
    ) -> None:
        """Take in losses of both arms; either array may be empty.

        Parameters
        ----------
        incumbent_losses, candidate_losses
            (n,) and (m,), loss units, finite.
        incumbent_weights, candidate_weights
            (n,) and (m,), >= 0; None: 1 each.

        Raises
        ------
        ValueError
            when a loss is not finite.
        """
        if not (np.isfinite(incumbent_losses).all() and np.isfinite(candidate_losses).all()):
            raise ValueError("losses must be finite")
        closed = self.verdict != "undecided"
        for arm, losses, weights in (
            (self.incumbent, incumbent_losses, incumbent_weights),
            (self.candidate, candidate_losses, candidate_weights),
        ):
            arm.add(losses, np.ones(losses.size) if weights is None else weights)
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
