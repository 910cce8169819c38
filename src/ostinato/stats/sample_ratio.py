"""Whether units fall into the arms of a rollout as they should: a sequential sample-ratio test.

In: the arm of each unit. Out: the evidence against the promised shares. State: counts per arm. A
split that is off means that the assignment, the logging or the joining is broken, and that every
comparison of the arms is void, whatever it says.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray, IntArray


@dataclass(slots=True)
class SampleRatio:
    """Bayes factor of "the shares are others" against "the shares are as promised", at any unit.

    While each unit falls into arm j with probability shares[j], given the past, the evidence ever
    reaches 1 / alpha with probability at most alpha. A crossing stays.

    Parameters
    ----------
    shares
        (k,), promised share of each arm; > 0, sum 1.
    alpha
        error rate over the whole run, in (0, 1).
    strength
        units that the prior is worth. Larger finds small deviations sooner, and large ones later.
    counts
        (k,), units per arm since the shares last changed.
    log_e
        log of the evidence now.
    n
        units seen, over all shares.
    crossed_at
        unit count at which the evidence first reached 1 / alpha, or -1.

    Source: Lindon and Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS,
    section 3: with a Dirichlet(strength * shares) prior the factor of a unit in arm j is
    (a_j + S_j) / (sum a + n) / shares_j, counts before the unit.

    Examples
    --------
    >>> test = SampleRatio.begin([0.5, 0.5])
    >>> test.update(np.zeros(60, dtype=int))
    >>> test.crossed_at
    53
    """

    shares: FloatArray
    alpha: float
    strength: float
    counts: IntArray
    log_e: float = 0.0
    n: int = 0
    crossed_at: int = -1

    @classmethod
    def begin(
        cls, shares: npt.ArrayLike, *, alpha: float = 1e-4, strength: float = 100.0
    ) -> "SampleRatio":
        """Start with no unit seen.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if not (0.0 < alpha < 1.0 and strength > 0.0):
            raise ValueError(f"alpha in (0, 1), strength above 0 expected: {alpha}, {strength}")
        promised = _shares(shares)
        return cls(promised, float(alpha), float(strength), np.zeros(promised.size, dtype=np.int64))

    @property
    def crossed(self) -> bool:
        """Whether the evidence ever reached 1 / alpha."""
        return self.crossed_at >= 0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first unit, for the journal."""
        return {
            "method": "sequential Dirichlet-multinomial sample ratio",
            "shares": self.shares.tolist(),
            "alpha": self.alpha,
            "strength": self.strength,
        }

    def reset(self, shares: npt.ArrayLike) -> None:
        """Go on with other shares (a ramp moved on); nothing happens when they are the same.

        The prior starts anew around them, and its Bayes factor multiplies the evidence so far.
        The product is still a martingale: given the past, each factor (a_j + S_j) / (sum a + n) /
        shares_j has mean sum_j shares_j (a_j + S_j) / (sum a + n) / shares_j = 1 under the shares
        then in force, whatever the counts it starts from. Nothing learned of the old deviation
        helps under the new shares, and nothing found so far is lost.

        Parameters
        ----------
        shares
            (m,), promised from the next unit on, chosen without knowledge of its arm; m may differ.

        Raises
        ------
        ValueError
            when the shares are not above 0 or do not sum to 1.
        """
        promised = _shares(shares)
        if np.array_equal(promised, self.shares):
            return
        self.shares, self.counts = promised, np.zeros(promised.size, dtype=np.int64)

    def update(self, arms: npt.NDArray[np.integer[Any]]) -> None:
        """Take in units in their order.

        Parameters
        ----------
        arms
            (n,), index of the arm of each unit, in [0, k).

        Raises
        ------
        ValueError
            when an arm is not in [0, k).
        """
        if not arms.size:
            return
        if arms.ndim != 1 or arms.min() < 0 or arms.max() >= self.shares.size:
            raise ValueError(f"arms must be (n,) indices in [0, {self.shares.size})")
        prior = self.strength * self.shares
        before = self.strength + self.counts.sum() + np.arange(arms.size)
        factors = np.empty(arms.size)
        for arm in range(self.shares.size):
            mine = np.flatnonzero(arms == arm)
            ahead = prior[arm] + self.counts[arm] + np.arange(mine.size)
            factors[mine] = ahead / (before[mine] * self.shares[arm])
            self.counts[arm] += mine.size
        log_e = self.log_e + np.cumsum(np.log(factors))
        over = np.flatnonzero(log_e >= -math.log(self.alpha))
        if self.crossed_at < 0 and over.size:
            self.crossed_at = self.n + int(over[0]) + 1
        self.log_e = float(log_e[-1])
        self.n += arms.size


def _shares(shares: npt.ArrayLike) -> FloatArray:
    given = np.array(shares, dtype=np.float64)
    if given.ndim != 1 or given.size < 2 or not (given.min() > 0.0 and given.max() < 1.0):
        raise ValueError(f"shares of two arms or more, each in (0, 1), expected: {given}")
    if not abs(given.sum() - 1.0) <= 1e-9:
        raise ValueError(f"shares must sum to 1, they sum to {given.sum()}")
    return given
