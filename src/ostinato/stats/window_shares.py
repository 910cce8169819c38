"""Has a share of rows moved from one window to the next? E-values of beta-binomial windows.

In: reference windows, then ``k`` of ``n`` rows per set and window. Out: log e-values per set, side
and alternative. No state; what a reference leaves is a `ShareReference`. The null hypothesis: given
the past, the share of a window is drawn from a beta distribution whose mean differs from the
reference's by at most the floor, and whose spread is at most that of the reference's windows.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from scipy.special import betaln

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray
from ostinato.stats.window_memory import Pairs, inflation, unbiased_scatter, worth
from ostinato.stats.window_prior import Common
from ostinato.stats.windows import (
    CALMEST,
    FEWEST,
    Moments,
    believed,
    scatter,
    spread_limits,
    two_sided,
    usual_rows,
)

STEPS: Final = (1.0, 2.5, 5.0)
"""Alternatives: how far beyond the border, in standard deviations of a window. The first gathers
evidence of small moves over many windows, the last finds a large one in a single window."""

_FARTHEST: Final = 0.9  # of the way from the border to a share of 1, at most
_SMALLEST: Final = 1e-8  # correlation within windows; below, log-gamma has no digits left
_LARGEST: Final = 0.5


@dataclass(slots=True)
class ShareReference:
    """What shares are compared with, a line per set of cells.

    Parameters
    ----------
    mean, error
        (sets,), share in the reference and its standard error, spread between windows included.
    alike, alike_high
        (sets,), correlation of two rows of one window (overdispersion), and its upper limit.
    freedom
        (sets,), degrees of freedom of the error; 0 where it was not estimated.
    floor
        (sets,), difference that does not matter.
    """

    mean: FloatArray
    error: FloatArray
    alike: FloatArray
    alike_high: FloatArray
    freedom: FloatArray
    floor: FloatArray

    @classmethod
    def nothing(cls) -> "ShareReference":
        """Return the reference of no set."""
        return cls(*(np.zeros(0) for _ in fields(cls)))

    def taken(self, places: IntArray) -> "ShareReference":
        """Return the reference of some sets alone."""
        return ShareReference(*(getattr(self, each.name)[places] for each in fields(self)))

    @property
    def borders(self) -> FloatArray:
        """Shares up to which the null hypothesis holds, (sets, 2): of rows in, of rows outside.

        From 1 on there is nothing beyond.
        """
        reach = self.floor + two_sided(self.freedom) * self.error
        mean = np.stack([self.mean, 1.0 - self.mean], axis=1)
        found: FloatArray = np.minimum(mean + reach[:, None], 1.0)
        return found


def fit_shares(
    moments: Moments, owner: IntArray, floor: FloatArray, seasons: FloatArray, common: Common
) -> ShareReference:
    """Learn what shares are compared with from the sums of reference windows.

    The spread is that of all sets of a stream together, drawn to what is usual among streams; each
    set's own is counted in by half where it is larger: sets of few rows would say little by
    themselves.

    Parameters
    ----------
    moments
        Sums over windows; a line per set, ``totals`` were counts. NaN squares: not known, the
        spread of the stream's other sets serves.
    owner
        (sets,), stream of each set.
    floor, seasons
        (streams,), difference of a share that does not matter, > 0; most windows that count.
    common
        What streams take from all.

    Source: see `spread_limits` and `Common.drawn`.
    """
    rows = np.where(moments.rows > 0.0, moments.rows, 1.0)[owner]  # none yet: of no meaning
    windows = moments.windows[owner]
    # A half row in and out: a share of none or all of the rows has a variance too.
    mean = (moments.sums + 0.5) / (rows + 1.0)
    variance = mean * (1.0 - mean)
    joint, own, many, usual = share_spread(moments, owner, seasons, common.persistence)
    joint, freedom = common.drawn(joint, many, usual)
    ratio = np.where(np.isnan(own), joint[owner], np.maximum(joint[owner], own))
    ratio = 0.5 * (joint[owner] + ratio)
    freedom = freedom[owner]
    alike, high = spread_limits(ratio, np.ones_like(ratio), freedom, usual[owner])
    # What a row varies by at most while the share is within the floor.
    edge = np.clip(0.5, mean - floor[owner], mean + floor[owner])
    at_edge = edge * (1.0 - edge)
    few = np.minimum(seasons[owner], windows) < FEWEST
    alike = np.where(few, np.square(floor[owner]) / at_edge, alike)
    high = np.where(few, alike, high)
    high = np.maximum(high, np.square(CALMEST * floor[owner]) / at_edge)
    alike, high = np.clip(alike, 0.0, _LARGEST), np.clip(high, _SMALLEST, _LARGEST)
    between = alike * moments.squared[owner] / np.square(rows)
    lasting = inflation(windows, common.persistence[owner])
    return ShareReference(
        mean=moments.sums / rows,
        error=np.sqrt(variance * (1.0 / rows + between) * lasting),
        alike=alike,
        alike_high=high,
        freedom=np.where(few, 0.0, freedom),
        floor=floor[owner],
    )


def share_spread(
    moments: Moments, owner: IntArray, seasons: FloatArray, persistence: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return how much more windows differ than their rows let expect.

    Parameters
    ----------
    moments, owner, seasons
        As in `fit_shares`.
    persistence
        (streams,), correlation of neighbouring windows, in [0, 1).

    Returns
    -------
    FloatArray, FloatArray, FloatArray, FloatArray
        Overdispersion of all sets of each stream together (streams,), and of each set (sets,), NaN
        where not known; degrees of freedom and rows of a typical window (streams,).

    Source: Pearson's statistic over its degrees of freedom, Williams 1982, Applied Statistics 31.
    """
    streams = len(moments.rows)
    rows = np.where(moments.rows > 0.0, moments.rows, 1.0)
    mean = (moments.sums + 0.5) / (rows[owner] + 1.0)
    variance = mean * (1.0 - mean) * np.maximum(moments.windows[owner] - 1.0, 1.0)
    found = scatter(moments.sums, moments.squares, rows[owner])
    known = ~np.isnan(found)
    top = np.bincount(owner, np.where(known, found, 0.0), minlength=streams)
    bottom = np.bincount(owner, np.where(known, variance, 0.0), minlength=streams)
    joint = np.divide(top, bottom, out=np.zeros(streams), where=bottom > 0.0)
    raised = unbiased_scatter(moments.windows, persistence)
    own = found / variance * raised[owner]
    many = worth(np.minimum(seasons, moments.windows), persistence) - 1.0
    usual = np.maximum(usual_rows(moments.windows, rows, moments.squared) - 1.0, 1.0)
    return joint * raised, own, many, usual


