"""Quantiles and different values of a moving window, compiled.

Both ask for the n-th smallest of what is in the window. A tree of counts, 64 children a node, gives
it in a few short scans, and an event costs an addition a level.
"""

# ruff: noqa: ANN001, ANN201, ANN202 - compiled
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

from ostinato.stats.buckets import bucket_of, middle_of, rank_of

_BITS = 6
_FAN = 1 << _BITS
_MIDDLE = 1 << 17  # leaf of bucket 0: buckets of numbers below 2^44 are less than 69,000 off
BUCKETS = 2 * _MIDDLE
"""Leaves of a tree of buckets."""

_GRID = 2.0**64


@njit(cache=True, nogil=True)
def bucket_leaves(values, column, leaves):
    """Write the leaf of the bucket of each value of a column; -1 where it is missing."""
    for event in range(len(values)):
        value = values[event, column]
        leaves[event] = -1 if np.isnan(value) else bucket_of(value) + _MIDDLE


@njit(cache=True, nogil=True)
def take_quantiles(first, last, events, requests, leaves, quantiles, found):
    """Give each request the quantiles of the values it sees: a row of `found` for each."""
    times, avail, by_time = events.times, events.avail, events.by_time
    offsets = _offsets(BUCKETS)
    tree = np.zeros(offsets[-1], np.int32)
    for key in range(first, last):
        added = dropped = events.starts[key]
        end = events.starts[key + 1]
        count = 0
        for request in range(requests.starts[key], requests.starts[key + 1]):
            edge, now = requests.edges[request], requests.times[request]
            while dropped < end and times[by_time[dropped]] < edge:
                event = by_time[dropped]
                if event < added:
                    count += _count(tree, offsets, leaves[event], -1)
                dropped += 1
            while added < end and avail[added] <= now:
                if times[added] >= edge:
                    count += _count(tree, offsets, leaves[added], 1)
                added += 1
            for each in range(len(quantiles)):
                found[each, request] = _quantile(tree, offsets, quantiles[each], count)
        for place in range(dropped, end):  # leave the tree empty for the next key
            if by_time[place] < added:
                _count(tree, offsets, leaves[by_time[place]], -1)


@njit(cache=True, nogil=True)
def _quantile(tree, offsets, quantile, count):
    if count == 0:
        return np.nan
    return middle_of(_find(tree, offsets, rank_of(quantile, count)) - _MIDDLE)


@njit(cache=True, nogil=True)
def count_distinct(first, last, events, requests, leaves, unique, exact_to, found):
    """Tell each request how many different values it sees.

    `unique` are all hashes in order, `leaves` the place of each event's among them (-1: missing).
    """
    times, avail, by_time = events.times, events.avail, events.by_time
    offsets = _offsets(len(unique))
    tree = np.zeros(offsets[-1], np.int32)
    often = np.zeros(len(unique), np.int32)
    for key in range(first, last):
        added = dropped = events.starts[key]
        end = events.starts[key + 1]
        ranked = end - dropped > exact_to  # else it never comes to the n-th smallest
        count = 0
        for request in range(requests.starts[key], requests.starts[key + 1]):
            edge, now = requests.edges[request], requests.times[request]
            while dropped < end and times[by_time[dropped]] < edge:
                event = by_time[dropped]
                if event < added:
                    count += _see(tree, offsets, often, ranked, leaves[event], -1)
                dropped += 1
            while added < end and avail[added] <= now:
                if times[added] >= edge:
                    count += _see(tree, offsets, often, ranked, leaves[added], 1)
                added += 1
            found[request] = count
            if count > exact_to:
                largest = max(unique[_find(tree, offsets, exact_to)], np.uint64(1))
                found[request] = np.float64(exact_to - 1) * _GRID / np.float64(largest)
        for place in range(dropped, end):  # leave all empty for the next key
            if by_time[place] < added:
                _see(tree, offsets, often, ranked, leaves[by_time[place]], -1)


@njit(cache=True, nogil=True)
def _see(tree, offsets, often, ranked, leaf, change):
    """Add or take off one event; return by how much the number of different values changes."""
    if leaf < 0:
        return 0
    often[leaf] += change
    if often[leaf] != (change > 0):  # there was one before, or is one still
        return 0
    return _count(tree, offsets, leaf, change) if ranked else change


@njit(cache=True, nogil=True)
def _offsets(leaves):
    """Return where the levels of a tree begin in its array, leaves first, and where it ends."""
    offsets = np.zeros(12, np.int64)
    levels, nodes = 0, max(leaves, 1)
    while True:
        blocks = (nodes + _FAN - 1) >> _BITS
        offsets[levels + 1] = offsets[levels] + (blocks << _BITS)
        levels += 1
        if blocks == 1:
            return offsets[: levels + 1].copy()
        nodes = blocks


@njit(cache=True, nogil=True)
def _count(tree, offsets, leaf, change):
    """Add to a leaf and all above it; return what was added: nothing where the leaf is missing."""
    if leaf < 0:
        return 0
    place = np.int64(leaf)
    for level in range(len(offsets) - 1):
        tree[offsets[level] + place] += change
        place >>= _BITS
    return change


@njit(cache=True, nogil=True)
def _find(tree, offsets, rank):
    """Return the leaf that holds the thing of a rank, from 1."""
    place = np.int64(0)
    for level in range(len(offsets) - 2, -1, -1):
        node = offsets[level] + (place << _BITS)
        while tree[node] < rank:
            rank -= tree[node]
            node += 1
        place = node - offsets[level]
    return place
