"""A made-up shop: events by entity, requests, windowed features, and what can go wrong with them.

Everything is plain NumPy and knows nothing of Ostinato's own ways to compute features.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ostinato.features.parity import (
    Keyed,
    Late,
    Refreshed,
    Shifted,
    Stale,
    Subset,
    Version,
)

S = 1_000_000_000
M, H, D = 60 * S, 3600 * S, 86400 * S

WINDOWS = {"mean": 2 * D, "count": 7 * D, "sum": 3 * D}


@dataclass
class World:
    """Events of 300 entities over 30 days, and requests for them from day 8 on."""

    seed: int
    entities: int = 300
    per_day: float = 24.0
    days: int = 30
    rng: np.random.Generator = field(init=False)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        n = int(self.entities * self.per_day * self.days)
        rates = self.rng.gamma(2.0, 0.5, self.entities)
        keys = self.rng.choice(self.entities, n, p=rates / rates.sum())
        times = self.rng.integers(0, self.days * D, n)
        order = np.lexsort((times, keys))
        self.keys, self.times = keys[order], times[order]
        self.known = self.times + self.rng.exponential(20.0 * S, n).astype(np.int64)
        level = self.rng.gamma(4.0, 10.0, self.entities)
        self.values = np.round(level[self.keys] * self.rng.lognormal(0.0, 0.4, n), 2)
        self.part = self.rng.integers(0, 4, n)  # partition of the source
        # One sorted axis for all: entity * span + time.
        self.axis = self.keys * (4 * self.days * D) + self.times + self.days * D

    def requests(self, n, rng):
        """Draw (entity, other entity, time) of n requests, in order of time."""
        times = np.sort(rng.integers(8 * D, self.days * D, n))
        keys = rng.integers(0, self.entities, n)
        others = (keys + rng.integers(1, self.entities, n)) % self.entities
        return keys, others, times

    def values_at(self, feature, keys, others, times, variant=None):
        """Values of a feature, (n,), NaN where there is no event, under a variant."""
        asked, window, late, shift = times, WINDOWS[feature], 0, 0
        match variant:
            case Late(by):
                late = by
            case Stale(by):
                asked = times - by
            case Refreshed(every):
                asked = times // every * every
            case Shifted(by):
                shift = by
            case Version("before"):
                window //= 2
            case Keyed("other"):
                keys = others
            case None | Subset():
                pass
            case _:
                return None
        span = 4 * self.days * D
        base = keys * span + self.days * D
        low = np.searchsorted(self.axis, base + asked - window - shift, side="right")
        high = np.searchsorted(self.axis, base + asked - shift, side="right")
        counts = np.maximum(high - low, 0)
        rows = np.repeat(np.arange(len(keys)), counts)
        at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[rows]
        event = self.times[at] + shift
        # `known` stays where it is when clocks differ; a source cannot be ahead of its events.
        seen = np.maximum(self.known[at] + late, event) <= asked[rows]
        if isinstance(variant, Subset):
            seen &= self.part[at] != 3
        n = np.bincount(rows[seen], minlength=len(keys)).astype(float)
        total = np.round(np.bincount(rows[seen], self.values[at][seen], len(keys)), 6)
        if feature == "count":
            return n
        if feature == "sum":
            return total
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / n


COMPUTED = {
    "late 10 min": (Late(10 * M), "lag", 10 * M),
    "late 1 h": (Late(H), "lag", H),
    "late 24 h": (Late(D), "lag", D),
    "other version": (Version("before"), "version", "before"),
    "time zone +5 h": (Shifted(5 * H), "time zone", 5 * H),
    "time zone -3.5 h": (Shifted(-7 * H // 2), "time zone", -7 * H // 2),
    "wrong key": (Keyed("other"), "wrong key", "other"),
    "stale 24 h": (Stale(D), "lag", D),
    "renewed daily": (Refreshed(D), "lag", D),
    "missing partition": (Subset("partition 3"), "missing rows", "partition 3"),
}
"""Faults of the computation: how values are computed, and what the cause must be called."""


def permuted(truth, hit):
    """Give each row that is hit the value of the next one that is."""
    served, rows = truth.copy(), np.flatnonzero(hit)
    served[rows] = truth[np.roll(rows, 1)]
    return served


def noise(truth, hit):
    """What no cause explains: must not be named."""
    return truth * np.random.default_rng(len(truth)).uniform(0.3, 1.7, len(truth))


VALUES = {
    "default 0": (lambda x, hit: np.zeros_like(x), "default", 0.0),
    "default missing": (lambda x, hit: np.full_like(x, np.nan), "default", None),
    "unit 60": (lambda x, hit: 60.0 * x, "unit", 60.0),
    "unit miles": (lambda x, hit: x / 1.609344, "unit", 1.0 / 1.609344),
    "unit Fahrenheit": (lambda x, hit: 1.8 * x + 32.0, "unit", 1.8),
    "rows permuted": (permuted, "wrong key", "values of other rows"),
    "32-bit floats": (lambda x, hit: x.astype(np.float32) * 1.0, "rounding", "floats of 32 bits"),
    "one decimal": (lambda x, hit: np.round(x, 1), "rounding", "1 decimals"),
    "noise": (noise, "unknown", None),
}
"""Faults of the value, which change it after it was computed."""

FAULTS = (*COMPUTED, *VALUES)

ISSUE = {
    "late source": ("late 10 min", "late 1 h", "late 24 h"),
    "other version": ("other version",),
    "default": ("default 0", "default missing"),
    "unit": ("unit 60", "unit miles", "unit Fahrenheit"),
    "time zone": ("time zone +5 h", "time zone -3.5 h"),
    "wrong key": ("wrong key", "rows permuted"),
}
"""The six causes that must be named, and the faults that stand for them."""


def features_of(fault):
    """Features on which a fault shows: counts have no digits to lose."""
    return ("mean", "sum") if fault in {"32-bit floats", "one decimal"} else tuple(WINDOWS)


def faulty(world, fault, feature, keys, others, times, truth, hit):
    """Values as the fault serves them, (n,); those of rows that are not `hit` are of no use."""
    if fault in COMPUTED:
        return world.values_at(feature, keys, others, times, COMPUTED[fault][0])
    return VALUES[fault][0](truth, hit)


def is_right(fault, cause):
    """Whether a cause is the fault: its kind, and its parameter to a hundredth."""
    _, kind, parameter = COMPUTED.get(fault) or VALUES[fault]
    if cause.kind != kind or kind == "unknown":
        return cause.kind == kind
    if isinstance(parameter, int | float) and isinstance(cause.parameter, int | float):
        return bool(abs(cause.parameter - parameter) <= 0.01 * abs(parameter))
    return cause.parameter == parameter
