# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202, PLR0917 - Numba finds the types of what it compiles
"""Moving what windows can still reach into a new pool and table; the rest is left behind."""

from __future__ import annotations

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import (
    AT,
    BUCKETS,
    CELLS,
    CELLS_END,
    DISTINCT,
    HOP,
    KIND,
    LEVELS,
    LEVELS_END,
    REACH,
    RING,
    SLOT_KEY,
    SLOT_TALLY,
    SLOT_WORDS,
    TILE_WORDS,
)
from ostinato.features.online.pool import allocate, size_of
from ostinato.features.online.rings import read_state, state_of, tile_at
from ostinato.features.online.table import new_slot


@kernel
def _first_alive(pool, levels, level, ring, now):
    """Return how many tiles of a ring can no longer be reached."""
    size, head, count = read_state(pool[ring + 1])
    first = (now - levels[level, REACH]) // levels[level, HOP]
    index = 0
    while index < count:
        if pool[tile_at(pool[ring], size, head, levels[level, TILE_WORDS], index)] >= first:
            break
        index += 1
    return index


@kernel
def _is_list(cells, cell):
    return cells[cell, KIND] == DISTINCT or cells[cell, KIND] == BUCKETS


@kernel
def measure(tallies, levels, cells, table, pool, now):
    """Return how many slots and words can still be reached."""
    slots, words = 0, 0
    for slot in table:
        if slot < 0:
            continue
        tally, tiles = pool[slot + SLOT_TALLY], 0
        for level in range(tallies[tally, LEVELS], tallies[tally, LEVELS_END]):
            ring = slot + levels[level, RING]
            size, head, count = read_state(pool[ring + 1])
            begin = _first_alive(pool, levels, level, ring, now)
            tiles += count - begin
            if count > begin:
                words += levels[level, TILE_WORDS] << size_of(count - begin)
            for cell in range(levels[level, CELLS], levels[level, CELLS_END]):
                if not _is_list(cells, cell):
                    continue
                for index in range(begin, count):
                    tile = tile_at(pool[ring], size, head, levels[level, TILE_WORDS], index)
                    if pool[tile + cells[cell, AT] + 1] > 0:
                        words += 1 << size_of(pool[tile + cells[cell, AT] + 1])
        if tiles > 0:
            slots += 1
            words += tallies[tally, SLOT_WORDS]
    return slots, words


@kernel
def move(tallies, levels, cells, table, pool, now, new_table, new_pool, free, counters, largest):
    """Move what can still be reached; `free`, `counters` and `largest` are those of new stores."""
    for slot in table:
        if slot < 0:
            continue
        tally, moved = pool[slot + SLOT_TALLY], -1
        for level in range(tallies[tally, LEVELS], tallies[tally, LEVELS_END]):
            ring = slot + levels[level, RING]
            count = read_state(pool[ring + 1])[2]
            begin = _first_alive(pool, levels, level, ring, now)
            if begin == count:
                continue
            if moved < 0:
                key = pool[slot + SLOT_KEY]
                moved = new_slot(new_table, new_pool, counters, tallies, tally, key)
            into = moved + levels[level, RING]
            _move_ring(
                levels, cells, level, pool, ring, begin, new_pool, into, free, counters, largest
            )


@kernel
def _move_ring(levels, cells, level, pool, ring, begin, new_pool, into, free, counters, largest):
    words = levels[level, TILE_WORDS]
    size, head, count = read_state(pool[ring + 1])
    new_size = size_of(count - begin)
    at = allocate(new_pool, free, counters, level, new_size, words << new_size)
    largest[level] = max(largest[level], new_size)
    new_pool[into], new_pool[into + 1] = at, state_of(new_size, 0, count - begin)
    for index in range(begin, count):
        tile = tile_at(pool[ring], size, head, words, index)
        new_tile = at + (index - begin) * words
        for word in range(words):
            new_pool[new_tile + word] = pool[tile + word]
        for cell in range(levels[level, CELLS], levels[level, CELLS_END]):
            if _is_list(cells, cell):
                where = new_tile + cells[cell, AT]
                _move_list(pool, new_pool, where, free, counters, largest)


@kernel
def _move_list(pool, new_pool, where, free, counters, largest):
    old, count = new_pool[where], new_pool[where + 1]
    if count == 0:
        return
    row, size = len(largest) - 1, size_of(count)
    at = allocate(new_pool, free, counters, row, size, 1 << size)
    largest[row] = max(largest[row], size)
    for place in range(count):
        new_pool[at + place] = pool[old + place]
    new_pool[where] = at
