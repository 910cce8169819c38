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
from ostinato.stats.window_shares import STEPS
from ostinato.stats.windows import (
    CALMEST,
    FEWEST,
    Moments,
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
    windows
        (levels,), how many windows it rests on.
    floor
        (levels,), difference that does not matter, in units of the number.
    """

    mean: FloatArray
    error: FloatArray
    row: FloatArray
    between: FloatArray
    between_high: FloatArray
    windows: FloatArray
    floor: FloatArray

    def taken(self, places: IntArray) -> "LevelReference":
        """Return the reference of some levels alone."""
        return LevelReference(*(getattr(self, each.name)[places] for each in fields(self)))

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
        (levels,), windows that count as independent.

    Source: see `spread_limits`.
    """
    rows = np.where(moments.rows > 0.0, moments.rows, 1.0)  # no reference yet: of no meaning
    windows = moments.windows
    mean = center + moments.sums / rows
    row = within / rows
    usual = usual_rows(windows, rows, moments.squared)
    apart = scatter(moments.sums, moments.squares, rows) / np.maximum(windows - 1.0, 1.0)
    many = np.minimum(seasons, windows)
    absolute = np.where(relative, floor * np.abs(mean), floor)
    between, high = spread_limits(apart, row, many, usual)
    few = many < FEWEST
    between = np.where(few, np.square(absolute), between)
    high = np.maximum(np.where(few, between, high), np.square(CALMEST * absolute))
    error = np.sqrt(row / rows + between * moments.squared / np.square(rows))
    return LevelReference(mean, error, row, between, high, many, absolute)


def level_log_e_values(
    rows: FloatArray, mean: FloatArray, deviation: FloatArray, reference: LevelReference
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

    Returns
    -------
    FloatArray
        (levels, 2, alternatives); -inf, an e-value of 0, where nothing gives a scale.
    """
    usual = np.sqrt(reference.row / rows + reference.between_high)
    wide = np.maximum(reference.row, np.square(deviation)) / rows
    wide = np.sqrt(wide + reference.between_high)
    reach = reference.floor + two_sided(reference.windows) * reference.error
    moved = mean - reference.mean
    beyond = np.stack([moved - reach, -moved - reach], axis=1)
    scale = np.where(beyond > 0.0, wide[:, None], usual[:, None])
    z = np.zeros_like(beyond)
    np.divide(beyond, scale, out=z, where=scale > 0.0)
    steps = np.array(STEPS)
    found: FloatArray = z[:, :, None] * steps - 0.5 * np.square(steps)
    found[~reference.scaled] = -np.inf
    return found


def level_interval(
    rows: FloatArray, mean: FloatArray, deviation: FloatArray, reference: LevelReference
) -> tuple[FloatArray, FloatArray]:
    """Return 95 % limits of (mean - reference), the spread between windows included; (levels,)."""
    spread = np.square(deviation) / rows + reference.between + np.square(reference.error)
    half = two_sided(reference.windows) * np.sqrt(spread)
    moved = mean - reference.mean
    return moved - half, moved + half
