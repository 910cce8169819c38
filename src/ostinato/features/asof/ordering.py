"""Rows brought together by key, compiled: a hash table numbers keys, counting puts rows in order.

Time and memory grow with the rows alone, whether there are two keys or a million.
"""

# ruff: noqa: ANN001, ANN201 - compiled
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

ABSENT = -1
"""Number of a key that is not in the table."""


@njit(cache=True, nogil=True)
def number_keys(hashes, there, table, numbers, found):
    """Give each different hash a number from 0 in order of appearance; return how many there are.

    `table` (uint64) and `numbers` (int64, all `ABSENT`) have one power of two of places, at least
    two a row; `found` takes the number of each row.
    """
    mask = np.uint64(len(table) - 1)
    count = 0
    for row in range(len(hashes)):
        if not there[row]:
            found[row] = ABSENT
            continue
        slot = hashes[row] & mask
        while numbers[slot] != ABSENT and table[slot] != hashes[row]:
            slot = (slot + np.uint64(1)) & mask
        if numbers[slot] == ABSENT:
            table[slot] = hashes[row]
            numbers[slot] = count
            count += 1
        found[row] = numbers[slot]
    return count


@njit(cache=True, nogil=True)
def find_keys(first, last, hashes, table, numbers, found):
    """Look up the numbers of the hashes of some rows."""
    mask = np.uint64(len(table) - 1)
    for row in range(first, last):
        slot = hashes[row] & mask
        while numbers[slot] != ABSENT and table[slot] != hashes[row]:
            slot = (slot + np.uint64(1)) & mask
        found[row] = numbers[slot]


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
