"""The lag that explains best: on a grid, on round times about its best point, then in between.

The search follows how near values come to those served, which rises up to the true lag and falls
after it. The share that is explained is zero but close to the true lag where events are dense.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.units import NS_PER_UNIT
from ostinato.features.parity.differ import floats
from ostinato.features.parity.sample import TIE, Fit, Sample
from ostinato.stats.arrays import FloatArray

_S, _M, _H, _D = (NS_PER_UNIT[unit] for unit in "smhd")

GRID: Final = (_S, 10 * _S, _M, 5 * _M, _H, 6 * _H, _D, 7 * _D)
"""Lags that are tried first. Wider steps can miss a short lag of a sparse source."""

ROUND: Final = tuple(
    [n * _S for n in (1, 2, 3, 5, 10, 15, 20, 30, 45)]
    + [n * _M for n in (1, 2, 3, 5, 10, 15, 20, 30, 45)]
    + [n * _H for n in (1, 2, 3, 4, 5, 6, 8, 10, 12, 18)]
    + [n * _D for n in (1, 2, 3, 4, 5, 6, 7)]
)
"""Lags that people set. Named where nothing in between explains more by `TIE`."""

_HALVINGS: Final = 12  # of the logarithm of the bracket: to about one part in four thousand


@dataclass(slots=True)
class LagSearch:
    """Looks for the lag whose values come nearest to those served.

    Parameters
    ----------
    sample
        rows to explain.
    values_at
        (n,) values under a lag in nanoseconds, > 0; None where that cannot be done.
    known
        fit and nearness, in [0, 1], of each lag that was tried.
    """

    sample: Sample
    values_at: Callable[[int], pl.Series | FloatArray | None]
    known: dict[int, tuple[Fit, float]] = field(default_factory=dict)

    def best(self) -> int | None:
        """Return the lag that explains best; None where none comes nearer than no lag at all."""
        at = max(range(len(GRID)), key=lambda place: self._near(GRID[place]))
        if self._near(GRID[at]) <= 0.0:
            return None
        low, high = GRID[max(at - 1, 0)], GRID[min(at + 1, len(GRID) - 1)]
        inside = [by for by in ROUND if low <= by <= high]
        round_one = max(inside, key=self._near)
        if self._weight(round_one) > 0.0 and self.known[round_one][0].share == 1.0:
            return round_one
        below = max((by for by in inside if by < round_one), default=round_one)
        above = min((by for by in inside if by > round_one), default=round_one)
        finer = self._between(below, round_one, above)
        return finer if self._weight(finer) > self._weight(round_one) + TIE else round_one

    def _between(self, low: int, best: int, high: int) -> int:
        for _ in range(_HALVINGS):
            left, right = round(math.sqrt(low * best)), round(math.sqrt(best * high))
            top = max((best, left, right), key=self._near)
            if top == left:
                best, high = left, best
            elif top == right:
                low, best = best, right
            else:
                low, high = left, right
        return best

    def _weight(self, by: int) -> float:
        return self.known[by][0].weight if by in self.known else 0.0

    def _near(self, by: int) -> float:
        if by not in self.known:
            values = self.values_at(by)
            if values is None:
                return 0.0
            held = values if isinstance(values, pl.Series) else pl.Series(values)
            fit = self.sample.fit(held)
            self.known[by] = fit, max(fit.share, nearness(self.sample, held))
        return self.known[by][1]


def nearness(sample: Sample, values: pl.Series) -> float:
    """Say how much nearer values come to those served than the recomputed ones do, in [0, 1].

    The mean, over the numbers that differ, of 1 - |served - value| / |served - recomputed|, at
    least 0; so that a few rows that are far off for another reason do not matter.
    """
    if not sample.measure.numeric:
        return 0.0
    served, recomputed, tried = (
        floats(each)[sample.wrong] for each in (sample.served, sample.recomputed, values)
    )
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        apart = np.abs(served - recomputed)
        near = 1.0 - np.abs(served - tried) / apart
    near = near[np.isfinite(apart) & (apart > 0.0)]
    return float(np.nan_to_num(near, nan=0.0).clip(0.0, 1.0).mean()) if near.size else 0.0
