"""Adapters for the suites: new ones in folders of their own, reopened as after a crash."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from ostinato.stores import (
    FolderRegistry,
    MemoryJournal,
    MemoryRegistry,
    SqliteEventLog,
    SqliteJournal,
)


@dataclass
class Workshop:
    folder: Path
    numbers: count = field(default_factory=count)
    made: list = field(default_factory=list)

    def place(self) -> Path:
        return self.folder / str(next(self.numbers)) / "store"

    def make(self, adapter, path=None):
        made = adapter(path or self.place())
        self.made.append(made)
        return made

    def after_crash(self, store):
        """Open a copy of what is on disk while the original is still open."""
        path = self.place()
        path.parent.mkdir(parents=True)
        for suffix in ("", "-wal"):
            source = store.path.with_name(store.path.name + suffix)
            if source.exists():
                shutil.copyfile(source, path.with_name(path.name + suffix))
        return self.make(type(store), path)

    def journal(self) -> SqliteJournal:
        return self.make(SqliteJournal)

    def eventlog(self) -> SqliteEventLog:
        return self.make(SqliteEventLog)

    def registry(self) -> FolderRegistry:
        return self.make(FolderRegistry)

    def reopened_registry(self, registry: FolderRegistry) -> FolderRegistry:
        return self.make(FolderRegistry, registry.path)

    def close(self) -> None:
        for store in self.made:
            store.close()


@pytest.fixture
def workshop(tmp_path):
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.close()


def changed(value):
    return value + 1 if isinstance(value, int) else "x" + value[1:]


@pytest.fixture
def tamper_journal():
    def in_memory(journal: MemoryJournal, seq: int, name: str) -> None:
        entry = journal._entries[seq]
        journal._entries[seq] = replace(entry, **{name: changed(getattr(entry, name))})

    def in_sqlite(journal: SqliteJournal, seq: int, name: str) -> None:
        with journal._database.writing() as connection:
            connection.execute("DROP TRIGGER entries_are_never_changed")
            (value,) = connection.execute(
                f"SELECT {name} FROM entries WHERE seq = ?", (seq,)
            ).fetchone()
            connection.execute(
                f"UPDATE entries SET {name} = ? WHERE seq = ?", (changed(value), seq)
            )

    return {MemoryJournal: in_memory, SqliteJournal: in_sqlite}


@pytest.fixture
def tamper_registry():
    def in_memory(registry: MemoryRegistry, content: str) -> None:
        registry._artifacts[content] = b"forged"

    def in_folder(registry: FolderRegistry, content: str) -> None:
        (registry.path / "artifacts" / content).write_bytes(b"forged")

    return {MemoryRegistry: in_memory, FolderRegistry: in_folder}
