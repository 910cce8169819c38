"""Distances of values that were only counted, in cells from border to border.

In: rows per cell of a reference and of a current sample. Out: a ``Distance``. State: none. What is
told is about the cells: within them values count as evenly spread.
"""

import math
from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray, as_floats
from ostinato.stats.distances import Distance, js_of_shares, psi_of_shares, v_of_shares
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Cells of many columns side by side: of each some run of them.

    Parameters
    ----------
    starts, sizes
        (k,), where the cells of each column begin, and how many there are, >= 1.
    widths
        (cells,), of each cell the distance from its upper border to the next one, in standard
        deviations of its column; 0 where there is none.
    """

    starts: IntArray
    sizes: IntArray
    widths: FloatArray

    def rows(self, counts: FloatArray) -> FloatArray:
        """Return the rows (k,) of each column."""
        found: FloatArray = np.add.reduceat(counts, self.starts)
        return found

    def spread(self, of_columns: FloatArray) -> FloatArray:
        """Give each cell the figure of its column."""
        return np.repeat(of_columns, self.sizes)


def effects(runs: Runs, reference: FloatArray, current: FloatArray) -> dict[str, FloatArray]:
    """Return distances of many columns at once, without bounds: NaN where a sample is empty.

    Parameters
    ----------
    runs
        The columns.
    reference, current
        (cells,), rows per cell.

    Returns
    -------
    dict
        ``ks`` and ``wasserstein`` (k,), for cells in order; the latter as the area between the
        distribution functions (Vallender 1974), straight between borders.
    """
    n, m = runs.rows(reference), runs.rows(current)
    p, q = (
        counts / np.maximum(runs.spread(rows), 1.0)
        for counts, rows in ((reference, n), (current, m))
    )
    below = np.cumsum(p - q)
    begun = (below - (p - q))[runs.starts]
    apart = np.abs(below - runs.spread(begun))
    later = np.append(apart[1:], 0.0)
    area = np.add.reduceat(0.5 * (apart + later) * runs.widths, runs.starts)
    empty = (n <= 0.0) | (m <= 0.0)
    return {
        "ks": np.where(empty, np.nan, np.maximum.reduceat(apart, runs.starts)),
        "wasserstein": np.where(empty, np.nan, area),
    }


def padded_effects(reference: FloatArray, current: FloatArray) -> dict[str, FloatArray]:
    """Return PSI, Jensen-Shannon divergence and Cramer's V of rows per bin, (k, b) each.

    Bins that a row of the tables does not use are NaN in both. NaN where a sample is empty.
    """
    used = ~np.isnan(reference)
    first, second = (np.where(used, each, 0.0) for each in (reference, current))
    empty = (first.sum(axis=1) <= 0.0) | (second.sum(axis=1) <= 0.0)
    p, q = (_half_added(each, used) for each in (first, second))
    found = {
        "psi": psi_of_shares(p, q),
        "js": js_of_shares(p, q),
        "cramers_v": v_of_shares(p, q),
    }
    return {name: np.where(empty, np.nan, each) for name, each in found.items()}


def _half_added(counts: FloatArray, used: BoolArray) -> FloatArray:
    # Unused bins have a share of one in both, which adds nothing to any distance.
    more = counts + 0.5 * used
    shares: FloatArray = more / np.maximum(more.sum(axis=1, keepdims=True), 0.5)
    return np.where(used, shares, 1.0)