def share_persistence(pairs: Pairs, moments: Moments, owner: IntArray) -> FloatArray:
    """Return the correlation of neighbouring windows of each stream, all its sets together.

    Parameters
    ----------
    pairs, moments, owner
        As in `fit_shares`; NaN squares are left out.
    """
    rows, streams = np.maximum(moments.rows[owner], 1e-300), len(moments.rows)
    spread = scatter(moments.sums, moments.squares, rows) / rows
    known = ~np.isnan(spread)
    both = pairs.covariance(owner, moments.sums / rows)
    top = np.bincount(owner, np.where(known, both, 0.0), minlength=streams)
    bottom = np.bincount(owner, np.where(known, spread, 0.0), minlength=streams)
    return np.divide(top, bottom, out=np.zeros(streams), where=bottom > 0.0)


def window_deviation(share: FloatArray, rows: FloatArray, alike: FloatArray) -> FloatArray:
    """Return the standard deviation of the share of a window of so many rows.

    Source: variance of the beta-binomial distribution, Skellam 1948, JRSS B 10.
    """
    alone = 1.0 / np.maximum(rows, 1.0)
    found: FloatArray = np.sqrt(share * (1.0 - share) * (alone + alike * (1.0 - alone)))
    return found


def share_log_e_values(
    hits: FloatArray, rows: FloatArray, borders: FloatArray, alike: FloatArray, wanted: BoolArray
) -> FloatArray:
    """Return the log e-values of a window, per set, side and alternative; -inf is a zero.

    Each is the likelihood ratio of two beta-binomial distributions of the same correlation within
    windows: mean beyond the border (by ``STEPS`` deviations) against mean at the border. The ratio
    rises with the hits, so that its expectation is at most 1 for every mean up to the border.

    Parameters
    ----------
    hits, rows
        (sets,), 0 <= hits <= rows; rows up to 1e7 and beyond.
    borders
        (sets, 2), see `ShareReference.borders`.
    alike
        (sets,), correlation of rows within a window, in [1e-8, .5].
    wanted
        (sets, 2), where to compute at all; elsewhere, and where nothing is beyond the border, the
        e-value is put to 0, which needs no time and is one too.

    Returns
    -------
    FloatArray
        (sets, 2, alternatives).

    Source: beta-binomial likelihood, Skellam 1948; likelihood ratios as e-values, Grünwald, de
    Heide and Koolen 2024, JRSS B 86, section 1.
    """
    found = np.full((*borders.shape, len(STEPS)), -np.inf)
    where = np.nonzero(wanted & (borders < 1.0) & (rows > 0.0)[:, None])
    if not len(where[0]):
        return found
    sets, sides = where
    n, m0, rho = rows[sets], borders[where], alike[sets]
    k = np.where(sides == 0, hits[sets], n - hits[sets])
    ratio = _log_ratio(k, n, m0, rho)
    # A beta distribution of few hits and large spread has most of its mass at none at all and finds
    # a few hits odd: what a smaller spread says of them must be heard too.
    narrow = m0 / (1.0 + m0)
    odd = np.flatnonzero(rho > narrow)
    if len(odd):
        ratio[odd] = np.minimum(ratio[odd], _log_ratio(k[odd], n[odd], m0[odd], narrow[odd]))
    found[where] = ratio
    return found


