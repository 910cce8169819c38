# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202 - Numba finds the types of what it compiles
"""From a tally and a key's hash to its slot: open addressing, and nothing is ever taken out.

Keys that are no longer needed are left behind when the live ones are moved (`moving`).
"""

from __future__ import annotations

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import SLOT_HEAD, SLOT_KEY, SLOT_TALLY, SLOT_WORDS, SLOTS, USED

_SPREAD = 0x1E3779B97F4A7C15


@kernel
def _begin(key, tally, mask):
    # Hashes are good already; tallies of one key shall not meet.
    return (key ^ (key >> 32) ^ (tally * _SPREAD)) & mask


@kernel
def find_slot(table, pool, tally, key):
    """Return where the slot of a key begins, or -1."""
    mask = len(table) - 1
    place = _begin(key, tally, mask)
    while table[place] >= 0:
        slot = table[place]
        if pool[slot + SLOT_KEY] == key and pool[slot + SLOT_TALLY] == tally:
            return slot
        place = (place + 1) & mask
    return -1


@kernel
def enter(table, pool, slot):
    """Put a slot, which is not there yet, into the table."""
    mask = len(table) - 1
    place = _begin(pool[slot + SLOT_KEY], pool[slot + SLOT_TALLY], mask)
    while table[place] >= 0:
        place = (place + 1) & mask
    table[place] = slot


@kernel
def new_slot(table, pool, counters, tallies, tally, key):
    """Make the slot of a key, with rings that have no room yet."""
    slot = counters[USED]
    counters[USED] = slot + tallies[tally, SLOT_WORDS]
    counters[SLOTS] += 1
    pool[slot + SLOT_KEY] = key
    pool[slot + SLOT_TALLY] = tally
    for ring in range(slot + SLOT_HEAD, slot + tallies[tally, SLOT_WORDS], 2):
        pool[ring] = -1
        pool[ring + 1] = 0
    enter(table, pool, slot)
    return slot
