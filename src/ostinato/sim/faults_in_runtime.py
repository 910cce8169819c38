"""Planted defects of the runtime and of what it leaves on disk."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import numpy as np

from ostinato.core.records import Decision
from ostinato.sim.disk import JOURNAL, Disk
from ostinato.sim.lake import Known
from ostinato.sim.runtime import Runtime
from ostinato.sim.saved import Open


class EarlyExample(Runtime):
    """Trains on all that is known now, not on what was known when the order was given."""

    __slots__ = ()

    def _known(self, each: Open) -> Known:
        known = self.feed.lake.as_of(self.saved.tick)
        return replace(known, times_ns=np.minimum(known.times_ns, each.order.to_ns - 1))


class BackwardClock(Runtime):
    """Believes the machine's clock."""

    __slots__ = ()

    def _now(self, reading_ns: int) -> int:
        return reading_ns


class LoseMessage(Runtime):
    """Confirms messages at once and writes them with the tick."""

    __slots__ = ("_unwritten",)

    def accept(self, key: str, payload: bytes) -> None:
        self._buffer().append((key, payload))
        self._die("after log")

    def turn(self, reading_ns: int) -> None:
        self._die("in tick")
        self.disk.events.append(self._buffer())
        self._unwritten: list[tuple[str, bytes]] = []
        super().turn(reading_ns)

    def _buffer(self) -> list[tuple[str, bytes]]:
        if not hasattr(self, "_unwritten"):
            self._unwritten = []
        return self._unwritten


class LoseDecision(Runtime):
    """Confirms decisions at once and writes them with those that come next."""

    __slots__ = ("_unwritten",)

    def _write(self, decisions: list[Decision]) -> None:
        self.seen.written(decisions)
        if not decisions:
            return
        held, _ = self.disk.journal.head()
        earlier = getattr(self, "_unwritten", [])
        self.disk.journal.append([each for each in earlier if each.seq >= held])
        self._unwritten: list[Decision] = decisions


class DoubleEffect(Runtime):
    """Tells what came of a training under a new key each time."""

    __slots__ = ()

    def _tell(self, key: str, payload: bytes) -> None:
        super()._tell(key, payload)
        super()._tell(f"{key}/again", payload)


class LeakySnapshot(Runtime):
    """Forgets, in what it saves, how many labels have matured since the last request."""

    __slots__ = ()

    def _save(self) -> None:
        decide: Any = self.state.stages["decide"]
        counted, decide.labels_since = decide.labels_since, 0
        try:
            super()._save()
        finally:
            decide.labels_since = counted


def break_chain(disk: Disk) -> None:
    """Change a reason in the middle of the journal, behind its back."""
    with sqlite3.connect(disk.folder / JOURNAL) as connection:
        connection.execute("DROP TRIGGER entries_are_never_changed")
        connection.execute(
            "UPDATE entries SET body = replace(body, 'champion', 'Champion') WHERE seq = 1"
        )
    connection.close()
