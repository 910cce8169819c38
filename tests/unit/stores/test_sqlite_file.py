from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from ostinato.checks.samples import sample_decisions
from ostinato.core.errors import StoreError, TamperedError
from ostinato.stores import SqliteEventLog, SqliteJournal

BOTH = pytest.mark.parametrize("adapter", [SqliteJournal, SqliteEventLog])


@BOTH
def test_file_that_is_not_sqlite_is_refused_with_its_path(tmp_path, adapter):
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt \(file is not a database\)") as caught:
        adapter(path)
    assert caught.value.hint
    assert path.read_text().startswith("These are my notes.")


@BOTH
def test_database_of_somebody_else_is_refused_and_left_alone(tmp_path, adapter):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    with pytest.raises(StoreError, match="application id 0"):
        adapter(path)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_event_log_is_not_a_journal(tmp_path):
    SqliteEventLog(tmp_path / "store.db").close()
    with pytest.raises(StoreError, match="not a journal of Ostinato"):
        SqliteJournal(tmp_path / "store.db")


def test_file_of_a_later_release_is_refused(tmp_path):
    path = tmp_path / "journal.db"
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="later release"):
        SqliteJournal(path)


@pytest.mark.parametrize("kept", [0.4, 0.6, 0.9])
def test_torn_file_is_refused(tmp_path, kept):
    path = tmp_path / "journal.db"
    with SqliteJournal(path) as journal:
        journal.append(sample_decisions(0, 200))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(TamperedError, match="The journal is damaged"):
        SqliteJournal(path)


@BOTH
def test_folder_is_no_store(tmp_path, adapter):
    with pytest.raises(StoreError, match="could not be used"):
        adapter(tmp_path)


@BOTH
def test_file_below_a_file_is_refused(tmp_path, adapter):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be used"):
        adapter(tmp_path / "file" / "journal.db")


@BOTH
def test_second_writer_in_this_process_is_refused(tmp_path, adapter, opened):
    opened(adapter, tmp_path / "store.db")
    with pytest.raises(StoreError, match="already open for writing") as caught:
        adapter(tmp_path / "store.db")
    assert "readonly=True" in caught.value.hint


def test_second_writer_in_another_process_is_refused(journal, in_another_process):
    said = in_another_process(f"""
        from ostinato.core.errors import StoreError
        from ostinato.stores import SqliteJournal
        try:
            SqliteJournal({str(journal.path)!r})
        except StoreError as error:
            print(error.what)
    """)
    assert said == "The journal is already open for writing"


def test_writer_by_another_name_is_refused(tmp_path, journal):
    link = tmp_path / "link.db"
    link.symlink_to(journal.path)
    with pytest.raises(StoreError, match="already open for writing"):
        SqliteJournal(link)


def test_lock_of_a_killed_writer_is_free_again(tmp_path):
    path = tmp_path / "journal.db"
    code = f"""
import sys
from ostinato.stores import SqliteJournal
journal = SqliteJournal({str(path)!r})
print("open", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match="already open"):
            SqliteJournal(path)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with SqliteJournal(path) as journal:
        assert journal.head() == (0, "")


def test_reader_sees_what_the_writer_commits(journal, opened):
    reader = opened(SqliteJournal, journal.path, readonly=True)
    assert reader.head() == (0, "")
    journal.append(sample_decisions(0, 3))
    assert reader.verify(journal.head()) == 3


def test_reader_in_another_process_sees_what_the_writer_commits(journal, in_another_process):
    journal.append(sample_decisions(0, 3))
    said = in_another_process(f"""
        from ostinato.stores import SqliteJournal
        with SqliteJournal({str(journal.path)!r}, readonly=True) as journal:
            print(journal.verify())
    """)
    assert said == "3"


def test_reader_opens_a_file_without_a_writer(tmp_path, opened):
    with SqliteJournal(tmp_path / "journal.db") as journal:
        journal.append(sample_decisions(0, 3))
    assert opened(SqliteJournal, tmp_path / "journal.db", readonly=True).verify() == 3


def test_reader_does_not_write(journal, opened):
    reader = opened(SqliteJournal, journal.path, readonly=True)
    with pytest.raises(StoreError, match="open for reading only"):
        reader.append(sample_decisions(0, 1))


@BOTH
def test_reader_needs_a_store_that_is_there(tmp_path, adapter):
    with pytest.raises(StoreError, match="to read"):
        adapter(tmp_path / "none.db", readonly=True)
    assert list(tmp_path.iterdir()) == []


def test_closed_store_says_so(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.close()
    journal.close()
    with pytest.raises(StoreError, match="closed database"):
        journal.head()


def test_refused_file_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "store.db"
    path.write_text("no database, but long enough to be read as the header of one " * 20)
    with pytest.raises(StoreError, match="not a database"):
        SqliteJournal(path)
    path.unlink()
    SqliteJournal(path).close()


def test_commits_are_synced_in_full(journal):
    connection = journal._database._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_path_with_characters_of_a_url_is_a_path(tmp_path):
    path = tmp_path / "a b?mode=ro#1%20" / "journal.db"
    with SqliteJournal(path) as journal:
        journal.append(sample_decisions(0, 1))
    assert path.is_file()
