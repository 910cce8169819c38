# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201 - Numba finds the types of what it compiles
"""Room in the pool, and sorted lists of words in it.

Blocks are of 2^c units; those given back wait in lists, one a size, and are given out again. What
is compiled here never makes the pool larger: `has_room` says beforehand whether a record fits.

A sorted list belongs to a cell of two words: where it lies, and how many words it has; it has room
for the next power of two of them.
"""

from __future__ import annotations

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import USED


@kernel
def allocate(pool, free, counters, row, size, words):
    """Return where a block of `words` begins; `row`, `size`: which list of free ones it has."""
    at = free[row, size]
    if at >= 0:
        free[row, size] = pool[at]
        return at
    at = counters[USED]
    counters[USED] = at + words
    return at


@kernel
def give_back(pool, free, row, size, at):
    """Put a block on the list of free ones."""
    pool[at] = free[row, size]
    free[row, size] = at


@kernel
def size_of(count):
    """Return the least size with room for `count` units, from 1."""
    size = 0
    while (1 << size) < count:
        size += 1
    return size


@kernel
def place_in(pool, at, count, word, shift):
    """Return how many of the sorted words are below `word`, all shifted to the right."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if (pool[at + middle] >> shift) < word:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def put_word(pool, free, counters, largest, cell, place, word):
    """Put a word into the list of a cell at its place, and make room before."""
    at, count = pool[cell], pool[cell + 1]
    row = len(largest) - 1
    if count == 0 or count & (count - 1) == 0:  # full
        size = 0 if count == 0 else size_of(count) + 1
        moved = allocate(pool, free, counters, row, size, 1 << size)
        largest[row] = max(largest[row], size)
        for i in range(count):
            pool[moved + i] = pool[at + i]
        if count > 0:
            give_back(pool, free, row, size - 1, at)
        pool[cell] = at = moved
    for i in range(count, place, -1):
        pool[at + i] = pool[at + i - 1]
    pool[at + place] = word
    pool[cell + 1] = count + 1


@kernel
def keep_smallest(pool, free, counters, largest, cell, word, limit):
    """Put a word into the list unless it is there, or larger than the `limit` smallest."""
    at, count = pool[cell], pool[cell + 1]
    place = place_in(pool, at, count, word, 0)
    if place < count and pool[at + place] == word:
        return
    if count < limit:
        put_word(pool, free, counters, largest, cell, place, word)
        return
    if place < count:
        for i in range(count - 1, place, -1):
            pool[at + i] = pool[at + i - 1]
        pool[at + place] = word
