"""An event log in one SQLite file, with group commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from ostinato.stores.closing import Closable
from ostinato.stores.events import Event, checked_events, first_of_each_key
from ostinato.stores.group_commit import GroupCommit
from ostinato.stores.sqlite import Database, Layout

EVENTLOG_LAYOUT: Final = Layout(
    name="event log",
    application_id=0x4F535445,  # "OSTE"
    tables=(
        """CREATE TABLE events (
            offset INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            payload BLOB NOT NULL
        ) STRICT""",
    ),
    scan=False,  # event logs grow large: opening must not read all of it
)

KEYS_PER_QUERY: Final = 500
"""Keys looked up at once. SQLite refuses more than 999 parameters in old builds."""

TRIMMED_AT_ONCE: Final = 2_000
"""Events dropped in one commit. More: writers wait longer for their turn."""

INSERT_ONE: Final = """INSERT INTO events (offset, key, payload)
    SELECT coalesce(max(offset) + 1, 0), ?, ? FROM events WHERE true
    ON CONFLICT (key) DO NOTHING"""

FIND_ONE: Final = "SELECT offset, payload FROM events WHERE key = ?"

Stored = tuple[int, bytes | None]
"""Where an event is, and the payload that had its key before; None: it is the first."""


class SqliteEventLog(Closable):
    """The `EventLog` port on a SQLite file, with any number of threads and readers.

    Parameters
    ----------
    path
        The file; made, with its folder, if there is none.
    readonly
        Read while another process writes.
    shared
        Several processes write, each opening it so: their commits take turns. Otherwise there is
        one writing process, and a second one is refused.

    Raises
    ------
    StoreError
        If the file is not an event log, is damaged, or is open for writing elsewhere.
    """

    def __init__(self, path: str | Path, *, readonly: bool = False, shared: bool = False) -> None:
        self._database = Database(path, EVENTLOG_LAYOUT, readonly=readonly, shared=shared)
        self._group: GroupCommit[Event, Stored] = GroupCommit(self._commit)

    @property
    def path(self) -> Path:
        """Where the event log lies."""
        return self._database.path

    def append(self, events: Sequence[Event]) -> list[int]:
        return [offset for offset, _ in self.append_once(events)]

    def append_once(self, events: Sequence[Event]) -> list[Stored]:
        """Append events, and say of each whether its key was there already, and with what.

        Returns
        -------
        list
            Per event its offset, and the payload that holds the key: None where it is this
            event's own, else what came first, whichever process wrote it.

        Raises
        ------
        StoreError
            As `append`.
        """
        checked = checked_events(events)
        return self._group.submit(checked) if checked else []

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]:
        assert from_offset >= 0, "offsets begin with 0"
        assert limit >= 0, "a limit is a number of events"
        with self._database.reading() as connection:
            return connection.execute(
                "SELECT offset, key, payload FROM events WHERE offset >= ? ORDER BY offset LIMIT ?",
                (from_offset, limit),
            ).fetchall()

    def end(self) -> int:
        with self._database.reading() as connection:
            return _end(connection)

    def find(self, key: str) -> tuple[int, bytes] | None:
        """Return (offset, payload) of the event with a key; None where there is none."""
        with self._database.reading() as connection:
            found: tuple[int, bytes] | None = connection.execute(FIND_ONE, (key,)).fetchone()
            return found

    def trim(self, before_offset: int) -> None:
        while self._trim_some(before_offset):
            pass

    def _trim_some(self, before_offset: int) -> bool:
        """Drop some of the events before an offset; False when none of them are left."""
        with self._database.writing() as connection:
            first: int | None = connection.execute("SELECT min(offset) FROM events").fetchone()[0]
            stop = min(before_offset, _end(connection) - 1)
            if first is None or first >= stop:
                return False
            some = min(stop, first + TRIMMED_AT_ONCE)
            connection.execute("DELETE FROM events WHERE offset < ?", (some,))
            return some < stop

    def close(self) -> None:
        self._database.close()

    def _commit(self, events: list[Event]) -> list[Stored]:
        if len(events) == 1:
            return [self._commit_one(*events[0])]
        with self._database.writing() as connection:
            first = first_of_each_key(events)
            earlier = _stored(connection, list(first))
            fresh = [key for key in first if key not in earlier]
            rows = [(offset, key, first[key]) for offset, key in enumerate(fresh, _end(connection))]
            connection.executemany(
                "INSERT INTO events (offset, key, payload) VALUES (?, ?, ?)", rows
            )
        offsets = {key: offset for offset, key, _ in rows}
        answers: list[Stored] = []
        for key, payload in events:
            if key in earlier:
                answers.append(earlier[key])
            else:  # of two in one commit the first counts; the same object is the first itself
                held = first[key]
                answers.append((offsets[key], None if held is payload else held))
        return answers

    def _commit_one(self, key: str, payload: bytes) -> Stored:
        with self._database.writing_once() as connection:
            stored = connection.execute(INSERT_ONE, (key, payload))
            if stored.rowcount:
                assert stored.lastrowid is not None, "offsets are row ids"
                return stored.lastrowid, None
            # The key is there: whoever wrote it, what it holds does not change any more.
            earlier: Stored = connection.execute(FIND_ONE, (key,)).fetchone()
            return earlier


def _end(connection: sqlite3.Connection) -> int:
    last: int | None = connection.execute("SELECT max(offset) FROM events").fetchone()[0]
    return 0 if last is None else last + 1


def _stored(connection: sqlite3.Connection, keys: list[str]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    remaining = iter(keys)
    while some := list(islice(remaining, KEYS_PER_QUERY)):
        marks = ", ".join("?" * len(some))
        query = f"SELECT key, offset, payload FROM events WHERE key IN ({marks})"  # noqa: S608 (only marks)
        for key, offset, payload in connection.execute(query, some):
            found[key] = (offset, payload)
    return found
