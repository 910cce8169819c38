"""A small shop: events of twenty customers, requests, and windowed sums that can go wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from ostinato.features.parity import (
    Keyed,
    Late,
    Refreshed,
    Shifted,
    Stale,
    Subset,
    Version,
)

MINUTE = 60_000_000_000
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE


@dataclass
class Shop:
    """Sums of a day's purchases by customer, at 400 moments."""

    window_ns: int = DAY

    def __post_init__(self):
        rng = np.random.default_rng(7)
        keys = np.sort(rng.integers(0, 20, 12_000))
        self.event_times = rng.integers(0, 10 * DAY, 12_000)
        self.known = self.event_times + rng.integers(0, 20 * MINUTE, 12_000)
        self.amounts = rng.lognormal(3.0, 1.0, 12_000).round(2)
        self.part = rng.integers(0, 4, 12_000)
        self.begins = np.searchsorted(keys, np.arange(21))
        self.times = np.sort(rng.integers(3 * DAY, 10 * DAY, 400))
        self.keys = rng.integers(0, 20, 400)
        self.asked: list = []

    def values(self, variant=None):
        self.asked.append(variant)
        times, keys, window, late, shift = self.times, self.keys, self.window_ns, 0, 0
        there = np.ones(12_000, dtype=bool)
        match variant:
            case Late():
                late = variant.by_ns
            case Shifted():
                shift = variant.by_ns
            case Stale():
                times = times - variant.by_ns
            case Refreshed():
                times = times // variant.every_ns * variant.every_ns
            case Version("v1"):
                window = 2 * window
            case Keyed("partner"):
                keys = (keys + 1) % 20
            case Subset("shop 3"):
                there = self.part != 3
            case None:
                pass
            case _:
                return None
        happened = self.event_times + shift
        seen = np.maximum(self.known + late, happened)
        sums = np.zeros(len(times))
        for key in range(20):
            rows = np.flatnonzero(keys == key)
            events = slice(self.begins[key], self.begins[key + 1])
            at = times[rows, None]
            visible = (seen[events] <= at) & (happened[events] > at - window) & there[events]
            sums[rows] = visible @ self.amounts[events]
        return sums

    def served(self, values, share=1.0, seed=1):
        """Replace a share of the true values by others."""
        hit = np.random.default_rng(seed).random(len(self.times)) < share
        return pl.Series(np.where(hit, values, self.values()))

    @property
    def truth(self):
        return pl.Series(self.values())


@pytest.fixture(scope="module")
def shop():
    return Shop()
