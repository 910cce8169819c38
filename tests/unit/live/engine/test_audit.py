"""An audit derives every decision again, and names the first that came out otherwise."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ostinato.core.errors import TamperedError
from ostinato.live.audit import replay_journal, verify
from ostinato.live.lake.lake import Lake
from ostinato.live.layout import Layout
from ostinato.stores.eventlog_sqlite import SqliteEventLog


@pytest.fixture
def copied(played: Any, tmp_path: Path) -> Layout:
    shutil.copytree(played.layout.folder, tmp_path / "copy")
    return Layout(tmp_path / "copy")


def test_every_decision_of_a_sound_journal_comes_out_again(copied: Layout, played: Any) -> None:
    assert replay_journal(copied) is None
    assert verify(copied) == len(played.entries())


def test_what_was_trimmed_is_derived_from_the_lake(copied: Layout, played: Any) -> None:
    with SqliteEventLog(copied.events, shared=True) as events:
        Lake(copied, played.folder.schema).compact(events)
        events.trim(events.end() // 2)
    assert replay_journal(copied) is None


def test_an_event_that_was_changed_shows_as_a_decision_that_differs(
    copied: Layout,
) -> None:
    with sqlite3.connect(copied.events) as database:
        database.execute("DELETE FROM events WHERE key LIKE 'l/%' AND offset < 200")
    database.close()
    difference = replay_journal(copied)
    assert difference is not None
    assert difference.derived != difference.written


def test_a_log_that_ends_too_early_shows(copied: Layout, played: Any) -> None:
    with sqlite3.connect(copied.events) as database:
        database.execute("DELETE FROM events WHERE offset > 100")
    database.close()
    difference = replay_journal(copied)
    assert difference is not None
    assert difference.derived is None
    assert difference.written == played.entries()[difference.seq][0]


def test_a_changed_entry_breaks_the_chain(copied: Layout) -> None:
    with sqlite3.connect(copied.journal) as database:
        database.execute("DROP TRIGGER entries_are_never_changed")
        database.execute("UPDATE entries SET body = replace(body, 'v001', 'v999') WHERE seq = 5")
    database.close()
    with pytest.raises(TamperedError):
        verify(copied)
    difference = replay_journal(copied)
    assert difference is not None
    assert difference.seq == 5
