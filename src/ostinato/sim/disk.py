"""The stores of one run in a folder, and what is left of them when the process dies.

A crash is a copy of the folder as it lies there, taken while everything is still open, so that
nobody tidies up first. Of the write that was under way only the first part may be in the copy.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ostinato.core.errors import StoreError
from ostinato.stores.durable import write_whole
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry

EVENTS: Final = "events.db"
JOURNAL: Final = "journal.db"
LOG: Final = "-wal"
"""What SQLite adds to the name of a database for its write-ahead log."""

SNAPSHOTS: Final = "snapshots"
_KEPT: Final = 2  # snapshots: the newest may turn out to be torn
_NOT_COPIED: Final = ("*.lock", "*-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tear:
    """A write that was under way in `path`: what stood there before, how much of it is kept."""

    path: Path
    before: bytes
    kept: float


@dataclass(slots=True)
class Disk:
    """Open stores in a folder."""

    folder: Path
    events: SqliteEventLog
    journal: SqliteJournal
    registry: FolderRegistry

    @classmethod
    def open(cls, folder: Path) -> Disk:
        """Open what lies in a folder, or make it."""
        (folder / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
        return cls(
            folder=folder,
            events=SqliteEventLog(folder / EVENTS),
            journal=SqliteJournal(folder / JOURNAL),
            registry=FolderRegistry(folder / "registry"),
        )

    def close(self) -> None:
        """Close all of them."""
        self.events.close()
        self.journal.close()
        self.registry.close()

    def log_of(self, name: str) -> Path:
        """Return the write-ahead log of a database."""
        return self.folder / f"{name}{LOG}"

    @property
    def aliases(self) -> Path:
        """The file of the registry that says which version is champion."""
        return self.registry.path / "aliases.jsonl"

    def put_snapshot(self, number: int, content: bytes) -> Path:
        """Write a snapshot as a whole, with its hash before it; keep the last few."""
        path = self.folder / SNAPSHOTS / f"{number:08d}"
        write_whole(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        for old in self._snapshots()[:-_KEPT]:
            old.unlink()
        return path

    def snapshots(self) -> Iterator[bytes]:
        """Yield the snapshots that are whole, newest first."""
        for path in reversed(self._snapshots()):
            written, _, content = path.read_bytes().partition(b"\n")
            if written.decode(errors="replace") == hashlib.sha256(content).hexdigest():
                yield content

    def _snapshots(self) -> list[Path]:
        return sorted(p for p in (self.folder / SNAPSHOTS).iterdir() if p.suffix != ".tmp")


@contextmanager
def opened(folder: Path) -> Iterator[Disk]:
    """Open the stores of a folder for as long as a block lasts."""
    disk = Disk.open(folder)
    try:
        yield disk
    finally:
        disk.close()


def leave_behind(disk: Disk, tear: Tear | None, to: Path) -> None:
    """Copy what a dead process leaves on disk; then close what it had open.

    Raises
    ------
    StoreError
        If the write that was under way left no trace to tear.
    """
    shutil.copytree(disk.folder, to, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    if tear is not None:
        copied = to / tear.path.relative_to(disk.folder)
        if not copied.exists():
            raise StoreError("A torn write left no file", found=copied)
        copied.write_bytes(torn(tear.before, copied.read_bytes(), tear.kept))
    disk.close()


def torn(before: bytes, after: bytes, kept: float) -> bytes:
    """Return what lies there when only the first part of a write got through.

    >>> torn(b"aaaa", b"aabbbb", 0.5), torn(b"aaaa", b"aabbbb", 0.0)
    (b'aabb', b'aaaa')
    """
    shared = min(len(before), len(after))
    old, new = (np.frombuffer(each, dtype=np.uint8)[:shared] for each in (before, after))
    differs = np.flatnonzero(old != new)
    first = int(differs[0]) if len(differs) else shared
    cut = first + int((len(after) - first) * kept)
    return after[:cut] + before[cut:]
