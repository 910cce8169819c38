"""The feature store in the serving path: events go in, features of one request come out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np

from ostinato.core.canonical import digest
from ostinato.core.errors import ConfigError, DataError
from ostinato.core.records import Floats, Ints
from ostinato.core.units import format_time
from ostinato.features.machine import compiled
from ostinato.features.online.asked import KeyReader
from ostinato.features.online.few import few_records
from ostinato.features.online.layout import (
    AVAILABLE,
    BIAS,
    BUCKETS,
    DISTINCT,
    DROPPED,
    GROUP_BITS,
    KIND,
    LEAST_WIDTH,
    LIMIT,
    SLOTS,
    USED,
    Layout,
    make_layout,
)
from ostinato.features.online.records import Pending, make_records
from ostinato.features.online.snapshot import from_bytes, to_bytes
from ostinato.features.online.state import empty_state
from ostinato.features.plan import FeaturePlan, Tally
from ostinato.features.prepare import EventBatch, prepare

_BEGINNING: Final = -(2**62)  # before all times; windows can still be taken off

Values = tuple[float | None, ...]


class OnlineStore:
    """Keeps what requests can still ask for of past events, and answers them to the last bit.

    Memory is bounded by the keys that have events in reach of the longest windows. Not to be used
    by several threads at once.

    Parameters
    ----------
    plan
        The features.
    now_ns
        The earliest time of a request to come; events that are available later wait. None: events
        wait for the first request.

    Raises
    ------
    ConfigError
        If Numba is not installed.
    """

    def __init__(self, plan: FeaturePlan, *, now_ns: int | None = None) -> None:
        self.plan = plan
        self._layout = make_layout(plan)
        self._tallies: dict[str, list[tuple[int, Tally]]] = {}
        for place, tally in enumerate(plan.tallies):
            self._tallies.setdefault(tally.source.name, []).append((place, tally))
        self._digest = digest([each.version for each in plan.windowed])
        self._now = _BEGINNING if now_ns is None else now_ns
        self._state = empty_state(self._layout)
        self._pending = Pending()
        self._reader = KeyReader(self._layout.keys)
        self._look = compiled("ostinato.features.online.look").look
        self._room = _room_to_work_in(self._layout)
        self._compile()

    @property
    def now_ns(self) -> int | None:
        """The time that was reached; None: no request has come yet."""
        return None if self._now == _BEGINNING else self._now

    @property
    def keys(self) -> int:
        """Keys that are kept, of all tallies."""
        return int(self._state.counters[SLOTS])

    @property
    def pending(self) -> int:
        """Events that wait until they are available, counted once for each tally."""
        return len(self._pending)

    @property
    def dropped(self) -> int:
        """Events that came too late for every window, counted once for each tally."""
        return int(self._state.counters[DROPPED])

    @property
    def memory_bytes(self) -> int:
        """Memory that state and waiting events take."""
        return self._state.nbytes + self._pending.nbytes

    def ingest(self, batch: EventBatch) -> None:
        """Take events in, in the order in which they came.

        Raises
        ------
        ConfigError
            If no feature is made of the source.
        DataError
            If the events cannot be used; then none is taken in.
        """
        tallies = self._tallies.get(batch.source)
        if tallies is None:
            raise ConfigError(
                f"No feature is made of the source {batch.source!r}",
                found=repr(batch.source),
                expected=", ".join(self._tallies) or "no source: no feature has a window",
            )
        records = few_records(self._layout, tallies, batch)
        if records is None:
            parts = [
                make_records(self._layout, place, prepare(tally, batch)) for place, tally in tallies
            ]
            records = parts[0] if len(parts) == 1 else np.concatenate(parts)
        later = records[:, AVAILABLE] > self._now
        if later.all():
            self._pending.add(records)
        elif later.any():
            self._pending.add(records[later])
            self._state.fold(records[~later], self._now)
        else:
            self._state.fold(records, self._now)

    def lookup(self, rows: Sequence[Sequence[Any]], times_ns: Sequence[int]) -> list[Values]:
        """Compute the windowed features of requests.

        Parameters
        ----------
        rows
            Values of `plan.inputs`, in that order.
        times_ns
            When each request is; never before the one before it. It sees the events that are
            available then.

        Returns
        -------
        list
            Per request the values of `plan.windowed`; None: missing.

        Raises
        ------
        DataError
            If a time is before an earlier one, or rows and times are not as many.
        """
        if len(rows) != len(times_ns):
            raise DataError(
                "Requests and times are not as many",
                found=f"{len(rows)} rows, {len(times_ns)} times",
                expected="a time for each row",
            )
        if not rows:
            return []
        self._check_clock(times_ns)
        keys, there = self._reader.read(rows)
        times = np.array(times_ns, dtype=np.int64)
        found = np.empty((len(rows), self._layout.features))
        missing, begin = 0, 0
        while begin < len(rows):
            self._advance(int(times_ns[begin]))
            # Up to the next event that is waiting, all requests see the same.
            end = len(rows)
            if self._pending.next_ns <= times_ns[-1]:
                end = bisect_left(times_ns, self._pending.next_ns, begin)
            missing += self._look_up(keys, there, times, found, slice(begin, end))
            begin = end
        self._now = int(times_ns[-1])
        if missing:
            return [tuple(None if v != v else v for v in row) for row in found.tolist()]  # noqa: PLR0124 - NaN is not itself
        return [tuple(row) for row in found.tolist()]

    def advance(self, now_ns: int) -> None:
        """Move the clock on and take in what is available by then, without a request.

        Raises
        ------
        DataError
            If the clock would go back.
        """
        self._check_clock([now_ns])
        self._advance(now_ns)

    def prune(self, now_ns: int) -> None:
        """Give memory back where most of it is of what no request from `now_ns` on can reach.

        It happens by itself when room runs out; this does it at a time of one's own choice, and
        costs little where there is little to give back.

        Raises
        ------
        DataError
            If the clock would go back.
        """
        self.advance(now_ns)
        self._state.shrink(now_ns)

    def freshness(self) -> dict[str, int | None]:
        """Return per source the time of the newest event taken in, of those that count."""
        found: dict[str, int | None] = dict.fromkeys(self.plan.sources)
        for place, tally in enumerate(self.plan.tallies):
            newest, before = self._state.newest_of(place), found[tally.source.name]
            if newest is not None:
                found[tally.source.name] = newest if before is None else max(newest, before)
        return found

    def snapshot(self) -> bytes:
        """Return the store as bytes; what no request can reach any more is left out."""
        state = self._state
        state.renew(self._now)
        waiting = self._pending.all()
        if waiting is None:
            waiting = np.empty((0, self._layout.record_words), dtype=np.int64)
        arrays = {
            "table": state.table,
            "pool": state.pool[: state.counters[USED]],
            "counters": state.counters,
            "largest": state.largest,
            "newest": state.newest,
            "waiting": waiting,
        }
        return to_bytes(self._digest, {"now_ns": self._now}, arrays)

    @classmethod
    def restore(cls, plan: FeaturePlan, data: bytes) -> Self:
        """Make the store again of which `snapshot` gave the bytes.

        Raises
        ------
        StoreError
            If the bytes are damaged, or of another plan.
        """
        store = cls(plan)
        facts, arrays = from_bytes(store._digest, data)
        store._now = facts["now_ns"]
        state = store._state
        state.table, state.pool = arrays["table"], arrays["pool"]
        state.counters, state.largest = arrays["counters"], arrays["largest"]
        state.newest = arrays["newest"]
        if len(arrays["waiting"]):
            store._pending.add(arrays["waiting"])
        return store

    def _compile(self) -> None:
        """Carry everything out with nothing, so that no request ever waits for the compiler."""
        self._state.fold(np.empty((0, self._layout.record_words), dtype=np.int64), self._now)
        self._state.renew(self._now)
        keys, there = self._reader.read([])
        found = np.empty((0, self._layout.features))
        self._look_up(keys, there, np.empty(0, dtype=np.int64), found, slice(0, 0))

    def _check_clock(self, times_ns: Sequence[int]) -> None:
        for before, time_ns in pairwise((self._now, *times_ns)):
            if time_ns < before:
                raise DataError(
                    "The clock went back",
                    found=f"{_moment(time_ns)} after {_moment(before)}",
                    expected="requests in order of their times",
                    hint="Make the store again, or sort the requests by time.",
                )

    def _advance(self, now_ns: int) -> None:
        """Go on to a time that is not before the last one."""
        due = self._pending.take(now_ns)
        self._now = now_ns
        if due is not None:
            self._state.fold(due, now_ns)

    def _look_up(self, keys: Ints, there: Any, times: Ints, found: Floats, rows: slice) -> int:
        layout, state = self._layout, self._state
        missing: int = self._look(
            layout.tallies,
            layout.levels,
            layout.cells,
            layout.outputs,
            layout.numbers,
            state.table,
            state.pool,
            keys[rows],
            there[rows],
            times[rows],
            *self._room,
            found[rows],
        )
        return missing


def _room_to_work_in(layout: Layout) -> tuple[Ints, Ints]:
    """Return arrays for lists of hashes, and for counts of all buckets, where they are needed."""
    kinds, limits = layout.cells[:, KIND], layout.cells[:, LIMIT]
    hashes = int(np.max(limits[kinds == DISTINCT], initial=1))
    buckets = 2 * BIAS + (2 * BIAS >> GROUP_BITS) if (kinds == BUCKETS).any() else 1
    width = max(LEAST_WIDTH, 1 << (4 * hashes - 1).bit_length())
    return np.zeros((3, width), dtype=np.int64), np.zeros(buckets, dtype=np.int64)


def _moment(time_ns: int) -> str:
    return f"{format_time(time_ns)} ({time_ns} ns)"
