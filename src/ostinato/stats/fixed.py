"""Exact sums: numbers on a grid of 2^-64, added as 128-bit integers and rounded once at the end.

Sums of floats depend on their order, and what is added and taken off again leaves errors behind. On
the grid a sum is the same in whatever order events came, were merged or expired, to the last bit,
which is what lets two ways of computing a feature be compared for equality.

A number is (high, low): ``high + low / 2**64``, high an int64 (rounded down), low a uint64. Values
from 2^-11 up keep all their bits; smaller ones are cut at 2^-64, about 5e-20. Sums must stay below
2^63. Everything here is compiled by Numba and used by other compiled functions.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

LARGEST: Final = 2.0**44
"""Values are below it in size: 500,000 of them have room in a sum. Smaller: more values
would have to be scaled by users; larger: fewer fit into a sum."""

_GRID: Final = 2.0**64
_ZERO, _ONE = np.uint64(0), np.uint64(1)


@njit(cache=True)
def negate(high, low):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return the number with the other sign."""
    flipped = ~np.uint64(low) + _ONE
    return ~high + np.int64(flipped == _ZERO), flipped


@njit(cache=True)
def to_fixed(value):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Cut a float (finite, below `LARGEST` in size) to the grid, towards zero."""
    size = abs(value)
    whole = math.floor(size)
    high, low = np.int64(whole), np.uint64((size - whole) * _GRID)
    if value < 0.0:
        return negate(high, low)
    return high, low


@njit(cache=True)
def add(high, low, other_high, other_low):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return the sum of two numbers."""
    before, total = np.uint64(low), np.uint64(low) + np.uint64(other_low)
    return high + other_high + np.int64(total < before), total


@njit(cache=True)
def subtract(high, low, other_high, other_low):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return the difference of two numbers."""
    before, taken = np.uint64(low), np.uint64(other_low)
    return high - other_high - np.int64(before < taken), before - taken


@njit(cache=True)
def to_float(high, low):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return the nearest float, ties to even."""
    if high < 0:
        back_high, back_low = negate(high, low)
        return -_size(np.uint64(back_high), np.uint64(back_low))
    return _size(np.uint64(high), np.uint64(low))


@njit(cache=True)
def _size(high, low):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    if high == _ZERO:
        return np.float64(low) / _GRID
    shift = 0
    top = high
    for step in (32, 16, 8, 4, 2, 1):
        if top >> np.uint64(64 - step) == _ZERO:
            top = top << np.uint64(step)
            shift += step
    if shift > 0:
        top |= low >> np.uint64(64 - shift)
        rest = low << np.uint64(shift)
    else:
        rest = low
    if rest != _ZERO:
        top |= _ONE  # what is cut off still breaks ties
    return math.ldexp(np.float64(top), -shift)