def _log_ratio(k: FloatArray, n: FloatArray, m0: FloatArray, rho: FloatArray) -> FloatArray:
    """Return the log likelihood ratios of all alternatives, (sets, alternatives)."""
    deviation = window_deviation(m0, n, rho)
    step = deviation[:, None] * np.array(STEPS)
    m1 = m0[:, None] + np.minimum(step, _FARTHEST * (1.0 - m0[:, None]))
    size = 1.0 / rho - 1.0
    below = _log_likelihood(k, n, m0, size)[:, None]
    ratio = _log_likelihood(k[:, None], n[:, None], m1, size[:, None]) - below
    between = rho * (n - 1.0) / (1.0 + rho * (n - 1.0))
    return believed(ratio, (k / n - m0) / deviation, between)


def _log_likelihood(k: FloatArray, n: FloatArray, mean: FloatArray, size: FloatArray) -> FloatArray:
    """Of the beta-binomial distribution, without what does not depend on the mean."""
    a, b = mean * size, (1.0 - mean) * size
    found: FloatArray = betaln(k + a, n - k + b) - betaln(a, b)
    return found


def share_interval(
    value: FloatArray, rows: FloatArray, reference: ShareReference
) -> tuple[FloatArray, FloatArray]:
    """Return 95 % limits of (value - reference), the spread between windows included.

    Parameters
    ----------
    value, rows
        (sets,), share in the window, and its rows.
    reference
        What it is compared with.
    """
    own = (value * rows + 0.5) / (rows + 1.0)
    spread = window_deviation(own, rows, reference.alike)
    half = two_sided(reference.freedom) * np.hypot(spread, reference.error)
    apart = value - reference.mean
    return apart - half, apart + half
