"""An event log in memory, for tests and for replays that read their history from elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ostinato.stores.closing import Closable
from ostinato.stores.events import Event, checked_events, first_of_each_key


class MemoryEventLog(Closable):
    """The `EventLog` port on a list and an index; may be used from several threads.

    Examples
    --------
    >>> log = MemoryEventLog()
    >>> log.append([("a", b"1"), ("b", b"2"), ("a", b"again")])
    [0, 1, 0]
    >>> log.read(0, 10)
    [(0, 'a', b'1'), (1, 'b', b'2')]
    """

    __slots__ = ("_events", "_lock", "_offsets", "_trimmed")

    def __init__(self) -> None:
        self._events: list[tuple[int, str, bytes]] = []
        self._offsets: dict[str, int] = {}
        self._trimmed = 0
        self._lock = threading.Lock()

    def append(self, events: Sequence[Event]) -> list[int]:
        checked = checked_events(events)
        with self._lock:
            for key, payload in first_of_each_key(checked).items():
                if key not in self._offsets:
                    self._offsets[key] = self._trimmed + len(self._events)
                    self._events.append((self._offsets[key], key, payload))
            return [self._offsets[key] for key, _ in checked]

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]:
        assert from_offset >= 0, "offsets begin with 0"
        assert limit >= 0, "a limit is a number of events"
        with self._lock:
            first = max(from_offset - self._trimmed, 0)
            return self._events[first : first + limit]

    def end(self) -> int:
        with self._lock:
            return self._trimmed + len(self._events)

    def trim(self, before_offset: int) -> None:
        with self._lock:
            gone = min(before_offset - self._trimmed, len(self._events) - 1)
            if gone > 0:
                for _, key, _ in self._events[:gone]:
                    del self._offsets[key]
                del self._events[:gone]
                self._trimmed += gone

    def close(self) -> None:
        """Do nothing: the events stay readable."""
