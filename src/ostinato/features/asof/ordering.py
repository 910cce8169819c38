"""Rows brought together by key, compiled: a hash table numbers keys, counting puts rows in order.

Time and memory grow with the rows alone, whether there are two keys or a million.
"""

# ruff: noqa: ANN001, ANN201, ANN202 - compiled
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

ABSENT = -1
"""Number of a key that is not in the table."""

_ROOM = 1024  # places of a table at first, a power of two; grows
_HASH, _NUMBER = 0, 1  # a place holds both, beside each other in memory; number 0: it is free
_FREE, _ONE = np.uint64(0), np.uint64(1)


@njit(cache=True, nogil=True)
def number_keys(hashes, there, found):
    """Give each different hash a number from 0 in order of appearance.

    `found` takes the number of each row, `ABSENT` where there is no key. Returns the table, and how
    many keys there are.
    """
    table = np.zeros((_ROOM, 2), np.uint64)
    count = 0
    for row in range(len(hashes)):
        if not there[row]:
            found[row] = ABSENT
            continue
        slot = _slot(table, hashes[row])
        if table[slot, _NUMBER] == _FREE:
            count += 1
            table[slot, _HASH], table[slot, _NUMBER] = hashes[row], count
            found[row] = count - 1
            if 2 * count > len(table):
                table = _grown(table)
        else:
            found[row] = np.int64(table[slot, _NUMBER] - _ONE)
    return table, count


@njit(cache=True, nogil=True)
def find_keys(first, last, hashes, table, found):
    """Look up the numbers of the hashes of some rows."""
    for row in range(first, last):
        found[row] = np.int64(table[_slot(table, hashes[row]), _NUMBER]) - 1


@njit(cache=True, nogil=True)
def _slot(table, key):
    """Return the place where a hash is, or would be."""
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot, _NUMBER] != _FREE and table[slot, _HASH] != key:
        slot = (slot + _ONE) & mask
    return slot


@njit(cache=True, nogil=True)
def _grown(table):
    wider = np.zeros((4 * len(table), 2), np.uint64)
    for slot in range(len(table)):
        if table[slot, _NUMBER] != _FREE:
            place = _slot(wider, table[slot, _HASH])
            wider[place, _HASH], wider[place, _NUMBER] = table[slot, _HASH], table[slot, _NUMBER]
    return wider


@njit(cache=True, nogil=True)
def count_keys(numbers, count):
    """Return where the rows of each key begin once they are in order, and their end."""
    starts = np.zeros(count + 1, dtype=np.int64)
    for row in range(len(numbers)):
        if numbers[row] != ABSENT:
            starts[numbers[row] + 1] += 1
    for key in range(count):
        starts[key + 1] += starts[key]
    return starts


@njit(cache=True, nogil=True)
def place_rows(numbers, starts):
    """Return the rows that have a key, in order of key, of one key as they came."""
    free = starts.copy()
    rows = np.empty(starts[-1], dtype=np.int64)
    for row in range(len(numbers)):
        key = numbers[row]
        if key != ABSENT:
            rows[free[key]] = row
            free[key] += 1
    return rows


@njit(cache=True, nogil=True)
def order_by_time(first, last, starts, times, by_time):
    """Write the places of the events of some keys in order of time, key by key."""
    for key in range(first, last):
        begin, end = starts[key], starts[key + 1]
        ascending = True
        for event in range(begin, end):
            by_time[event] = event
            if event > begin and times[event] < times[event - 1]:
                ascending = False
        if not ascending:
            by_time[begin:end] = begin + np.argsort(times[begin:end], kind="mergesort")
