"""Several processes write one event log."""

import subprocess
import sys

from ostinato.stores.eventlog_sqlite import SqliteEventLog

WRITER = """
import sys
from ostinato.stores.eventlog_sqlite import SqliteEventLog
path, name = sys.argv[1], sys.argv[2]
with SqliteEventLog(path, shared=True) as log:
    for number in range(100):
        log.append([(f"{name}/{number}", name.encode()), (f"both/{number}", name.encode())])
"""


def test_processes_take_turns_and_store_each_key_once(tmp_path):
    path = tmp_path / "events.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    with SqliteEventLog(path, readonly=True) as log:
        found = log.read(0, 1_000)
        assert [offset for offset, _, _ in found] == list(range(300))
        assert len({key for _, key, _ in found}) == 300


def test_an_event_is_found_by_its_key(tmp_path):
    with SqliteEventLog(tmp_path / "events.db", shared=True) as log:
        log.append([("one", b"1"), ("two", b"2")])
        assert log.find("two") == (1, b"2")
        assert log.find("three") is None


def test_what_held_a_key_before_is_told_whoever_wrote_it(tmp_path):
    path = tmp_path / "events.db"
    with SqliteEventLog(path, shared=True) as ours, SqliteEventLog(path, shared=True) as theirs:
        theirs.append([("one", b"theirs")])

        stored = ours.append_once([("one", b"ours"), ("two", b"first"), ("two", b"second")])

        assert stored == [(0, b"theirs"), (1, None), (1, b"first")]
        assert ours.find("one") == (0, b"theirs")
