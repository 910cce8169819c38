"""Is a series flat? A straight line through it, with an interval for its slope."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

FLAT, GROWS, UNDECIDED = "flat", "grows", "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Growth an hour as a share of the level, with a 95 % interval.

    level: mean of the series, in its own unit.
    """

    level: float
    growth: float
    low: float
    high: float

    def verdict(self, tolerance: float) -> str:
        """Tell `flat` if even the upper end is within the tolerance, `grows` if the lower is not.

        In between the series is too short or too noisy to tell.
        """
        if self.high <= tolerance:
            return FLAT
        return GROWS if self.low > tolerance else UNDECIDED


def trend(minutes: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit a line by least squares.

    Neighbouring minutes are alike, which makes the usual interval too narrow: it is widened by what
    an autoregression of order one with the residuals' correlation asks for (negative ones count
    as none).
    """
    x, y = np.asarray(minutes, dtype=float) / 60.0, np.asarray(values, dtype=float)
    level = float(y.mean())
    if len(y) < 4:
        return Trend(level=level, growth=math.nan, low=-math.inf, high=math.inf)
    if not y.std():
        return Trend(level=level, growth=0.0, low=0.0, high=0.0)
    fit = stats.linregress(x, y)
    residuals = y - fit.intercept - fit.slope * x
    alike = float(residuals[1:] @ residuals[:-1]) / max(float(residuals @ residuals), 1e-300)
    alike = min(max(alike, 0.0), 0.95)
    error = float(fit.stderr) * math.sqrt((1.0 + alike) / (1.0 - alike))
    half = float(stats.t.ppf(0.975, len(y) - 2)) * error
    slope = float(fit.slope)
    return Trend(
        level=level,
        growth=slope / level,
        low=(slope - half) / level,
        high=(slope + half) / level,
    )
