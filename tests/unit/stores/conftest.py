from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from ostinato.stores import SqliteEventLog, SqliteJournal


@pytest.fixture
def opened():
    """Open stores that are closed when the test ends, whatever happens."""
    stores = []

    def open_store(adapter, *arguments, **options):
        stores.append(adapter(*arguments, **options))
        return stores[-1]

    yield open_store
    for store in reversed(stores):
        store.close()


@pytest.fixture
def journal(tmp_path, opened) -> SqliteJournal:
    return opened(SqliteJournal, tmp_path / "journal.db")


@pytest.fixture
def log(tmp_path, opened) -> SqliteEventLog:
    return opened(SqliteEventLog, tmp_path / "events.db")


@pytest.fixture
def in_another_process():
    """Run Python code in a process of its own; return what it printed."""

    def run(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    return run
