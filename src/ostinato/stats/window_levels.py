"""Has the mean of a number moved from one window to the next? E-values of normal windows.

In: reference windows, then rows, mean and deviation per window. Out: log e-values per level, side
and alternative. No state; what a reference leaves is a `LevelReference`. The null hypothesis: given
the past, the mean of a window is drawn from a normal distribution whose mean differs from the
reference's by at most the floor, and whose variance is that of its rows and of the reference's
windows.
"""

from dataclasses import dataclass, fields

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray
from ostinato.stats.window_memory import Pairs, inflation, unbiased_scatter, worth
from ostinato.stats.window_prior import Common
from ostinato.stats.window_shares import STEPS
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


@dataclass(slots=True)
class LevelReference:
    """What levels are compared with, a line each.

    Parameters
    ----------
    mean, error
        (levels,), mean in the reference and its standard error, spread between windows included.
    row
        (levels,), variance of a row.
    between, between_high
        (levels,), variance between windows, and its upper limit.
    freedom
        (levels,), degrees of freedom of the error; 0 where it was not estimated.
    floor
        (levels,), difference that does not matter, in units of the number.
    """

    mean: FloatArray
    error: FloatArray
    row: FloatArray
    between: FloatArray
    between_high: FloatArray
    freedom: FloatArray
    floor: FloatArray

    @classmethod
    def nothing(cls) -> "LevelReference":
        """Return the reference of no level."""
        return cls(*(np.zeros(0) for _ in fields(cls)))

    def taken(self, places: IntArray) -> "LevelReference":
        """Return the reference of some levels alone."""
        return LevelReference(*(getattr(self, each.name)[places] for each in fields(self)))

    @property
    def borders(self) -> FloatArray:
        """Levels up to which the null hypothesis holds, (levels, 2): the other as its negative."""
        reach = self.floor + two_sided(self.freedom) * self.error
        found: FloatArray = np.stack([self.mean + reach, reach - self.mean], axis=1)
        return found

    @property
    def scaled(self) -> BoolArray:
        """Whether anything says what a large move is, (levels,): not where all was always 0."""
        found: BoolArray = self.between_high + self.row > 0.0
        return found


def fit_levels(
    moments: Moments,
    within: FloatArray,
    center: FloatArray,
    floor: FloatArray,
    relative: BoolArray,
    seasons: FloatArray,
    common: Common,
) -> LevelReference:
    """Learn what levels are compared with from the sums of reference windows.

    Parameters
    ----------
    moments
        Sums over windows of (mean - center); a line per level, a stream each.
    within
        (levels,), sum over windows of rows times the variance of a row.
    center
        (levels,), what was taken off the means, for digits.
    floor, relative
        (levels,), difference that does not matter; as a share of the reference where relative.
    seasons
        (levels,), most windows that count.
    common
        What levels take from all.

    Source: see `spread_limits` and `Common.drawn`.
    """
    rows = np.where(moments.rows > 0.0, moments.rows, 1.0)  # no reference yet: of no meaning
    mean, row = center + moments.sums / rows, within / rows
    absolute = np.where(relative, floor * np.abs(mean), floor)
    ratio, many, usual = level_spread(moments, within, seasons, common.persistence)
    varied = row > 0.0
    drawn, freedom = common.drawn(ratio, many, usual)
    ratio, freedom = np.where(varied, drawn, ratio), np.where(varied, freedom, many)
    unit = np.where(varied, row, 1.0)
    between, high = spread_limits(ratio, varied.astype(np.float64), freedom, usual)
    few = np.minimum(seasons, moments.windows) < FEWEST
    between = np.where(few, np.square(absolute), between * unit)
    high = np.maximum(np.where(few, between, high * unit), np.square(CALMEST * absolute))
    error = np.sqrt(row / rows + between * moments.squared / np.square(rows))
    error *= np.sqrt(inflation(moments.windows, common.persistence))
    freedom = np.where(few, 0.0, freedom)
    return LevelReference(mean, error, row, between, high, freedom, absolute)


def level_spread(
    moments: Moments, within: FloatArray, seasons: FloatArray, persistence: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how much more windows differ than their rows let expect.

    Parameters
    ----------
    moments, within, seasons
        As in `fit_levels`.
    persistence
        (levels,), correlation of neighbouring windows, in [0, 1).

    Returns
    -------
    FloatArray, FloatArray, FloatArray
        Variance of window means by that of their rows, (levels,), or by 1 where rows do not vary;
        its degrees of freedom, and rows of a typical window.
    """
    rows = np.where(moments.rows > 0.0, moments.rows, 1.0)
    row = within / rows
    apart = scatter(moments.sums, moments.squares, rows) / np.maximum(moments.windows - 1.0, 1.0)
    apart *= unbiased_scatter(moments.windows, persistence)
    many = worth(np.minimum(seasons, moments.windows), persistence) - 1.0
    usual = np.maximum(usual_rows(moments.windows, rows, moments.squared), 1.0)
    return apart / np.where(row > 0.0, row, 1.0), many, usual


def level_persistence(pairs: Pairs, moments: Moments) -> FloatArray:
    """Return the correlation of neighbouring windows of each level; 0 where nothing varies."""
    rows = np.where(moments.rows > 0.0, moments.rows, 1.0)
    spread = scatter(moments.sums, moments.squares, rows) / rows
    both = pairs.covariance(np.arange(len(rows)), moments.sums / rows)
    return np.divide(both, spread, out=np.zeros(len(rows)), where=spread > 0.0)


def level_log_e_values(
    rows: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    reference: LevelReference,
    borders: FloatArray,
) -> FloatArray:
    """Return the log e-values of a window, per level, side (risen, fallen) and alternative.

    Each is the likelihood ratio of two normal distributions, mean beyond the border by ``STEPS``
    deviations against mean at the border. Where rows vary more than in the reference, evidence is
    that of the larger variance, so that a few outliers speak less; it is never more than the ratio.

    Parameters
    ----------
    rows, mean, deviation
        (levels,), of the window; rows > 0.
    reference
        What it is compared with, see `fit_levels`.
    borders
        (levels, 2), see `LevelReference.borders`; infinite where that side does not matter.

    Returns
    -------
    FloatArray
        (levels, 2, alternatives); -inf, an e-value of 0, where nothing gives a scale.
    """
    usual = np.sqrt(reference.row / rows + reference.between_high)
    wide = np.maximum(reference.row, np.square(deviation)) / rows
    wide = np.sqrt(wide + reference.between_high)
    beyond = np.stack([mean, -mean], axis=1) - borders
    scale = np.where(beyond > 0.0, wide[:, None], usual[:, None])
    z = np.divide(beyond, scale, out=np.full(beyond.shape, -np.inf), where=scale > 0.0)
    steps = np.array(STEPS)
    between = np.divide(
        reference.between_high, np.square(wide), out=np.zeros(len(rows)), where=wide > 0.0
    )
    return believed(z[:, :, None] * steps - 0.5 * np.square(steps), z, between[:, None])


def level_interval(
    rows: FloatArray, mean: FloatArray, deviation: FloatArray, reference: LevelReference
) -> tuple[FloatArray, FloatArray]:
    """Return 95 % limits of (mean - reference), the spread between windows included; (levels,)."""
    spread = np.square(deviation) / rows + reference.between + np.square(reference.error)
    half = two_sided(reference.freedom) * np.sqrt(spread)
    moved = mean - reference.mean
    return moved - half, moved + half
