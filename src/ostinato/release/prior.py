"""What the recent validation set said of a pair: the scale and the bets of its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS

BURN_IN: Final = 100
"""Rows that set the scale and the bets before any evidence is counted, unless the gates saw as
many. Fewer makes both a guess; more delays every verdict."""

LEAST_DAYS: Final = 3
"""Days that say how much one day differs from the next. From fewer it is a guess; more are only
there with a longer `Policy(holdout=...)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is known of a pair before its first row counts.

    `base` and `variance` are the mean and the variance of the champion's losses, `largest` and
    `moment` the largest and the mean squared difference of their losses; `day_variance` is the
    variance of a day's mean difference, None when there are fewer than `LEAST_DAYS`.
    """

    base: float
    variance: float
    largest: float
    moment: float
    day_variance: float | None = None

    @classmethod
    def of(cls, champion: Floats, candidate: Floats, times_ns: Ints | None = None) -> Prior | None:
        """Sum up paired losses, (n,) each; nothing when there are too few."""
        both = np.isfinite(champion) & np.isfinite(candidate)
        if both.sum() < BURN_IN:
            return None
        differences = champion[both] - candidate[both]
        days = np.zeros(0) if times_ns is None else _day_means(times_ns[both], differences)
        return cls(
            base=float(champion[both].mean()),
            variance=float(champion[both].var()),
            largest=float(np.abs(differences).max()),
            moment=float((differences**2).mean()),
            day_variance=float(days.var(ddof=1)) if len(days) >= LEAST_DAYS else None,
        )


def _day_means(times_ns: Ints, differences: Floats) -> Floats:
    """Return the mean difference of each day; a day with few rows for its kind says little."""
    _, day, counts = np.unique(times_ns // DAY_NS, return_inverse=True, return_counts=True)
    means: Floats = np.bincount(day, weights=differences) / counts
    whole: Floats = means[2 * counts >= np.median(counts)]
    return whole
