"""Correlation of two series of windows at several lags, with intervals."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray
from ostinato.stats.confidence import normal_quantile

FEWEST_PAIRS = 8
"""Pairs that a correlation needs. Fewer: its interval covers nearly everything; more: short lives
of versions are never told of."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation of one series with another that comes `lag` windows later, over `pairs` pairs."""

    lag: int
    pairs: int
    value: float
    low: float
    high: float


def lagged_correlations(
    one: FloatArray, other: FloatArray, *, lags: int, level: float = 0.95
) -> Mapping[int, Correlation]:
    """Correlate `one` with `other` from 0 to `lags` windows later.

    Parameters
    ----------
    one, other
        (n,) a value per window, NaN where there is none.
    level
        Of the intervals, in (0, 1).

    Returns
    -------
    dict
        By lag; without those that have fewer than `FEWEST_PAIRS` pairs, or a series that does not
        vary.

    Source: Fisher 1921, Metron 1 (the interval); effective pairs n (1 - r1 r2) / (1 + r1 r2) for
    series with autocorrelations r1 and r2, Bartlett 1935, JRSS 98.

    Examples
    --------
    >>> one = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 6.0, 1.0, 3.0, 2.0, 4.0])
    >>> found = lagged_correlations(one, np.r_[0.0, -one[:-1]], lags=1)
    >>> round(found[1].value, 6)
    -1.0
    """
    found: dict[int, Correlation] = {}
    for lag in range(min(lags, len(one) - 1) + 1):
        first, second = one[: len(one) - lag], other[lag:]
        both = ~(np.isnan(first) | np.isnan(second))
        told = _correlation(first[both], second[both], lag, level)
        if told is not None:
            found[lag] = told
    return found


def _correlation(
    first: FloatArray, second: FloatArray, lag: int, level: float
) -> Correlation | None:
    pairs = len(first)
    if pairs < FEWEST_PAIRS or not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return None
    value = float(np.corrcoef(first, second)[0, 1])
    memory = max(_memory(first) * _memory(second), 0.0)
    worth = pairs * (1.0 - memory) / (1.0 + memory)
    at = math.atanh(min(max(value, -1.0 + 1e-12), 1.0 - 1e-12))
    reach = math.inf if worth <= 3.0 else normal_quantile(0.5 + level / 2) / math.sqrt(worth - 3.0)
    return Correlation(
        lag=lag,
        pairs=pairs,
        value=value,
        low=math.tanh(at - reach),
        high=math.tanh(at + reach),
    )


def _memory(series: FloatArray) -> float:
    """Return the correlation of a series with itself one window later."""
    centred = series - series.mean()
    return float(centred[1:] @ centred[:-1]) / float(centred @ centred)
