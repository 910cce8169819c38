"""How much windows of time differ from each other: the variance beyond that of their rows.

In: sums over reference windows. Out: the mean, its error, and the variance between windows with an
upper limit that is the wider the fewer windows were seen. State: five sums per line (`Moments`);
sums of several workers add up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.stats import chi2, t

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray

CONFIDENCE: Final = 0.9
"""Of the upper limit of the variance between windows. Smaller: streams whose reference was calm by
luck alarm for nothing; larger: with eight windows, moves must be larger yet to be seen."""

FEWEST: Final = 3
"""Windows from which on their spread is estimated. With fewer, windows are taken to vary by the
floor (`spread_limits`): a factor of 20 between estimate and limit would say nothing."""

CALMEST: Final = 0.125
"""Standard deviation between windows that is taken for granted, as a share of the floor. Smaller:
streams of millions of rows, whose sampling error is nil, alarm for what no one would notice just
beyond the floor; larger: what lies just beyond the floor takes more windows to be seen."""

TAILS: Final = 4.0
"""Degrees of freedom of what windows have of their own. Fewer: a fault in streams that vary much
from window to window takes several windows to be believed, however large; more: a day unlike all
others alarms."""


@dataclass(slots=True)
class Moments:
    """Sums over windows of lines (a share, a level), of which several belong to a stream.

    Parameters
    ----------
    windows, rows, squared
        (streams,), windows, their rows, and the sum of the squares of their rows.
    sums, squares
        (lines,), sums over windows of ``n y`` and ``n y**2``, where ``y`` is the mean of the
        window's ``n`` rows.
    """

    windows: FloatArray
    rows: FloatArray
    squared: FloatArray
    sums: FloatArray
    squares: FloatArray

    @classmethod
    def zeros(cls, streams: int, lines: int) -> "Moments":
        """Return the sums over no window."""
        return cls(*(np.zeros(size) for size in (streams, streams, streams, lines, lines)))

    def add(self, owner: IntArray, rows: FloatArray, totals: FloatArray, chosen: BoolArray) -> None:
        """Add a window, in place.

        Parameters
        ----------
        owner
            (lines,), stream of each line.
        rows
            (streams,), rows of the window, >= 0.
        totals
            (lines,), ``n y`` of the window.
        chosen
            (streams,), whose window counts; those without rows never do.
        """
        counted = np.where(chosen, rows, 0.0)
        self.windows += counted > 0.0
        self.rows += counted
        self.squared += np.square(counted)
        own = counted[owner]
        there = own > 0.0
        self.sums += np.where(there, totals, 0.0)
        squares = np.zeros(len(own))
        np.divide(np.square(totals), own, out=squares, where=there)
        self.squares += squares

    def forget(self, streams: BoolArray, lines: BoolArray) -> None:
        """Begin anew for some streams, in place."""
        for each in (self.windows, self.rows, self.squared):
            each[streams] = 0.0
        for each in (self.sums, self.squares):
            each[lines] = 0.0

    def grown(self, streams: int, lines: int) -> "Moments":
        """Return the sums with streams and lines of no window added at the end."""
        more = Moments.zeros(streams, lines)
        names = ("windows", "rows", "squared", "sums", "squares")
        return Moments(*(np.concatenate([getattr(self, n), getattr(more, n)]) for n in names))

    def kept(self, streams: BoolArray, lines: BoolArray) -> "Moments":
        """Return the sums of some streams alone."""
        return Moments(
            self.windows[streams],
            self.rows[streams],
            self.squared[streams],
            self.sums[lines],
            self.squares[lines],
        )


def scatter(sums: FloatArray, squares: FloatArray, rows: FloatArray) -> FloatArray:
    """Return the weighted squares of window means about their mean, sum of ``n (y - m)**2``."""
    found: FloatArray = np.maximum(squares - np.square(sums) / rows, 0.0)
    return found


def usual_rows(windows: FloatArray, rows: FloatArray, squared: FloatArray) -> FloatArray:
    """Return the number of rows of a typical window, as the variance between windows needs it.

    Source: Snedecor and Cochran 1967, "Statistical Methods", section 10.18 (n0 of the analysis of
    variance of unequal groups).
    """
    found: FloatArray = (rows - squared / rows) / np.maximum(windows - 1.0, 1.0)
    return found


def spread_limits(
    apart: FloatArray, inside: FloatArray, freedom: FloatArray, usual: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the variance between windows: estimate and upper limit.

    Parameters
    ----------
    apart
        (lines,), scatter of the windows over the number of windows less one, >= 0.
    inside
        (lines,), variance of a row, >= 0: what `apart` is where windows are alike.
    freedom
        (lines,), its degrees of freedom, > 0.
    usual
        (lines,), rows of a typical window.

    Returns
    -------
    FloatArray, FloatArray
        (lines,) each, >= 0.

    Source: moments, DerSimonian and Laird 1986, Controlled Clinical Trials 7, equation (8), and,
    for shares, Kleinman 1973, JASA 68; the limit as in Williams 1962, Biometrika 49: the scatter
    over its expectation is about chi-squared over its degrees of freedom.
    """
    upper = apart * freedom / _low_quantiles(freedom)
    more = np.maximum(usual, 1.0)
    return np.maximum(apart - inside, 0.0) / more, np.maximum(upper - inside, 0.0) / more


def two_sided(freedom: FloatArray) -> FloatArray:
    """Return the quantile of 95 % intervals whose error has so many degrees of freedom.

    Of a normal distribution where it has none: the error was not estimated then.
    """
    return _by_value(_t_quantile, freedom)


def _low_quantiles(freedom: FloatArray) -> FloatArray:
    return _by_value(_low_quantile, freedom)


def _by_value(function: Callable[[float], float], freedom: FloatArray) -> FloatArray:
    values, places = np.unique(np.round(freedom, 2), return_inverse=True)
    found: FloatArray = np.array([function(float(each)) for each in values])[places]
    return found


@lru_cache(maxsize=4096)
def _low_quantile(freedom: float) -> float:
    return float(chi2.ppf(1.0 - CONFIDENCE, max(freedom, 1.0)))


@lru_cache(maxsize=4096)
def _t_quantile(freedom: float) -> float:
    return 1.96 if freedom <= 0.0 else float(t.ppf(0.975, max(freedom, 1.0)))


def believed(log_e: FloatArray, z: FloatArray, between: FloatArray) -> FloatArray:
    """Return log e-values, none larger than windows of heavy tails would allow.

    What windows have of their own is not normal: there are days unlike all others. The more of the
    variance lies between windows, the less one window says by itself. An e-value may always be made
    smaller.

    Parameters
    ----------
    log_e
        (..., alternatives).
    z
        (...,), how far beyond the border, in standard deviations.
    between
        (...,), share of the variance that lies between windows, in [0, 1].

    Source: the largest likelihood ratio of a shift under Student's t distribution with
    ``TAILS / between**2`` degrees of freedom; the normal one where nothing lies between windows.
    """
    freedom = TAILS / np.maximum(np.square(between), 1e-6)
    most = 0.5 * (freedom + 1.0) * np.log1p(np.square(z) / freedom)
    found: FloatArray = np.where(z[..., None] > 0.0, np.minimum(log_e, most[..., None]), log_e)
    return found
