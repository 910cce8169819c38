"""A journal in one SQLite file: what `append` acknowledged is on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ostinato.core.errors import TamperedError
from ostinato.core.ports import Entry
from ostinato.core.records import Decision
from ostinato.stores.chain import Head, check_chain, next_entries
from ostinato.stores.closing import Closable
from ostinato.stores.sqlite import Database, Layout

PAGE: Final = 1_000
"""Entries read at once. Small: many queries; large: memory, and writers wait longer."""

JOURNAL_LAYOUT: Final = Layout(
    name="journal",
    application_id=0x4F53544A,  # "OSTJ"
    tables=(
        """CREATE TABLE entries (
            seq INTEGER PRIMARY KEY,
            ts_event_ns INTEGER NOT NULL,
            ts_record_ns INTEGER NOT NULL,
            kind TEXT NOT NULL,
            body TEXT NOT NULL,
            hash TEXT NOT NULL,
            measured TEXT NOT NULL
        ) STRICT""",
        """CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
            BEGIN SELECT raise(ABORT, 'entries of the journal are never changed'); END""",
        """CREATE TRIGGER entries_are_never_dropped BEFORE DELETE ON entries
            BEGIN SELECT raise(ABORT, 'entries of the journal are never dropped'); END""",
    ),
    scan=True,
)

_COLUMNS: Final = {
    "seq": int,
    "ts_event_ns": int,
    "ts_record_ns": int,
    "kind": str,
    "body": str,
    "hash": str,
    "measured": str,
}
_INSERT: Final = """INSERT INTO entries
    (seq, ts_event_ns, ts_record_ns, kind, body, hash, measured) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_PAGE_FROM: Final = """SELECT seq, ts_event_ns, ts_record_ns, kind, body, hash, measured
    FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?"""
_LAST: Final = "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"


class SqliteJournal(Closable):
    """The `Journal` port on a SQLite file; one writer, any number of readers.

    Parameters
    ----------
    path
        The file; made, with its folder, if there is none.
    readonly
        Read while another process writes.

    Raises
    ------
    StoreError
        If the file is not a journal, is damaged, or is open for writing elsewhere.
    """

    def __init__(self, path: str | Path, *, readonly: bool = False) -> None:
        self._database = Database(path, JOURNAL_LAYOUT, readonly=readonly)

    @property
    def path(self) -> Path:
        """Where the journal lies."""
        return self._database.path

    def append(self, decisions: Sequence[Decision]) -> None:
        if not decisions:
            return
        with self._database.writing() as connection:
            head = _head(connection.execute(_LAST).fetchone())
            rows = [
                tuple(getattr(entry, name) for name in _COLUMNS)
                for entry in next_entries(decisions, head, place=str(self.path))
            ]
            connection.executemany(_INSERT, rows)

    def entries(self, from_seq: int = 0) -> Iterator[Entry]:
        # Page by page, so that a slow reader holds neither the lock nor an old state of the file.
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_PAGE_FROM, (from_seq, PAGE)).fetchall()
            yield from (self._entry(row) for row in rows)
            if len(rows) < PAGE:
                return
            from_seq = rows[-1][0] + 1

    def head(self) -> Head:
        with self._database.reading() as connection:
            return _head(connection.execute(_LAST).fetchone())

    def verify(self, expected_head: Head | None = None) -> int:
        """Recompute the chain; return the number of entries.

        `measured` lies outside the hash and is not covered.

        Parameters
        ----------
        expected_head
            A head remembered from earlier, which the journal must still contain.

        Raises
        ------
        TamperedError
            If an entry was changed, dropped or put in.
        TruncatedError
            If entries are missing at the end, compared to `expected_head`.
        """
        with self._database.reading() as connection:
            before = connection.execute("SELECT count(*) FROM entries WHERE seq < 0").fetchone()[0]
        if before:
            raise TamperedError("Entries were put before the first one", found=before, expected="0")
        return check_chain(self.entries(), expected_head)

    def close(self) -> None:
        self._database.close()

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        for (name, kind), value in zip(_COLUMNS.items(), row, strict=True):
            if not isinstance(value, kind):
                raise TamperedError(
                    f"A row of the journal holds no {kind.__name__} in {name}",
                    found=f"{value!a} in {self.path}",
                    hint="Restore the journal from a backup.",
                )
        return Entry(**dict(zip(_COLUMNS, row, strict=True)))


def _head(last: tuple[int, str] | None) -> Head:
    return (0, "") if last is None else (last[0] + 1, last[1])
