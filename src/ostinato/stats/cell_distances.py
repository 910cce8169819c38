"""Distances of values that were only counted, in cells from border to border.

In: rows per cell of a reference and of a current sample. Out: a ``Distance``. State: none. What is
told is about the cells: within them values count as evenly spread.
"""

import math

import numpy as np

from ostinato.stats.arrays import FloatArray, as_floats
from ostinato.stats.distances import Distance
from ostinato.stats.value_distances import ks_distance, middle_ranks, wasserstein_distance


def cell_kolmogorov_smirnov(reference: FloatArray, current: FloatArray) -> Distance:
    """Return the largest difference of the two distribution functions at the borders, in [0, 1].

    Parameters
    ----------
    reference, current
        (b,), rows per cell in the order of values; some row in each.

    Source: the largest difference at all points is at least this one, so the lower bound holds; see
    ``ks_distance``.

    Examples
    --------
    >>> round(cell_kolmogorov_smirnov(np.array([50, 50, 0]), np.array([25, 50, 25])).effect, 2)
    0.25
    """
    first, second = as_floats(reference), as_floats(current)
    n, m = float(first.sum()), float(second.sum())
    apart = np.abs(np.cumsum(first) / n - np.cumsum(second) / m)
    return ks_distance(float(apart.max()), round(n), round(m))


def cell_wasserstein(
    reference: FloatArray,
    current: FloatArray,
    borders: FloatArray,
    *,
    sd: float,
    bridges: FloatArray,
) -> Distance:
    """Return how far values moved on average, in standard deviations of the reference.

    Parameters
    ----------
    reference, current
        (b + 1,), rows per cell; some row in each.
    borders
        (b,), finite, rising; the first and last cell count as lying at the first and last one.
    sd, bridges
        see ``wasserstein_distance``.
    """
    first, second = (_quantiles(as_floats(each), borders) for each in (reference, current))
    n, m = round(float(np.sum(reference))), round(float(np.sum(current)))
    return wasserstein_distance(first, second, n=n, m=m, sd=sd, bridges=bridges)


def _quantiles(counts: FloatArray, borders: FloatArray) -> FloatArray:
    # Where the distribution function, straight between borders, reaches each rank.
    below = np.cumsum(counts[:-1]) / counts.sum()
    quantiles: FloatArray = np.interp(middle_ranks(), below, borders)
    return quantiles


def wilson(hits: float, rows: float, *, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return an interval of a share, at 95 % by default.

    Parameters
    ----------
    hits, rows
        0 <= hits <= rows; without rows nothing is known.
    z
        quantile of the normal distribution.

    Source: Wilson 1927.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(5, 100)]
    [0.022, 0.112]
    """
    if not rows > 0.0:
        return 0.0, 1.0
    share, square = hits / rows, z * z / rows
    middle = (share + square / 2.0) / (1.0 + square)
    reach = math.sqrt(share * (1.0 - share) * square + square * square / 4.0) / (1.0 + square)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
