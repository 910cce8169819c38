# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201 - Numba finds the types of what it compiles
"""Counts, sums, extremes, newest values and decayed means of the windows of one key.

All take a ring (`look`), where in a tile the cell is, the (time, hop) of the request, and the
cell's outputs in order of their windows; they fill `values`.
"""

from __future__ import annotations

import math

import numpy as np

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import (
    AS_COUNT,
    AS_MEAN,
    AS_RATE,
    FACTOR,
    FEATURE,
    SPAN,
    WHAT,
    WINDOW,
)
from ostinato.features.online.rings import tile_at
from ostinato.stats.fixed import add, to_float

EPOCHS = 64
"""Half-lives that a decayed mean looks back, as `ostinato.features.declared.EPOCHS`."""

_INFINITY = float("inf")
_NEVER = -(2**63)


@kernel
def first_of(when, window):
    """Return the first tile time of a window."""
    time, hop = when
    return (time - window) // hop


@kernel
def numbers_of_events(pool, ring, where, when, outputs, numbers, values):
    """Count events or values, as they are or per span of time."""
    at, size, head, left, words = ring
    total = 0
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0:
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            total += pool[tile + where]
            left -= 1
        value = float(total)
        if outputs[output, WHAT] == AS_RATE:
            value = value * numbers[output, FACTOR] / numbers[output, SPAN]
        values[outputs[output, FEATURE]] = value


@kernel
def sums(pool, ring, where, when, outputs, values):
    """Count values, sum them up, or average them."""
    at, size, head, left, words = ring
    total, high, low = 0, np.int64(0), np.uint64(0)
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0:
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            total += pool[tile + where]
            high, low = add(high, low, pool[tile + where + 1], pool[tile + where + 2])
            left -= 1
        what, value = outputs[output, WHAT], float(total)
        if what != AS_COUNT:
            value = to_float(high, low)
            if what == AS_MEAN:
                value = value / total if total > 0 else math.nan
        values[outputs[output, FEATURE]] = value


@kernel
def extremes(pool, floats, ring, where, when, outputs, values, sign):
    """Take the smallest value (sign 1) or the largest (sign -1)."""
    at, size, head, left, words = ring
    least = _INFINITY
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0:
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            least = min(least, sign * floats[tile + where])
            left -= 1
        # The largest of zeros shall be 0.0 as well, not -0.0.
        values[outputs[output, FEATURE]] = math.nan if least == _INFINITY else sign * least + 0.0


@kernel
def latest(pool, floats, ring, where, when, outputs, values):
    """Take the newest value: the first that is met on the way back."""
    at, size, head, left, words = ring
    value = math.nan
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0 and math.isnan(value):
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            if pool[tile + where] != _NEVER:
                value = floats[tile + where + 2]
            left -= 1
        values[outputs[output, FEATURE]] = value


@kernel
def decayed(pool, ring, where, when, outputs, values):
    """Average values by their weights: each epoch's weigh half as much as the next one's."""
    at, size, head, count, words = ring
    time, hop = when
    now = time // hop
    weighted, weights = 0.0, 0.0
    for index in range(count):
        tile = tile_at(at, size, head, words, index)
        age = now - pool[tile]
        if age < EPOCHS:
            cell = tile + where
            weighted += math.ldexp(to_float(pool[cell], np.uint64(pool[cell + 1])), -age)
            weights += math.ldexp(to_float(pool[cell + 2], np.uint64(pool[cell + 3])), -age)
    value = math.nan if weights == 0.0 else weighted / weights
    for output in range(len(outputs)):
        values[outputs[output, FEATURE]] = value
