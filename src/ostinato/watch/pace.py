"""How many requests come, and how long none does, against the hours and weekdays of a reference.

In: rows and the longest silence of short windows. Out: both as multiples of what is usual then.
State: the figures of short windows; bounded by whoever keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.core.units import DAY_NS

FEWEST: Final = 5.0
"""Rows that a window must have on average for its volume to be told. Fewer: silence is usual."""

WEEKS: Final = 2
"""Times that a reference must have seen each weekday for weekdays to count. Fewer: a holiday would
be a season."""

_EULER: Final = 0.5772156649015329


@dataclass(slots=True)
class Pace:
    """Requests of a window so far: how many, the first and last, and the longest time between."""

    rows: int
    first_ns: int
    last_ns: int
    silence_ns: int

    def add(self, rows: int, first_ns: int, last_ns: int, silence_ns: int) -> None:
        """Add requests that come after those before."""
        between = max(first_ns - self.last_ns, 0)
        self.silence_ns = max(self.silence_ns, silence_ns, between)
        self.rows += rows
        self.first_ns, self.last_ns = min(self.first_ns, first_ns), max(self.last_ns, last_ns)

    def silence(self, from_ns: int, to_ns: int) -> int:
        """Return the longest silence of a window, its ends included."""
        return max(self.silence_ns, self.first_ns - from_ns, to_ns - self.last_ns)


@dataclass(slots=True)
class Usual:
    """Rows that a short window usually has: by its place in the day, and by weekday.

    Parameters
    ----------
    width_ns
        Width of the windows.
    slots
        (windows of a day,), mean rows of each; one where windows are a day or longer.
    days
        (7,), rows of a weekday over those of the mean day.
    """

    width_ns: int
    slots: Floats = field(default_factory=lambda: np.zeros(0))
    days: Floats = field(default_factory=lambda: np.ones(7))

    @classmethod
    def learn(cls, width_ns: int, rows: Mapping[int, int], starts: Iterable[int]) -> Usual:
        """Learn from windows, by start; those without rows count.

        Parameters
        ----------
        width_ns
            Width of a window.
        rows
            Rows by start; windows without rows may be absent.
        starts
            Of all windows.
        """
        times = np.array(sorted(starts), dtype=np.int64)
        if not len(times):
            return cls(width_ns=width_ns)
        found = np.array([rows.get(start, 0) for start in times.tolist()], dtype=np.float64)
        count = max(DAY_NS // width_ns, 1) if DAY_NS % width_ns == 0 else 1
        place, weekday = times % DAY_NS // width_ns % count, times // DAY_NS % 7
        slots = _means(place, found, count)
        days = np.ones(7)
        if width_ns <= DAY_NS and _seen(times, weekday) >= WEEKS:
            usual = _means(weekday, slots[place], 7)
            days = _means(weekday, found, 7) / np.where(usual > 0.0, usual, 1.0)
        return cls(width_ns=width_ns, slots=slots, days=days)

    def rows(self, start_ns: int) -> float:
        """Return how many rows the window that begins then usually has; 0: not known."""
        if not len(self.slots):
            return 0.0
        place = start_ns % DAY_NS // self.width_ns % len(self.slots)
        return float(self.slots[place] * self.days[start_ns // DAY_NS % 7])

    def silence_ns(self, start_ns: int) -> float:
        """Return how long a silence the window that begins then usually has.

        Source: the longest of n exponential gaps is (log n + Euler's constant) means on average
        (Gumbel 1958).
        """
        rows = max(self.rows(start_ns), 1.0)
        return self.width_ns / rows * (math.log(rows) + _EULER)


def _means(place: np.ndarray, values: Floats, count: int) -> Floats:
    sums = np.bincount(place, weights=values, minlength=count)
    means: Floats = sums / np.maximum(np.bincount(place, minlength=count), 1)
    return means


def _seen(times: np.ndarray, weekday: np.ndarray) -> int:
    """Return on how many days the weekday that was seen least was seen."""
    days = np.unique(times // DAY_NS)
    return int(np.bincount(days % 7, minlength=7).min()) if len(weekday) else 0
