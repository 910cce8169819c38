"""Bounds of a quantile that hold at every look, and the comparison of two arms by a quantile.

In: positive values, for instance milliseconds. Out: bounds, and whether the candidate's quantile is
proved too high. State: a histogram of fixed size per arm. A latency has no largest value, so that
its mean cannot be bounded; its quantiles can, from counts alone.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import betaincc, betaln

from ostinato.stats.arrays import FloatArray, IntArray


def quantile_ranks(n: int, level: float, *, alpha: float, tightest_at: int) -> tuple[int, int]:
    """Ranks of the smallest and of the largest value that the quantile can have.

    With probability at least 1 - alpha / 2 each, the quantile is at no n below the value of rank
    low and at no n above the value of rank high, if every value, given the past, lies below the
    quantile with probability at most ``level`` and above it with at most 1 - level. Ties and jumps
    of the distribution are no exception.

    Parameters
    ----------
    n
        values seen, >= 0.
    level
        of the quantile, in (0, 1).
    alpha
        error rate over both sides and all n, in (0, 1).
    tightest_at
        number of values for which the bounds are best, >= 1.

    Returns
    -------
    tuple
        ranks from 1 (the smallest value); 0 and n + 1 where there is no bound yet.

    Source: Howard and Ramdas 2022, "Sequential estimation of quantiles with applications to A/B
    testing and best-arm identification", Bernoulli 28, theorem 1 with the one-sided beta-binomial
    mixture of Howard, Ramdas, McAuliffe, Sekhon 2021, proposition 7. The stitched boundary of that
    theorem bounds p99 from 3,100 values on, this one from 700.
    """
    if not (0.0 < level < 1.0 and 0.0 < alpha < 1.0 and n >= 0 and tightest_at >= 1):
        raise ValueError(
            f"n >= 0, level and alpha in (0, 1), tightest_at >= 1 expected: "
            f"{n}, {level}, {alpha}, {tightest_at}"
        )
    above = _too_many(n, 1.0 - level, 0.5 * alpha, tightest_at)
    below = _too_many(n, level, 0.5 * alpha, tightest_at)
    return n + 1 - above, below


def _too_many(n: int, p: float, alpha: float, tightest_at: int) -> int:
    # The smallest number of n events that a probability of at most p cannot explain; n + 1: none.
    # The evidence grows with the count, and is at most 1 up to n p.
    low, high = math.floor(n * p), n + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _log_evidence(middle, n, p, _weight(alpha, tightest_at)) >= -math.log(alpha):
            high = middle
        else:
            low = middle
    return high


def _weight(alpha: float, tightest_at: int) -> float:
    # As the variance of the normal mixture in ``confidence.asymptotic_radius``, for two sides.
    both = -2.0 * math.log(2.0 * alpha)
    return tightest_at / (both + math.log1p(both))


def _log_evidence(count: int, n: int, p: float, weight: float) -> float:
    # Likelihood ratio of ``count`` events against p, mixed over the probabilities above p by a beta
    # distribution with mean p that is cut at p.
    a, b = weight * p, weight * (1.0 - p)
    after, rest = a + count, b + n - count
    mixed = (
        betaln(after, rest) - betaln(a, b) + np.log(betaincc(after, rest, p) / betaincc(a, b, p))
    )
    return float(mixed) - count * math.log(p) - (n - count) * math.log1p(-p)


@lru_cache(maxsize=16)
def _edges(least: float, largest: float, error: float) -> FloatArray:
    steps = math.ceil(math.log(largest / least) / math.log1p(error))
    edges: FloatArray = least * np.power(1.0 + error, np.arange(steps + 1.0))
    edges.setflags(write=False)
    return edges


@dataclass(slots=True)
class Histogram:
    """Counts of positive values in cells of equal ratio; merges without loss.

    A value in [least, largest] is known up to the factor 1 + error; smaller ones count as between 0
    and least, larger ones as between largest and infinity. Memory does not grow.

    Parameters
    ----------
    least, largest
        range that is resolved, unit of the values (for instance milliseconds); 0 < least < largest.
    error
        relative width of a cell, > 0. Smaller: tighter bounds, more memory (15 kB at 1 %).
    counts
        (cells,), values per cell; cell i holds what is above edge i - 1 and at most edge i.
    """

    least: float
    largest: float
    error: float
    counts: IntArray

    @classmethod
    def begin(
        cls, *, least: float = 0.01, largest: float = 1e6, error: float = 0.01
    ) -> "Histogram":
        """Start with no value seen; the default range is 10 microseconds to 17 minutes, in ms.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if not (0.0 < least < largest < math.inf and 1e-6 <= error <= 1.0):
            raise ValueError(
                f"0 < least < largest, error in [1e-6, 1] expected: {least}, {largest}, {error}"
            )
        cells = _edges(float(least), float(largest), float(error)).size + 1
        return cls(float(least), float(largest), float(error), np.zeros(cells, dtype=np.int64))

    @property
    def n(self) -> int:
        """Values seen."""
        return int(self.counts.sum())

    def add(self, values: FloatArray) -> None:
        """Take in values, (n,); >= 0, not NaN, infinity allowed (what never came back).

        Raises
        ------
        ValueError
            when a value is negative or NaN.
        """
        if values.size and not values.min() >= 0.0:
            raise ValueError(f"values from 0 expected, the smallest was {values.min()}")
        cells = np.searchsorted(_edges(self.least, self.largest, self.error), values)
        self.counts += np.bincount(cells, minlength=self.counts.size)

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another histogram of the same cells.

        Raises
        ------
        ValueError
            when the cells differ.
        """
        ours, theirs = ((h.least, h.largest, h.error) for h in (self, other))
        if ours != theirs:
            raise ValueError(f"histograms must have the same cells: {ours} and {theirs}")
        self.counts += other.counts

    def cell(self, rank: int) -> tuple[float, float]:
        """Return bounds of the value of a rank, counted from 1; the ends are 0 and infinity."""
        edges = _edges(self.least, self.largest, self.error)
        at = int(np.searchsorted(np.cumsum(self.counts), rank))
        low = float(edges[at - 1]) if at else 0.0
        return low, float(edges[at]) if at < edges.size else math.inf

    def quantile(self, level: float) -> float:
        """Return about the quantile: the middle of its cell; NaN without values."""
        if not self.n:
            return math.nan
        low, high = self.cell(max(1, math.ceil(level * self.n)))
        return math.sqrt(low * high) if low > 0.0 and high < math.inf else max(low, self.least)


def quantile_bounds(
    values: FloatArray | Histogram,
    level: float,
    *,
    alpha: float = 0.05,
    tightest_at: int = 2000,
) -> tuple[float, float]:
    """Return low and high of a quantile; both hold at every look, each at alpha / 2.

    Parameters
    ----------
    values
        (n,), sorted, all values so far; or their histogram, whose bounds are the outer edges of
        cells: wider by the factor 1 + error at most, and as valid.
    level, alpha, tightest_at
        as for ``quantile_ranks``.

    Returns
    -------
    tuple
        low and high in the unit of the values; 0 (a histogram) or -infinity, and infinity, where
        there is no bound yet.

    Source: see ``quantile_ranks``.

    Examples
    --------
    >>> quantile_bounds(np.arange(1000.0), 0.5)
    (451.0, 548.0)
    """
    n = values.n if isinstance(values, Histogram) else values.size
    first, last = quantile_ranks(n, level, alpha=alpha, tightest_at=tightest_at)
    if isinstance(values, Histogram):
        low = values.cell(first)[0] if first > 0 else 0.0
        return low, values.cell(last)[1] if last <= n else math.inf
    low = float(values[first - 1]) if first > 0 else -math.inf
    return low, float(values[last - 1]) if last <= n else math.inf


@dataclass(slots=True)
class QuantileComparison:
    """Whether the candidate's quantile is above the incumbent's by more than the margin.

    While it is not, a crossing has at most probability beta, however often one looks: each arm's
    bound fails with at most beta / 2 (union). Looks are taken at the end of each update; a crossing
    stays. The quantiles must not change while values come in, or change for both arms alike while
    their shares of the traffic stay as they are.

    Parameters
    ----------
    level
        of the quantile, in (0, 1).
    margin
        tolerated relative rise, >= 0.
    beta
        error rate over the whole run, in (0, 1).
    tightest_at
        values per arm for which the bounds are best, >= 1.
    incumbent, candidate
        the values of each arm.
    crossed_at
        values of both arms at the crossing, or -1.

    Source: see ``quantile_ranks``; union bound over the arms.

    Examples
    --------
    >>> test = QuantileComparison.begin(level=0.9, margin=0.1)
    >>> test.update(np.linspace(10.0, 20.0, 2000), np.linspace(20.0, 40.0, 2000))
    >>> test.crossed
    True
    """

    level: float
    margin: float
    beta: float
    tightest_at: int
    incumbent: Histogram
    candidate: Histogram
    crossed_at: int = -1

    @classmethod
    def begin(
        cls,
        *,
        level: float = 0.99,
        margin: float = 0.1,
        beta: float = 0.05,
        tightest_at: int = 2000,
        least: float = 0.01,
        largest: float = 1e6,
        error: float = 0.01,
    ) -> "QuantileComparison":
        """Start with two empty arms; ``least``, ``largest``, ``error`` as for ``Histogram``.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        quantile_ranks(0, level, alpha=beta, tightest_at=tightest_at)
        if not 0.0 <= margin < math.inf:
            raise ValueError(f"margin from 0 expected, it was {margin}")
        empty = Histogram.begin(least=least, largest=largest, error=error)
        arms = replace(empty, counts=empty.counts.copy()), empty
        return cls(float(level), float(margin), float(beta), int(tightest_at), *arms)

    @property
    def n(self) -> int:
        """Values of both arms."""
        return self.incumbent.n + self.candidate.n

    @property
    def crossed(self) -> bool:
        """Whether the candidate was ever proved too high."""
        return self.crossed_at >= 0

    @property
    def ratio(self) -> float:
        """Quantile of the candidate over that of the incumbent, as seen; NaN while one is empty."""
        return self.candidate.quantile(self.level) / self.incumbent.quantile(self.level)

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first value, for the journal."""
        return {
            "method": "quantile confidence sequence per arm",
            "level": self.level,
            "margin": self.margin,
            "beta": self.beta,
            "tightest_at": self.tightest_at,
            "least": self.incumbent.least,
            "largest": self.incumbent.largest,
            "error": self.incumbent.error,
        }

    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return (low, high) of the incumbent and of the candidate; each end fails at beta / 2."""
        incumbent, candidate = (
            quantile_bounds(arm, self.level, alpha=self.beta, tightest_at=self.tightest_at)
            for arm in (self.incumbent, self.candidate)
        )
        return incumbent, candidate

    def update(self, incumbent: FloatArray, candidate: FloatArray) -> None:
        """Take in values of both arms, (n,) and (m,); either may be empty.

        Raises
        ------
        ValueError
            when a value is negative or NaN.
        """
        self.incumbent.add(incumbent)
        self.candidate.add(candidate)
        if self.crossed_at >= 0:
            return
        (_, high), (low, _) = self.bounds()
        if low > (1.0 + self.margin) * high:
            self.crossed_at = self.n
