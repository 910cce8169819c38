"""From the event log to the kernel's batches: everything between two ticks is one batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ostinato.core.ports import EventLog
from ostinato.core.records import Record, RequestsArrived
from ostinato.core.snapshot import decode
from ostinato.sim.lake import Lake

_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a tick folds: its number, its time, its batch; and where the next one begins."""

    tick: int
    now_ns: int
    batch: list[Record]
    next_offset: int


@dataclass(slots=True)
class Feed:
    """Reads the log in order, numbers the rows, and keeps the lake.

    `next_row` is the offset the next request gets: rows count from the history on.
    """

    lake: Lake
    next_offset: int = 0
    tick: int = 0
    next_row: int = field(init=False)
    waiting: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.next_row = len(self.lake.history)

    def rewind(self, events: EventLog, offset: int, tick: int) -> None:
        """Read a log from its beginning up to an offset, where a tick ended, for the lake alone."""
        if tick == 0:
            return
        for turn in self.turns(events):
            if turn.tick + 1 == tick:
                break
        assert self.next_offset == offset, "a snapshot is taken at the end of a tick"

    def turns(self, events: EventLog) -> Iterator[Turn]:
        """Yield the ticks that are in the log and were not yielded yet."""
        while page := events.read(self.next_offset, _PAGE):
            for offset, key, payload in page:
                self.next_offset = offset + 1
                kind, _, _ = key.partition("/")
                if kind != "tick":
                    self.waiting.extend(self._numbered(decode(payload)))
                    continue
                yield self._turn(decode(payload)["now_ns"])

    def _turn(self, now_ns: int) -> Turn:
        batch, self.waiting = self.waiting, []
        batch = [replace(record, ts_record_ns=now_ns) for record in batch]
        self.lake.take(self.tick, batch)
        self.tick += 1
        return Turn(tick=self.tick - 1, now_ns=now_ns, batch=batch, next_offset=self.next_offset)

    def _numbered(self, records: list[Record]) -> Iterator[Record]:
        for record in records:
            if isinstance(record, RequestsArrived):
                yield replace(record, offset=self.next_row)
                self.next_row += len(record)
            else:
                yield record
