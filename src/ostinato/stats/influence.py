"""How unsure an estimate is, from what each row adds to it, when rows of one time hang together.

In: what each row moves an estimate by, in order of time. Out: standard errors and intervals. State:
none. Rows of a day share a day's weather: an error computed as if they were alone is too small, so
that sums over stretches of time count as well, and the larger error holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ostinato.stats.arrays import FloatArray

BLOCKS = 30
"""Stretches of time a sample is cut into. Fewer: their spread is hardly known; more: what one day
has in common is torn apart."""

ROWS_PER_BLOCK = 10
FEWEST_BLOCKS = 8
"""Stretches below which rows count as independent: the spread of so few says nothing."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and how unsure it is.

    Parameters
    ----------
    value
        the estimate.
    error
        its standard error, >= 0.
    degrees
        of freedom of that error, > 0.
    """

    value: float
    error: float
    degrees: float = math.inf

    def interval(self, level: float) -> tuple[float, float]:
        """Return the two-sided interval at a level in (0, 1); Student 1908."""
        reach = _quantile(self.degrees, 0.5 + level / 2.0) * self.error
        return self.value - reach, self.value + reach


def estimate(value: float, *influences: FloatArray) -> Estimate:
    """Judge an estimate by what the rows of each independent sample moved it by.

    Parameters
    ----------
    value
        the estimate.
    influences
        one array per sample, (n,) each, in order of time: by how much each row moved the estimate;
        each sample's add up to about zero.

    Returns
    -------
    Estimate
        The larger of the error of lone rows and that of `BLOCKS` stretches of time per sample
        (shorter samples have fewer, of at least ten rows each; under 80 rows none).

    Source: Hampel 1974 (influence functions); Liang and Zeger 1986 (sums over clusters); Ibragimov
    and Mueller 2010 (few clusters: Student's quantiles).
    """
    alone, together, degrees = 0.0, 0.0, math.inf
    for influence in influences:
        n = influence.size
        if n < 2:
            continue
        alone += float(np.square(influence).sum()) * n / (n - 1)
        count = min(BLOCKS, n // ROWS_PER_BLOCK)
        degrees = min(degrees, float(n - 1))
        if count < FEWEST_BLOCKS:
            continue
        starts = np.arange(count) * n // count
        sums = np.add.reduceat(influence, starts)
        together += float(np.square(sums - sums.mean()).sum()) * count / (count - 1)
        degrees = min(degrees, float(count - 1))
    return Estimate(float(value), math.sqrt(max(alone, together)), degrees)


def _quantile(degrees: float, rank: float) -> float:
    return float(stdtrit(degrees if math.isfinite(degrees) else 1e9, rank))
