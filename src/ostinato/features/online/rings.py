# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202, PLR0917 - Numba finds the types of what it compiles
"""Rings: the tiles of one key and one level in order of time, with room for 2^size of them.

New tiles come at the end and old ones go at the beginning, mostly; a late event's tile is put
between. A ring's state is one word: size, where it begins, how many tiles.
"""

from __future__ import annotations

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import (
    AT,
    BUCKETS,
    CELLS,
    CELLS_END,
    DISTINCT,
    KIND,
    LAST,
    MAX,
    MIN,
    TILE_WORDS,
)
from ostinato.features.online.pool import allocate, give_back, size_of

_BITS = 29
_MASK = (1 << _BITS) - 1
_INFINITY = float("inf")
_NEVER = -(2**63)


@kernel
def state_of(size, head, count):
    """Put a ring's state into a word."""
    return (size << (2 * _BITS)) | (head << _BITS) | count


@kernel
def read_state(word):
    """Return size, head and count of a ring."""
    return word >> (2 * _BITS), (word >> _BITS) & _MASK, word & _MASK


@kernel
def tile_at(at, size, head, words, index):
    """Return where the tile number `index`, from the oldest, begins."""
    return at + ((head + index) & ((1 << size) - 1)) * words


@kernel
def drop_before(pool, free, levels, cells, level, ring, first):
    """Give back the tiles that lie before the tile time `first`."""
    at, words = pool[ring], levels[level, TILE_WORDS]
    size, head, count = read_state(pool[ring + 1])
    before = count
    while count > 0:
        tile = tile_at(at, size, head, words, 0)
        if pool[tile] >= first:
            break
        _give_back_lists(pool, free, levels, cells, level, tile)
        head = (head + 1) & ((1 << size) - 1)
        count -= 1
    if count < before:
        pool[ring + 1] = state_of(size, head, count)


@kernel
def _give_back_lists(pool, free, levels, cells, level, tile):
    for cell in range(levels[level, CELLS], levels[level, CELLS_END]):
        if cells[cell, KIND] == DISTINCT or cells[cell, KIND] == BUCKETS:
            where = tile + cells[cell, AT]
            if pool[where + 1] > 0:
                give_back(pool, free, len(free) - 1, size_of(pool[where + 1]), pool[where])


@kernel
def tile_for(pool, floats, free, counters, largest, levels, cells, level, ring, when):
    """Return where the tile of the tile time `when` begins; it is made if there is none."""
    words = levels[level, TILE_WORDS]
    size, head, count = read_state(pool[ring + 1])
    place = count
    while place > 0:
        tile = tile_at(pool[ring], size, head, words, place - 1)
        if pool[tile] <= when:
            if pool[tile] == when:
                return tile
            break
        place -= 1
    if pool[ring] < 0 or count == 1 << size:
        size = _enlarge(pool, free, counters, largest, level, words, ring)
        head = 0
    for index in range(count, place, -1):
        into = tile_at(pool[ring], size, head, words, index)
        out_of = tile_at(pool[ring], size, head, words, index - 1)
        for word in range(words):
            pool[into + word] = pool[out_of + word]
    pool[ring + 1] = state_of(size, head, count + 1)
    tile = tile_at(pool[ring], size, head, words, place)
    _clear(pool, floats, levels, cells, level, tile, when)
    return tile


@kernel
def _enlarge(pool, free, counters, largest, level, words, ring):
    """Move a ring to a place with twice the room, in order; return its new size."""
    old = pool[ring]
    size, head, count = read_state(pool[ring + 1])
    larger = 0 if old < 0 else size + 1
    at = allocate(pool, free, counters, level, larger, words << larger)
    largest[level] = max(largest[level], larger)
    for index in range(count):
        tile = tile_at(old, size, head, words, index)
        for word in range(words):
            pool[at + index * words + word] = pool[tile + word]
    if old >= 0:
        give_back(pool, free, level, size, old)
    pool[ring], pool[ring + 1] = at, state_of(larger, 0, count)
    return larger


@kernel
def _clear(pool, floats, levels, cells, level, tile, when):
    for word in range(levels[level, TILE_WORDS]):
        pool[tile + word] = 0
    pool[tile] = when
    for cell in range(levels[level, CELLS], levels[level, CELLS_END]):
        kind, at = cells[cell, KIND], tile + cells[cell, AT]
        if kind == MIN:
            floats[at] = _INFINITY
        elif kind == MAX:
            floats[at] = -_INFINITY
        elif kind == LAST:
            pool[at] = pool[at + 1] = _NEVER
