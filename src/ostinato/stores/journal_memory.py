"""A journal in memory, for tests and for replays whose decisions need not outlive them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostinato.core.ports import Entry
from ostinato.core.records import Decision
from ostinato.stores.chain import Head, check_chain, next_entries
from ostinato.stores.closing import Closable


class MemoryJournal(Closable):
    """The `Journal` port on a list.

    Examples
    --------
    >>> from ostinato.core.records import LoopStarted
    >>> journal = MemoryJournal()
    >>> started = LoopStarted(ts_event_ns=1, ts_record_ns=1, seq=0, subject="loop", reason="start")
    >>> journal.append([started])
    >>> journal.head()[0], journal.verify()
    (1, 1)
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def append(self, decisions: Sequence[Decision]) -> None:
        self._entries.extend(next_entries(decisions, self.head()))

    def entries(self, from_seq: int = 0) -> Iterator[Entry]:
        return iter(self._entries[max(from_seq, 0) :])

    def head(self) -> Head:
        return len(self._entries), self._entries[-1].hash if self._entries else ""

    def verify(self, expected_head: Head | None = None) -> int:
        """Recompute the chain; see `ostinato.stores.chain.check_chain`."""
        return check_chain(self._entries, expected_head)

    def close(self) -> None:
        """Do nothing: the entries stay readable."""
