"""Buckets for quantiles: a float's own bits say which one it falls into.

The exponent and the first `MANTISSA_BITS` bits of the mantissa are the bucket, so that buckets are
1/64 wide relative to their values and no logarithm is taken, which would round differently from one
library to another. The idea is that of HdrHistogram and of DDSketch with interpolated mapping
(Masson, Rim, Lee 2019, "DDSketch", section 4). Counts of buckets can be added and taken off again.

Compiled by Numba and used by other compiled functions.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

MANTISSA_BITS: Final = 6
_SHIFT: Final = 52 - MANTISSA_BITS
_SLACK: Final = 1e-9  # 0.7 * 10 is 7.000000000000001


@njit(cache=True)
def bucket_of(value):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return the bucket of a finite float as int64: larger values never have smaller buckets."""
    if value == 0.0:
        return np.int64(0)
    bits = np.float64(abs(value)).view(np.int64) >> _SHIFT
    return bits if value > 0.0 else -bits


@njit(cache=True)
def middle_of(bucket):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return the middle of a bucket: at most 1/128 off from any value in it."""
    if bucket == 0:
        return 0.0
    size = abs(np.int64(bucket))
    lower = np.int64(size << _SHIFT).view(np.float64)
    upper = np.int64((size + 1) << _SHIFT).view(np.float64)
    middle = (lower + upper) / 2.0
    return middle if bucket > 0 else -middle


@njit(cache=True)
def rank_of(quantile, count):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - compiled
    """Return which of `count` sorted values is the quantile, from 1."""
    return min(max(np.int64(math.ceil(quantile * count - _SLACK)), 1), count)
