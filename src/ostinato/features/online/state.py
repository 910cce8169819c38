"""The state of a store: a table of keys and a pool of words, made larger when they are full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import Ints
from ostinato.features.machine import compiled
from ostinato.features.online.layout import (
    BUCKETS,
    COUNTERS,
    DISTINCT,
    DROPPED,
    KIND,
    SIZES,
    SLOT_WORDS,
    SLOTS,
    TILE_WORDS,
    USED,
    Layout,
)

_TABLE_LEAST: Final = 64
_POOL_LEAST: Final = 1024
_SPARE: Final = 2
"""A pool is made larger than what it has to hold by this part of it (a half). Smaller: what is
live is moved more often; larger: more memory lies empty."""

_NEVER: Final = -(2**63)
_TWO: Final = np.array([2.0])


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """What a store keeps of events.

    Parameters
    ----------
    layout
        How the plan reads what is below.
    table
        Where the slot of a key is; -1: nowhere. Its length is a power of two.
    pool
        Words of slots, tiles and lists.
    counters
        Words in use, slots, dropped events.
    largest
        (levels + 1,) largest size of a block of each level, and of lists; -1: none.
    newest
        (tallies,) time of the newest event of each.
    free
        (levels + 1, sizes) first free block of each kind and size; -1: none.
    """

    layout: Layout
    table: Ints
    pool: Ints
    counters: Ints
    largest: Ints
    newest: Ints
    free: Ints
    _kernels: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._kernels = (
            compiled("ostinato.features.online.fold").fold,
            compiled("ostinato.features.online.moving"),
        )

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        parts = (self.table, self.pool, self.counters, self.largest, self.newest, self.free)
        return sum(part.nbytes for part in parts)

    def newest_of(self, tally: int) -> int | None:
        """Return the time of the newest event of a tally; None: there was none."""
        found = int(self.newest[tally])
        return None if found == _NEVER else found

    def fold(self, records: Ints, now_ns: int) -> None:
        """Fold records into tiles, in their order.

        Those that no window of a request from `now_ns` on can reach are dropped and counted.
        """
        fold, layout = self._kernels[0], self.layout
        while True:
            done = fold(
                layout.tallies,
                layout.levels,
                layout.cells,
                _TWO,
                self.table,
                self.pool,
                self.free,
                self.counters,
                self.largest,
                self.newest,
                records,
                now_ns,
            )
            if done == len(records):
                return
            records = records[done:]
            self._make_room(now_ns)

    def renew(self, now_ns: int) -> None:
        """Move what requests from `now_ns` on can reach into a new pool and table with room."""
        self._move(now_ns, *self._reachable(now_ns))

    def shrink(self, now_ns: int) -> None:
        """Do what `renew` does where less than half of the pool can still be reached."""
        slots, words = self._reachable(now_ns)
        if 2 * words < int(self.counters[USED]) or 2 * slots < int(self.counters[SLOTS]):
            self._move(now_ns, slots, words)

    def _make_room(self, now_ns: int) -> None:
        """Make the pool larger as it is where most of it is needed, else move that."""
        slots, words = self._reachable(now_ns)
        used = int(self.counters[USED])
        full = 4 * (int(self.counters[SLOTS]) + 1) > 3 * len(self.table)
        if full or 4 * words < 3 * used:
            self._move(now_ns, slots, words)
            return
        pool = np.zeros(_with_room(used, self), dtype=np.int64)
        pool[:used] = self.pool[:used]
        self.pool = pool

    def _reachable(self, now_ns: int) -> tuple[int, int]:
        layout = self.layout
        program = (layout.tallies, layout.levels, layout.cells)
        found: tuple[int, int] = self._kernels[1].measure(*program, self.table, self.pool, now_ns)
        return found

    def _move(self, now_ns: int, slots: int, words: int) -> None:
        layout = self.layout
        table = np.full(_table_size(slots), -1, dtype=np.int64)
        pool = np.zeros(_with_room(words, self), dtype=np.int64)
        counters, largest = np.zeros_like(self.counters), np.full_like(self.largest, -1)
        counters[DROPPED] = self.counters[DROPPED]
        free = np.full_like(self.free, -1)
        self._kernels[1].move(
            layout.tallies,
            layout.levels,
            layout.cells,
            self.table,
            self.pool,
            now_ns,
            table,
            pool,
            free,
            counters,
            largest,
        )
        self.table, self.pool, self.free = table, pool, free
        self.counters, self.largest = counters, largest


def empty_state(layout: Layout) -> State:
    """Return the state of a store that has seen no event."""
    rows = len(layout.levels) + 1
    return State(
        layout=layout,
        table=np.full(_TABLE_LEAST, -1, dtype=np.int64),
        pool=np.zeros(_POOL_LEAST, dtype=np.int64),
        counters=np.zeros(COUNTERS, dtype=np.int64),
        largest=np.full(rows, -1, dtype=np.int64),
        newest=np.full(len(layout.tallies), _NEVER, dtype=np.int64),
        free=np.full((rows, SIZES), -1, dtype=np.int64),
    )


def _with_room(words: int, state: State) -> int:
    """Return the size of a pool that holds so many words: a part more, and one record at least."""
    layout, sizes = state.layout, state.largest + 1
    kinds = layout.cells[:, KIND]
    lists = int(np.count_nonzero((kinds == DISTINCT) | (kinds == BUCKETS)))
    tiles = int(np.sum(layout.levels[:, TILE_WORDS] << sizes[:-1]))
    slots = int(np.sum(layout.tallies[:, SLOT_WORDS]))
    record = tiles + slots + (lists << int(sizes[-1]))
    return words + words // _SPARE + _POOL_LEAST + record


def _table_size(slots: int) -> int:
    return max(_TABLE_LEAST, 1 << (2 * slots + 1).bit_length())
