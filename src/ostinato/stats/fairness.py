"""How far rates and means lie apart between groups of people, with intervals.

In: counts, or sums, per group. Out: the largest difference and ratio between groups, by the
definitions of Fairlearn. No state.
"""

import math
from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray
from ostinato.stats.confidence import normal_quantile


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference between groups, and their smallest ratio.

    `highest` and `lowest` index the two groups that lie farthest apart; `low` and `high` bound
    their difference, `ratio_low` and `ratio_high` the ratio of lowest to highest, as if these two
    had been chosen beforehand. `se` is the standard error of the difference, > 0 for rates.
    `ratio` is NaN where it has no meaning: no group has anything, or means may be negative.
    """

    value: float
    low: float
    high: float
    se: float
    highest: int
    lowest: int
    ratio: float
    ratio_low: float
    ratio_high: float


def wilson(hits: float, rows: float, *, level: float = 0.95) -> tuple[float, float]:
    """Bound a share by its score interval; 0 <= hits <= rows, rows > 0.

    Source: Wilson 1927, JASA 22.

    Examples
    --------
    >>> [round(each, 4) for each in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    z = normal_quantile(0.5 + level / 2)
    share, extra = hits / rows, z * z / rows
    middle = (share + extra / 2) / (1 + extra)
    reach = z / (1 + extra) * math.sqrt(share * (1 - share) / rows + extra / (4 * rows))
    # Rounding must not put the bounds of none and of all a hair inside.
    return (
        max(middle - reach, 0.0) if hits else 0.0,
        min(middle + reach, 1.0) if hits < rows else 1.0,
    )


def rate_gap(hits: FloatArray, rows: FloatArray, *, level: float = 0.95) -> Gap:
    """Compare the shares of groups, as selection rates or true positive rates.

    Parameters
    ----------
    hits, rows
        (g,), g >= 2: what was counted of how many; 0 <= hits <= rows, rows > 0.
    level
        Of the intervals, in (0, 1).

    Source: difference max - min and ratio min / max, as ``demographic_parity_difference`` and
    ``demographic_parity_ratio`` in Fairlearn (Weerts et al. 2023, JMLR 24; user guide, "Common
    fairness metrics"). Interval of the difference: Newcombe 1998, Statistics in Medicine 17,
    method 10 (two score intervals); of the ratio: Katz, Baptista, Azen, Pike 1978, Biometrics 34,
    with half a hit added where a group has none; standard error: Agresti, Caffo 2000, American
    Statistician 54 (a hit and a miss added to each).

    Examples
    --------
    >>> gap = rate_gap(np.array([56.0, 48.0]), np.array([70.0, 80.0]))
    >>> [round(each, 4) for each in (gap.value, gap.low, gap.high, gap.ratio)]
    [0.2, 0.0524, 0.3339, 0.75]
    """
    shares = hits / rows
    top, bottom = int(shares.argmax()), int(shares.argmin())
    (low_top, high_top), (low_bottom, high_bottom) = (
        wilson(float(hits[at]), float(rows[at]), level=level) for at in (top, bottom)
    )
    high_share, low_share = float(shares[top]), float(shares[bottom])
    value = high_share - low_share
    kept = (hits + 1) / (rows + 2)
    spread = kept * (1 - kept) / (rows + 2)
    ratio, ratio_low, ratio_high = _ratio(hits, rows, top, bottom, level)
    return Gap(
        value=value,
        low=value - math.hypot(high_share - low_top, high_bottom - low_share),
        high=value + math.hypot(high_top - high_share, low_share - low_bottom),
        se=math.sqrt(float(spread[top] + spread[bottom])),
        highest=top,
        lowest=bottom,
        ratio=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
    )


def _ratio(
    hits: FloatArray, rows: FloatArray, top: int, bottom: int, level: float
) -> tuple[float, float, float]:
    if not hits[top]:
        return (math.nan,) * 3
    value = float(hits[bottom] / rows[bottom] / (hits[top] / rows[top]))
    few = 0.0 if hits[bottom] else 0.5
    of_bottom, of_top = float(hits[bottom]) + few, float(hits[top]) + few
    middle = math.log(of_bottom / (rows[bottom] + few)) - math.log(of_top / (rows[top] + few))
    spread = 1 / of_bottom - 1 / (rows[bottom] + few) + 1 / of_top - 1 / (rows[top] + few)
    reach = normal_quantile(0.5 + level / 2) * math.sqrt(max(float(spread), 0.0))
    return value, math.exp(middle - reach) if not few else 0.0, math.exp(middle + reach)


def mean_gap(
    sums: FloatArray, squares: FloatArray, rows: FloatArray, *, level: float = 0.95
) -> Gap:
    """Compare the means of groups, as losses or predictions.

    Parameters
    ----------
    sums, squares, rows
        (g,), g >= 2: sums of the values and of their squares over `rows` > 1 of each group.
    level
        Of the intervals, in (0, 1).

    Source: difference and ratio of ``MetricFrame`` in Fairlearn; intervals by the normal limit,
    of the ratio by the delta method for its logarithm.
    """
    means = sums / rows
    spread = np.maximum(squares / rows - means * means, 0.0) / (rows - 1)
    top, bottom = int(means.argmax()), int(means.argmin())
    value = float(means[top] - means[bottom])
    se = math.sqrt(float(spread[top] + spread[bottom]))
    z = normal_quantile(0.5 + level / 2)
    ratio = ratio_low = ratio_high = math.nan
    if means[bottom] > 0:
        ratio = float(means[bottom] / means[top])
        relative = spread[bottom] / means[bottom] ** 2 + spread[top] / means[top] ** 2
        reach = z * math.sqrt(float(relative))
        ratio_low, ratio_high = ratio * math.exp(-reach), ratio * math.exp(reach)
    return Gap(
        value=value,
        low=value - z * se,
        high=value + z * se,
        se=se,
        highest=top,
        lowest=bottom,
        ratio=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
    )


def equalized_odds(true_positive: Gap, false_positive: Gap) -> tuple[float, float]:
    """Return equalized odds difference and ratio: the worse one of the two rates.

    Source: ``equalized_odds_difference`` and ``equalized_odds_ratio`` in Fairlearn, with
    ``agg="worst_case"``; Hardt, Price, Srebro 2016. A rate that is zero in every group is equal
    in all: its ratio, NaN here and in Fairlearn, is left out.
    """
    ratios = [each.ratio for each in (true_positive, false_positive) if not math.isnan(each.ratio)]
    difference = max(true_positive.value, false_positive.value)
    return difference, min(ratios, default=math.nan)
