"""One SQLite file as a store: one writer, any number of readers, each commit on disk.

The writer holds an exclusive lock on an empty file beside the store (``<path>.lock``) for as long
as it is open; the operating system gives the lock back when the process dies, however it dies. The
store itself is in WAL mode, so that readers never wait for the writer nor the writer for them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ostinato.core.errors import StoreError, TamperedError
from ostinato.stores.closing import Closable
from ostinato.stores.turns import Turns

FORMAT: Final = 1
"""Version of the tables, kept in `user_version`; a file with a higher one is refused."""

BUSY_SECONDS: Final = 5.0
"""How long to wait for another connection's checkpoint. Too small: refused for no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a kind of store looks like inside SQLite.

    `application_id` marks the file, so that an event log is never opened as a journal. `scan`:
    check every page when opening (for stores that stay small).
    """

    name: str
    application_id: int
    tables: tuple[str, ...]
    scan: bool


class Database(Closable):
    """An open SQLite file of a known layout; may be used from several threads.

    Parameters
    ----------
    path
        The file; made, with its folder, if there is none.
    layout
        What the file must contain.
    readonly
        Read beside a writer. The file must be there.
    shared
        Several processes write, all of them so: each commit waits for its turn at the lock.

    Raises
    ------
    StoreError
        If the file is not of this layout, is damaged, or is open for writing elsewhere.
    """

    def __init__(
        self, path: str | Path, layout: Layout, *, readonly: bool = False, shared: bool = False
    ) -> None:
        self.path, self.layout, self.readonly = Path(path).resolve(), layout, readonly
        self._mutex = threading.RLock()
        self._turns: Turns | None = None
        with ExitStack() as opened, self._explained():
            if shared and not readonly:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._turns = Turns(self.path.with_name(self.path.name + ".turns"))
                opened.callback(self._turns.close)
            elif not readonly:
                opened.callback(self._take_lock().close)
            with self._turn():
                self._connection = self._connect()
                opened.callback(self._connection.close)
                self._prepare()
            self._held = opened.pop_all()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read what is committed; other threads of this object wait."""
        with self._mutex, self._explained():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction: on disk when the block ends, undone when it raises."""
        with self.writing_once() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def writing_once(self) -> Iterator[sqlite3.Connection]:
        """Write by a single statement: on disk when it ends, undone when it raises.

        That spares the statements around it; each of them is a moment at which another thread can
        take the interpreter for a while.
        """
        if self.readonly:
            raise StoreError(
                f"The {self.layout.name} is open for reading only",
                found=self.path,
                hint="Open it without readonly=True, in one process at a time.",
            )
        with self._mutex, self._explained(), self._turn():
            yield self._connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for this process's turn, where several write."""
        if self._turns is None:
            yield
            return
        with self._turns:
            yield

    def close(self) -> None:
        """Close the file and let the next writer in. Closing twice does nothing."""
        with self._mutex, self._explained():
            self._held.close()

    def _take_lock(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock_path = self.path.with_name(self.path.name + ".lock")
        lock = sqlite3.connect(
            lock_path, isolation_level=None, timeout=0.0, check_same_thread=False
        )
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            lock.close()
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            raise StoreError(
                f"The {self.layout.name} is already open for writing",
                found=self.path,
                expected="one writer at a time",
                hint="Stop the other process, or open the file with readonly=True.",
            ) from error
        return lock

    def _connect(self) -> sqlite3.Connection:
        if self.readonly and not self.path.is_file():
            raise StoreError(f"There is no {self.layout.name} to read", found=self.path)
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={'ro' if self.readonly else 'rwc'}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
        )
        # Damaged text must reach the hash check, not stop the reader.
        connection.text_factory = lambda data: data.decode(errors="surrogateescape")
        return connection

    def _prepare(self) -> None:
        found, version = int(self._pragma("application_id")), int(self._pragma("user_version"))
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables == 0 and found == 0 and not self.readonly:
            self._create()
        elif found != self.layout.application_id:
            raise StoreError(
                f"The file is not a {self.layout.name} of Ostinato",
                found=f"{self.path} (application id {found})",
                expected=f"application id {self.layout.application_id}",
                hint="Give each store a file of its own.",
            )
        elif version > FORMAT:
            raise StoreError(
                f"The {self.layout.name} was written by a later release",
                found=f"{self.path} (format {version})",
                expected=f"format {FORMAT}",
                hint="Update Ostinato.",
            )
        # FULL: a commit returns after the fsync. With less, a power cut takes acknowledged entries.
        self._connection.execute("PRAGMA synchronous = FULL")
        if self.layout.scan and (verdict := self._pragma("quick_check(1)")) != "ok":
            raise self._damaged(verdict)

    def _create(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.writing() as connection:  # inside a turn already: turns nest
            for statement in self.layout.tables:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self.layout.application_id}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _pragma(self, name: str) -> str:
        return str(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _damaged(self, found: str) -> TamperedError:
        return TamperedError(
            f"The {self.layout.name} is damaged",
            found=f"{self.path} ({found})",
            hint="Restore the file from a backup, together with its -wal file if there is one.",
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_CORRUPT:
                raise self._damaged(str(error)) from error
            raise StoreError(
                f"The {self.layout.name} could not be used",
                found=f"{self.path} ({error})",
                expected=f"an open SQLite file with a {self.layout.name} of Ostinato",
                hint="Check the path, the permissions and the free space on the disk.",
            ) from error
        except UnicodeDecodeError as error:
            # The message about a damaged table quotes it, and is itself not text.
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise StoreError(
                f"The {self.layout.name} could not be used",
                found=f"{self.path} ({error.strerror or error})",
                hint="Check the path and the permissions.",
            ) from error


def _code(error: sqlite3.Error) -> int | None:
    # The low byte is the primary code; errors of the Python module itself have none.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
