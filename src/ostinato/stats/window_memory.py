"""How much a window resembles the one before it, and what that costs.

In: sums over pairs of neighbouring reference windows. Out: their correlation, pooled over streams,
and how many independent windows a number of dependent ones is worth. State: five sums (`Pairs`).
Windows whose level wanders slowly say less about their mean than as many independent ones, and runs
of them beyond a border are no news.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray

PRIOR: Final = 0.2
PRIOR_WINDOWS: Final = 12.0
"""Correlation that is supposed before any window was seen, and the windows that this is worth. A
smaller correlation: lone streams that wander alarm for nothing; a larger one, or more windows:
moves that last are seen later, where windows are independent."""

HIGHEST: Final = 0.9
"""Largest correlation that is believed: with 1 nothing would ever be news."""


@dataclass(slots=True)
class Pairs:
    """Sums over pairs of neighbouring windows of lines, of which several belong to a stream.

    Parameters
    ----------
    weights, rows
        (streams,), sum of the weights of the pairs (geometric mean of their rows), and the rows of
        the last window.
    products, sums
        (lines,), weighted sums over pairs of ``y y'`` and ``y + y'``, means of a window and of the
        one before.
    last
        (lines,), mean of the last window.
    """

    weights: FloatArray
    rows: FloatArray
    products: FloatArray
    sums: FloatArray
    last: FloatArray

    @classmethod
    def zeros(cls, streams: int, lines: int) -> "Pairs":
        """Return the sums over no window."""
        return cls(*(np.zeros(size) for size in (streams, streams, lines, lines, lines)))

    def add(self, owner: IntArray, rows: FloatArray, totals: FloatArray, chosen: BoolArray) -> None:
        """Add a window, in place; arguments as in `windows.Moments.add`."""
        counted = np.where(chosen, rows, 0.0)
        weights = np.sqrt(counted * self.rows)
        self.weights += weights
        own, weight = counted[owner], weights[owner]
        mean = np.divide(totals, own, out=np.zeros(len(own)), where=own > 0.0)
        self.products += weight * mean * self.last
        self.sums += weight * (mean + self.last)
        self.last = np.where(own > 0.0, mean, self.last)
        self.rows = np.where(counted > 0.0, counted, self.rows)

    def forget(self, streams: BoolArray, lines: BoolArray) -> None:
        """Begin anew for some streams, in place."""
        for each in fields(self):
            getattr(self, each.name)[streams if each.name in _OF_STREAMS else lines] = 0.0

    def grown(self, streams: int, lines: int) -> "Pairs":
        """Return the sums with streams and lines of no window added at the end."""
        more = Pairs.zeros(streams, lines)
        names = [each.name for each in fields(self)]
        return Pairs(*(np.concatenate([getattr(self, n), getattr(more, n)]) for n in names))

    def kept(self, streams: BoolArray, lines: BoolArray) -> "Pairs":
        """Return the sums of some streams alone."""
        names = [each.name for each in fields(self)]
        return Pairs(*(getattr(self, n)[streams if n in _OF_STREAMS else lines] for n in names))

    def covariance(self, owner: IntArray, mean: FloatArray) -> FloatArray:
        """Return the covariance of neighbouring windows about a mean, (lines,); 0 without pairs."""
        weights = self.weights[owner]
        top = self.products - mean * self.sums + np.square(mean) * weights
        return np.divide(top, weights, out=np.zeros(len(top)), where=weights > 0.0)


_OF_STREAMS = ("weights", "rows")


def joint_correlation(found: FloatArray, windows: FloatArray) -> float:
    """Return the correlation of neighbouring windows that streams of one monitor share.

    Parameters
    ----------
    found
        (streams,), correlation of each, about its own mean.
    windows
        (streams,), windows it rests on.

    Returns
    -------
    float
        In [0, ``HIGHEST``]: their mean, freed of the bias of few windows, and drawn to ``PRIOR`` by
        the weight of ``PRIOR_WINDOWS``.

    Source: bias -(1 + 3 r) / windows, Kendall 1954, Biometrika 41, equation (20).
    """
    usable = windows > 3.0
    weight = float(windows[usable].sum())
    if weight == 0.0:
        return PRIOR
    many = weight / float(usable.sum())
    mean = float((windows[usable] * found[usable]).sum()) / weight
    unbiased = (many * mean + 1.0) / (many - 3.0) if many > 4.0 else mean
    drawn = (PRIOR_WINDOWS * PRIOR + weight * unbiased) / (PRIOR_WINDOWS + weight)
    return min(max(drawn, 0.0), HIGHEST)


def inflation(windows: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return by how much the variance of a mean of windows exceeds that of independent ones.

    Source: variance of the mean of an autoregression of first order; Bartlett 1946, JRSS Suppl. 8.
    """
    r, many = correlation, np.maximum(windows, 1.0)
    endless = (1.0 + r) / (1.0 - r)
    begun = 2.0 * r * (1.0 - np.power(r, many)) / (many * np.square(1.0 - r))
    found: FloatArray = np.maximum(endless - begun, 1.0)
    return found


def worth(windows: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return how many independent windows tell as much about the variance.

    Source: Bayley and Hammersley 1946, JRSS Suppl. 8: windows (1 - r^2) / (1 + r^2).
    """
    squared = np.square(correlation)
    found: FloatArray = np.maximum(windows * (1.0 - squared) / (1.0 + squared), 2.0)
    return found


def unbiased_scatter(windows: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return the factor by which the scatter about the windows' own mean is to be raised.

    Dependent windows lie near their own mean: the expected scatter over (windows - 1) is the
    variance times (1 - inflation / windows) / (1 - 1 / windows).
    """
    many = np.maximum(windows, 2.0)
    kept = (1.0 - inflation(many, correlation) / many) / (1.0 - 1.0 / many)
    found: FloatArray = 1.0 / np.maximum(kept, 0.1)
    return found


def carried(before: FloatArray, borders: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return by how much borders rise because the window before lay beyond them.

    Windows that resemble each other stay out for a while once they are out: given the past, the
    mean of the next is expected at border + r (before - border) at most. Below the border nothing
    is taken off, so that the null hypothesis holds for smaller correlations as well, and for every
    wandering within the floor.

    Parameters
    ----------
    before
        (lines, 2), the window before, as seen from each side; NaN where there is none.
    borders
        (lines, 2), see `ShareReference.borders`.
    correlation
        (lines,), of neighbouring windows.

    Source: conditional mean of an autoregression of first order.
    """
    beyond = np.where(np.isnan(before), 0.0, np.maximum(before - borders, 0.0))
    found: FloatArray = correlation[:, None] * beyond
    return found
