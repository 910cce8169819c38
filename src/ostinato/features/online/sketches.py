# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202 - Numba finds the types of what it compiles
"""Different values and quantiles of the windows of one key: lists of many tiles made one.

The arguments are those of `numbers`.
"""

from __future__ import annotations

import math

import numpy as np

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import (
    BIAS,
    COUNT_BITS,
    EXACT_TO,
    FEATURE,
    GROUP_BITS,
    LEAST_WIDTH,
    QUANTILE,
    WINDOW,
)
from ostinato.features.online.numbers import first_of
from ostinato.features.online.rings import tile_at
from ostinato.stats.buckets import middle_of, rank_of

_GROUPS = (2 * BIAS) >> GROUP_BITS
_SIGN = np.uint64(1 << 63)
_LARGEST = 2**63 - 1


@kernel
def different(pool, ring, where, when, outputs, values, limit, room):
    """Count different values: exactly if they are few, else by how dense the smallest hashes are.

    `limit` is how many hashes tiles keep. `room` is (3, n) words to work in, n a power of two and
    at least 4 * limit: a set (places in the next row, from 1), what is in it, and a copy of that.
    """
    at, size, head, left, words = ring
    known, width, bound = 0, _clear(room[0], LEAST_WIDTH), _LARGEST
    for output in range(len(outputs)):
        first = first_of(when, outputs[output, WINDOW])
        while left > 0:
            tile = tile_at(at, size, head, words, left - 1)
            if pool[tile] < first:
                break
            for place in range(pool[tile + where], pool[tile + where] + pool[tile + where + 1]):
                if pool[place] > bound:
                    break  # as are all after it
                known = _put(room[0], room[1], width, known, pool[place])
                if known >= 2 * limit:
                    bound = nth_smallest(room[1], known, limit)
                    known = limit
                    _put_all(room[0], room[1], width, known)
                elif 2 * known > width:
                    width *= 2
                    _put_all(room[0], room[1], width, known)
            left -= 1
        exact_to, value = outputs[output, EXACT_TO], float(known)
        if known > exact_to:
            for member in range(known):
                room[2, member] = room[1, member]
            value = _estimate(exact_to, nth_smallest(room[2], known, exact_to))
        values[outputs[output, FEATURE]] = value


@kernel
def _clear(places, width):
    for place in range(width):
        places[place] = 0
    return width


@kernel
def _put(places, members, width, known, word):
    """Put a word into a set unless it is there; return how many are there then."""
    place = word & (width - 1)
    while places[place] > 0:
        if members[places[place] - 1] == word:
            return known
        place = (place + 1) & (width - 1)
    members[known] = word
    places[place] = known + 1
    return known + 1


@kernel
def _put_all(places, members, width, known):
    """Make the set of the first `known` members anew."""
    _clear(places, width)
    for member in range(known):
        _put(places, members, width, member, members[member])


@kernel
def nth_smallest(words, count, nth):
    """Return the `nth` smallest of the first `count` words, from 1, and put the smaller before it.

    Hoare's "Find" (1961), the middle of three as the pivot.
    """
    low, high, goal = 0, count - 1, nth - 1
    while low < high:
        one, two, three = words[low], words[(low + high) >> 1], words[high]
        pivot = max(min(one, two), min(max(one, two), three))
        i, j = low, high
        while i <= j:
            while words[i] < pivot:
                i += 1
            while words[j] > pivot:
                j -= 1
            if i <= j:
                words[i], words[j] = words[j], words[i]
                i += 1
                j -= 1
        if goal <= j:
            high = j
        elif goal >= i:
            low = i
        else:
            break
    return words[goal]


@kernel
def _estimate(exact_to, word):
    # Hashes are kept with their highest bit turned over, so that they sort as signed words.
    kth = np.float64(np.uint64(word) ^ _SIGN)
    return float(exact_to - 1) * 2.0**64 / max(kth, 1.0)


@kernel
def quantiles(pool, ring, where, when, outputs, numbers, values, counts):
    """Take quantiles of the counts of all buckets.

    `counts` is all zeros, before and after: first groups of buckets, then the buckets themselves.
    """
    at, size, head, left, words = ring
    groups = counts[:_GROUPS]
    buckets = counts[_GROUPS:]
    total = 0
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
    _forget(groups, buckets)


@kernel
def _count(pool, cell, groups, buckets):
    total, group, begun = 0, 0, 0
    for place in range(pool[cell], pool[cell] + pool[cell + 1]):
        bucket, number = pool[place] >> COUNT_BITS, pool[place] & ((1 << COUNT_BITS) - 1)
        if bucket >> GROUP_BITS != group:
            groups[group] += total - begun
            group, begun = bucket >> GROUP_BITS, total
        buckets[bucket] += number
        total += number
    groups[group] += total - begun
    return total


@kernel
def _forget(groups, buckets):
    for group in range(len(groups)):
        if groups[group] > 0:
            groups[group] = 0
            for bucket in range(group << GROUP_BITS, (group + 1) << GROUP_BITS):
                buckets[bucket] = 0


@kernel
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
