# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202 - Numba finds the types of what it compiles
"""Different values and quantiles of the windows of one key: lists of many tiles made one.

The arguments are those of `numbers`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ostinato.features.online.layout import (
    BIAS,
    COUNT_BITS,
    EXACT_TO,
    FEATURE,
    GROUP_BITS,
    QUANTILE,
    WINDOW,
)
from ostinato.features.online.numbers import first_of
from ostinato.features.online.rings import tile_at
from ostinato.stats.buckets import middle_of, rank_of

_GROUPS = (2 * BIAS) >> GROUP_BITS
_SIGN = np.uint64(1 << 63)


@njit(cache=True)
def different(pool, ring, where, when, outputs, values, limit, hashes):
    """Count different values: exactly if they are few, else by how dense the smallest hashes are.

    `limit` is how many are kept, `hashes` room to work in.
    """
    at, size, head, left, words = ring
    now, known = 0, 0  # which of the two rows of `hashes` holds the smallest so far, how many
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0:
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            count, begin = pool[tile + where + 1], pool[tile + where]
            if known < limit or (count > 0 and pool[begin] < hashes[now, known - 1]):
                more, into = pool[begin : begin + count], hashes[1 - now, :limit]
                known = _merge(hashes[now], known, more, into)
                now = 1 - now
            left -= 1
        exact_to, value = outputs[output, EXACT_TO], float(known)
        if known > exact_to:
            value = _estimate(exact_to, hashes[now, exact_to - 1])
        values[outputs[output, FEATURE]] = value


@njit(cache=True)
def _merge(one, known, other, into):
    """Merge two sorted lists of words, each word once, as far as there is room."""
    i, j, made = 0, 0, 0
    while made < len(into) and (i < known or j < len(other)):
        if j == len(other) or (i < known and one[i] <= other[j]):
            if j < len(other) and one[i] == other[j]:
                j += 1
            into[made] = one[i]
            i += 1
        else:
            into[made] = other[j]
            j += 1
        made += 1
    return made


@njit(cache=True)
def _estimate(exact_to, word):
    # Hashes are kept with their highest bit turned over, so that they sort as signed words.
    kth = np.float64(np.uint64(word) ^ _SIGN)
    return float(exact_to - 1) * 2.0**64 / max(kth, 1.0)


@njit(cache=True)
def quantiles(pool, ring, where, when, outputs, numbers, values, counts):
    """Take quantiles of the counts of all buckets.

    `counts` is all zeros, before and after: first groups of buckets, then the buckets themselves.
    """
    at, size, head, count, words = ring
    groups = counts[:_GROUPS]
    buckets = counts[_GROUPS:]
    left, total = count, 0
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0:
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            total += _count(pool, tile + where, groups, buckets)
            left -= 1
        value = math.nan
        if total > 0:
            bucket = _bucket_with(rank_of(numbers[output, QUANTILE], total), groups, buckets)
            value = middle_of(bucket - BIAS)
        values[outputs[output, FEATURE]] = value
    for index in range(left, count):
        _forget(pool, tile_at(at, size, head, words, index) + where, groups, buckets)


@njit(cache=True)
def _count(pool, cell, groups, buckets):
    total = 0
    for place in range(pool[cell], pool[cell] + pool[cell + 1]):
        bucket, number = pool[place] >> COUNT_BITS, pool[place] & ((1 << COUNT_BITS) - 1)
        groups[bucket >> GROUP_BITS] += number
        buckets[bucket] += number
        total += number
    return total


@njit(cache=True)
def _forget(pool, cell, groups, buckets):
    for place in range(pool[cell], pool[cell] + pool[cell + 1]):
        bucket = pool[place] >> COUNT_BITS
        groups[bucket >> GROUP_BITS] = 0
        buckets[bucket] = 0


@njit(cache=True)
def _bucket_with(rank, groups, buckets):
    """Return the bucket that holds the value of a rank, from 1."""
    group = 0
    while groups[group] < rank:
        rank -= groups[group]
        group += 1
    bucket = group << GROUP_BITS
    while buckets[bucket] < rank:
        rank -= buckets[bucket]
        bucket += 1
    return bucket
