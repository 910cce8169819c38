from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from ostinato.checks.samples import sample_decisions
from ostinato.core.errors import StoreError, TamperedError, TruncatedError
from ostinato.stores import MemoryJournal, SqliteJournal
from ostinato.stores.journal_sqlite import PAGE


def edit(path, *statements):
    """Change the file with plain SQL, as somebody without Ostinato would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER entries_are_never_changed")
        connection.execute("DROP TRIGGER entries_are_never_dropped")
        for statement in statements:
            connection.execute(statement)


def test_both_journals_write_the_same_entries(journal):
    memory = MemoryJournal()
    for adapter in (memory, journal):
        adapter.append(sample_decisions(0, 8))
    assert list(journal.entries()) == list(memory.entries())
    assert journal.head() == memory.head()


def test_journal_goes_on_where_it_was_closed(tmp_path):
    path = tmp_path / "deep" / "journal.db"
    with SqliteJournal(path) as journal:
        journal.append(sample_decisions(0, 3))
        head = journal.head()
    with SqliteJournal(path) as journal:
        assert journal.head() == head
        journal.append(sample_decisions(3, 2))
        assert journal.verify(head) == 5


def test_more_entries_than_a_page_are_read_in_order(journal):
    count = 2 * PAGE + 1
    journal.append(sample_decisions(0, count))
    assert [entry.seq for entry in journal.entries()] == list(range(count))
    assert [entry.seq for entry in journal.entries(PAGE)] == list(range(PAGE, count))
    assert journal.verify() == count


def test_reading_does_not_hold_up_writing(journal):
    journal.append(sample_decisions(0, PAGE + 1))
    reading = journal.entries()
    next(reading)
    journal.append(sample_decisions(PAGE + 1, 1))
    assert sum(1 for _ in reading) == PAGE + 1


def test_failure_in_the_middle_of_a_batch_leaves_nothing(journal):
    journal.append(sample_decisions(0, 1))
    too_late = replace(sample_decisions(2, 1)[0], ts_event_ns=2**70)
    with pytest.raises(OverflowError):
        journal.append([*sample_decisions(1, 1), too_late])
    assert journal.verify() == 1
    journal.append(sample_decisions(1, 2))
    assert journal.verify() == 3


@pytest.mark.parametrize("statement", ["UPDATE entries SET kind = 'x'", "DELETE FROM entries"])
def test_the_file_itself_refuses_changes(journal, statement):
    journal.append(sample_decisions(0, 2))
    refused = pytest.raises(sqlite3.IntegrityError, match="never")
    with closing(sqlite3.connect(journal.path)) as other, refused:
        other.execute(statement)
    assert journal.verify() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = replace(body, 'began', 'ended') WHERE seq = 0",
        "UPDATE entries SET body = CAST(x'ff' || substr(body, 2) AS TEXT) WHERE seq = 1",
        "UPDATE entries SET ts_event_ns = ts_event_ns + 1 WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 0",
        "UPDATE entries SET seq = 99 WHERE seq = 3",
        "INSERT INTO entries SELECT -1, 0, 0, kind, body, hash, measured FROM entries LIMIT 1",
    ],
)
def test_sql_behind_our_back_shows(tmp_path, statement):
    path = tmp_path / "journal.db"
    with SqliteJournal(path) as journal:
        journal.append(sample_decisions(0, 5))
    edit(path, statement)
    with SqliteJournal(path) as journal, pytest.raises(TamperedError):
        journal.verify()


def test_entries_cut_off_the_end_show_against_the_remembered_head(tmp_path):
    path = tmp_path / "journal.db"
    with SqliteJournal(path) as journal:
        journal.append(sample_decisions(0, 5))
        head = journal.head()
    edit(path, "DELETE FROM entries WHERE seq >= 3")
    with SqliteJournal(path) as journal:
        assert journal.verify() == 3
        with pytest.raises(TruncatedError):
            journal.verify(head)


def test_lost_write_ahead_log_shows_against_the_remembered_head(tmp_path, journal, opened):
    journal.append(sample_decisions(0, 5))
    shutil.copyfile(journal.path, tmp_path / "copy.db")  # without copy.db-wal
    with pytest.raises(StoreError):
        opened(SqliteJournal, tmp_path / "copy.db").verify(journal.head())


def test_column_of_another_type_is_found_when_read(tmp_path, journal):
    journal.append(sample_decisions(0, 1))
    row = journal._database._connection.execute("SELECT * FROM entries").fetchone()
    with pytest.raises(TamperedError, match="holds no str in body"):
        journal._entry((*row[:4], b"bytes", *row[5:]))
