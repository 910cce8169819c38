# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202, PLR0917 - Numba finds the types of what it compiles
"""Folding events into tiles, one record after the other."""

from __future__ import annotations

import math

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import (
    AT,
    AVAILABLE,
    BIAS,
    BUCKETS,
    CELLS,
    CELLS_END,
    COLUMN,
    COUNT_BITS,
    DECAYED,
    DISTINCT,
    DISTINCTS,
    DROPPED,
    EVENTS,
    HOP,
    KEY_HASH,
    KIND,
    LAST,
    LEVELS,
    LEVELS_END,
    LIMIT,
    MAX,
    MIN,
    PRESENT,
    REACH,
    RECORD_WORDS,
    RING,
    SLOT_WORDS,
    SLOTS,
    SUM,
    TALLY,
    TILE_WORDS,
    TIME,
    USED,
    VALUES,
)
from ostinato.features.online.pool import keep_smallest, place_in, put_word
from ostinato.features.online.rings import drop_before, tile_for
from ostinato.features.online.table import find_slot, new_slot
from ostinato.stats.buckets import bucket_of
from ostinato.stats.fixed import add, to_fixed


@kernel
def fold(tallies, levels, cells, two, table, pool, free, counters, largest, newest, records, now):
    """Fold records, in order, until all are folded or there is no more room.

    Parameters
    ----------
    tallies, levels, cells
        The layout.
    two
        (1,) holding 2.0: were it known when this is compiled, the power would be another function,
        which rounds differently.
    table, pool, free, counters, largest
        The state, changed.
    newest
        (tallies,) time of the newest event of each, changed.
    records
        (n, words).
    now
        Nanoseconds; no request will be asked of an earlier time.

    Returns
    -------
    int
        How many records were folded.
    """
    floats = pool.view(two.dtype)
    record_floats = records.view(two.dtype)
    lists = 0
    for cell in range(len(cells)):
        lists += cells[cell, KIND] == DISTINCT or cells[cell, KIND] == BUCKETS
    for place in range(len(records)):
        if not _has_room(tallies, levels, table, pool, counters, largest, lists):
            return place
        record, numbers = records[place], record_floats[place]
        tally, time = record[TALLY], record[TIME]
        newest[tally] = max(newest[tally], time)
        slot = find_slot(table, pool, tally, record[KEY_HASH])
        reached = False
        for level in range(tallies[tally, LEVELS], tallies[tally, LEVELS_END]):
            hop = levels[level, HOP]
            first = (now - levels[level, REACH]) // hop
            if time // hop < first:
                continue
            reached = True
            if slot < 0:
                slot = new_slot(table, pool, counters, tallies, tally, record[KEY_HASH])
            ring = slot + levels[level, RING]
            drop_before(pool, free, levels, cells, level, ring, first)
            tile = tile_for(
                pool, floats, free, counters, largest, levels, cells, level, ring, time // hop
            )
            age = float(time - time // hop * hop) / float(hop)
            _fold_cells(
                tallies,
                levels,
                cells,
                two,
                pool,
                floats,
                free,
                counters,
                largest,
                level,
                tile,
                age,
                record,
                numbers,
            )
        counters[DROPPED] += not reached
    return len(records)


@kernel
def _fold_cells(
    tallies,
    levels,
    cells,
    two,
    pool,
    floats,
    free,
    counters,
    largest,
    level,
    tile,
    age,
    record,
    numbers,
):
    """Fold a record into all cells of a tile; `age` is how far in the tile it is, 0 to 1."""
    tally = record[TALLY]
    for cell in range(levels[level, CELLS], levels[level, CELLS_END]):
        at = tile + cells[cell, AT]
        kind, column = cells[cell, KIND], RECORD_WORDS + cells[cell, COLUMN]
        if kind == EVENTS:
            pool[at] += 1
        elif kind == DISTINCT:
            column += tallies[tally, VALUES]
            if record[column + tallies[tally, DISTINCTS]]:
                limit = cells[cell, LIMIT]
                keep_smallest(pool, free, counters, largest, at, record[column], limit)
        elif math.isnan(numbers[column]):
            continue
        elif kind == DECAYED:
            _fold_decayed(pool, at, numbers[column], two[0] ** age)
        elif kind == BUCKETS:
            _fold_bucket(pool, free, counters, largest, at, numbers[column])
        else:
            _fold_number(pool, floats, at, kind, record, numbers[column])


@kernel
def _has_room(tallies, levels, table, pool, counters, largest, lists):
    """Say whether the next record fits, whatever it needs."""
    if (counters[SLOTS] + 1) * 4 > len(table) * 3:
        return False
    needed = lists << (largest[len(levels)] + 1)
    for level in range(len(levels)):
        needed += levels[level, TILE_WORDS] << (largest[level] + 1)
    for tally in range(len(tallies)):
        needed += tallies[tally, SLOT_WORDS]
    return counters[USED] + needed <= len(pool)


@kernel
def _fold_number(pool, floats, at, kind, record, number):
    if kind == PRESENT:
        pool[at] += 1
    elif kind == SUM:
        pool[at] += 1
        high, low = to_fixed(number)
        pool[at + 1], pool[at + 2] = add(pool[at + 1], pool[at + 2], high, low)
    elif kind == MIN:
        floats[at] = min(floats[at], number)
    elif kind == MAX:
        floats[at] = max(floats[at], number)
    elif kind == LAST:
        time, available = record[TIME], record[AVAILABLE]
        if time > pool[at] or (time == pool[at] and available >= pool[at + 1]):
            pool[at], pool[at + 1], floats[at + 2] = time, available, number


@kernel
def _fold_decayed(pool, at, number, weight):
    high, low = to_fixed(number * weight)
    pool[at], pool[at + 1] = add(pool[at], pool[at + 1], high, low)
    high, low = to_fixed(weight)
    pool[at + 2], pool[at + 3] = add(pool[at + 2], pool[at + 3], high, low)


@kernel
def _fold_bucket(pool, free, counters, largest, cell, number):
    bucket = bucket_of(number) + BIAS
    at, count = pool[cell], pool[cell + 1]
    place = place_in(pool, at, count, bucket, COUNT_BITS)
    if place < count and pool[at + place] >> COUNT_BITS == bucket:
        pool[at + place] += 1
    else:
        word = (bucket << COUNT_BITS) | 1
        put_word(pool, free, counters, largest, cell, place, word)
