"""Events as records: rows of words that are folded, or wait until they are available."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ostinato.core.records import Ints
from ostinato.features.online.layout import (
    AVAILABLE,
    KEY_HASH,
    RECORD_WORDS,
    TALLY,
    TIME,
    Layout,
)
from ostinato.features.prepare import Prepared

_SIGN: Final = np.uint64(1 << 63)  # turned over, hashes sort as signed words


def make_records(layout: Layout, tally: int, events: Prepared) -> Ints:
    """Write prepared events of a tally as records, (n, words) int64."""
    records = np.zeros((len(events), layout.record_words), dtype=np.int64)
    records[:, AVAILABLE] = events.avail_ns
    records[:, TALLY] = tally
    records[:, KEY_HASH] = events.keys.view(np.int64)
    records[:, TIME] = events.times_ns
    values, distincts = events.values.shape[1], events.hashes.shape[1]
    hashes = RECORD_WORDS + values
    there = hashes + distincts
    records.view(np.float64)[:, RECORD_WORDS:hashes] = events.values
    records[:, hashes:there] = (events.hashes ^ _SIGN).view(np.int64)
    records[:, there : there + distincts] = events.has
    return records


def in_order(records: Ints) -> Ints:
    """Return records by the time they are available from, of equal ones in the order they came."""
    when = records[:, AVAILABLE]
    if len(records) < 2 or bool(np.all(when[1:] >= when[:-1])):
        return records
    return np.ascontiguousarray(records[np.argsort(when, kind="stable")])


class Pending:
    """Records that are not available yet.

    They lie in runs, each in order, each run having come before the next; a short run is merged
    with the one before it, so that there are few.
    """

    __slots__ = ("_runs", "next_ns")

    _NEVER: Final = 2**63 - 1

    def __init__(self, runs: Sequence[Ints] = ()) -> None:
        self._runs = list(runs)
        self.next_ns: int = self._NEVER
        self._find_next()

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return sum(run.nbytes for run in self._runs)

    def add(self, records: Ints) -> None:
        """Take records in, in any order; of equal time those taken in first come out first."""
        if not len(records):
            return
        run = in_order(records)
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = in_order(np.concatenate([self._runs.pop(), run]))
        self._runs.append(run)
        self._find_next()

    def take(self, now_ns: int) -> Ints | None:
        """Take out what is available at a time, in order; None if nothing is."""
        if now_ns < self.next_ns:
            return None
        due, left = [], []
        for run in self._runs:
            count = int(np.searchsorted(run[:, AVAILABLE], now_ns, side="right"))
            if count:
                due.append(run[:count])
            if count < len(run):
                left.append(run[count:])
        self._runs = left
        self._find_next()
        return due[0] if len(due) == 1 else in_order(np.concatenate(due))

    def all(self) -> Ints | None:
        """Return all records as one run, and keep them."""
        if len(self._runs) > 1:
            self._runs = [in_order(np.concatenate(self._runs))]
        return self._runs[0] if self._runs else None

    def _find_next(self) -> None:
        self.next_ns = min((int(run[0, AVAILABLE]) for run in self._runs), default=self._NEVER)
