"""Decayed means, compiled: sums by epoch of one half-life, the older the less they weigh."""

# ruff: noqa: ANN001, ANN201, ANN202 - compiled
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

from ostinato.stats.fixed import add, to_fixed, to_float

_EPOCHS = 64  # ostinato.features.declared.EPOCHS; a power of two, for places in the ring
_LAST = _EPOCHS - 1


@njit(cache=True, nogil=True)
def weigh(times, half_life, two, weights):
    """Write how much each event weighs within its epoch, from 1 up to 2.

    `two` is 2.0: a constant in its place would be compiled to another function (``exp2``) than the
    one that Python takes, which now and then differs in the last bit.
    """
    for event in range(len(times)):
        age = times[event] - times[event] // half_life * half_life
        weights[event] = two ** (np.float64(age) / np.float64(half_life))


@njit(cache=True, nogil=True)
def take_decayed(first, last, events, requests, values, column, weights, means):
    """Give each request the mean of what it sees, weighed by age."""
    times, avail, half_life = events.times, events.avail, requests.hop
    highs, lows = np.zeros((2, _EPOCHS), np.int64), np.zeros((2, _EPOCHS), np.uint64)
    sums = np.zeros((2, _EPOCHS))  # the same as floats: of values and of weights
    for key in range(first, last):
        added, end = events.starts[key], events.starts[key + 1]
        newest = np.iinfo(np.int64).min
        for request in range(requests.starts[key], requests.starts[key + 1]):
            now = requests.times[request]
            epoch = now // half_life
            for passed in range(max(newest + 1, epoch - _LAST), epoch + 1):
                slot = passed & _LAST
                highs[:, slot], lows[:, slot], sums[:, slot] = 0, 0, 0.0
            newest = epoch
            while added < end and avail[added] <= now:
                mine, value = times[added] // half_life, values[added, column]
                if mine > epoch - _EPOCHS and not np.isnan(value):
                    slot, weight = mine & _LAST, weights[added]
                    _add(highs, lows, sums, 0, slot, value * weight)
                    _add(highs, lows, sums, 1, slot, weight)
                added += 1
            means[request] = _mean(sums, epoch)


@njit(cache=True, nogil=True)
def _add(highs, lows, sums, part, slot, value):
    high, low = to_fixed(value)
    high, low = add(highs[part, slot], lows[part, slot], high, low)
    highs[part, slot], lows[part, slot] = high, low
    sums[part, slot] = to_float(high, low)


@njit(cache=True, nogil=True)
def _mean(sums, epoch):
    above = below = 0.0
    scale = 0.5**_LAST
    for back in range(_LAST, -1, -1):
        slot = (epoch - back) & _LAST
        above += sums[0, slot] * scale  # by a power of two: exact
        below += sums[1, slot] * scale
        scale *= 2.0
    return np.nan if below == 0.0 else above / below
