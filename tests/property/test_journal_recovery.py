"""A journal after a crash and after tampering: any prefix recovers, any changed byte shows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.checks.samples import sample_decisions
from ostinato.core.errors import StoreError, TamperedError
from ostinato.stores import MemoryJournal, SqliteJournal, check_chain
from ostinato.stores.chain import next_entries

WRITER = """
import sys
from ostinato.checks.samples import sample_decisions
from ostinato.stores import SqliteJournal

journal, size = SqliteJournal(sys.argv[1]), int(sys.argv[2])
seq = journal.head()[0]
while True:
    journal.append(sample_decisions(seq, size))
    seq += size
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
"""


def killed_writer(path: Path, *, size: int, batches: int) -> int:
    """Let a process append until it has acknowledged `batches`, kill it, return the last seq."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(size)], stdout=subprocess.PIPE, text=True
    ) as child:
        acknowledged = 0
        for _ in range(batches):
            acknowledged = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        # What it said before it died counts too: it was on disk by then.
        rest = [line for line in child.stdout.read().split("\n")[:-1] if line]
        return int(rest[-1]) if rest else acknowledged


@pytest.mark.parametrize(("size", "batches"), [(1, 3), (7, 25), (40, 12), (1, 60)])
def test_killed_writer_leaves_a_gapless_prefix_with_all_it_acknowledged(tmp_path, size, batches):
    path, floor = tmp_path / "journal.db", 0
    for _ in range(2):  # the second process finds what the first one left
        floor = max(floor, killed_writer(path, size=size, batches=batches))
        with SqliteJournal(path) as journal:
            count = journal.verify()
            assert count >= floor
            assert count % size == 0, "a batch is there as a whole or not at all"
            bodies = [entry.body for entry in journal.entries()]
        assert bodies == [decision.canonical() for decision in sample_decisions(0, count)]


@pytest.fixture(scope="module")
def write_ahead_log():
    """The bytes of a journal and of its write-ahead log, with the end of the log per batch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        wal, ends = Path(f"{path}-wal"), []
        with SqliteJournal(path) as journal:
            for seq in range(0, 40, 4):
                journal.append(sample_decisions(seq, 4))
                ends.append(wal.stat().st_size)
            yield path.read_bytes(), wal.read_bytes(), ends


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_log_torn_at_any_byte_recovers_to_whole_batches(write_ahead_log, data):
    database, wal, ends = write_ahead_log
    cut = data.draw(st.integers(min_value=ends[0], max_value=len(wal)), label="cut")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        path.write_bytes(database)
        Path(f"{path}-wal").write_bytes(wal[:cut])
        with SqliteJournal(path) as journal:
            whole = sum(1 for end in ends if end <= cut)
            assert journal.verify() == 4 * whole
            journal.append(sample_decisions(4 * whole, 1))
            assert journal.verify() == 4 * whole + 1


@settings(deadline=None, max_examples=50)
@given(sizes=st.lists(st.integers(0, 5), max_size=8), extra=st.integers(0, 3))
def test_any_prefix_of_a_chain_is_a_chain_and_is_found_in_the_longer_one(sizes, extra):
    journal, seq, heads = MemoryJournal(), 0, [(0, "")]
    for size in sizes:
        journal.append(sample_decisions(seq, size))
        seq += size
        heads.append(journal.head())
    entries = list(journal.entries())
    for head in heads:
        assert check_chain(entries[: head[0]]) == head[0]
        assert check_chain(entries, head) == len(entries)


COUNT = 6
PLACES = st.sampled_from(["body", "hash", "kind", "ts_event_ns", "ts_record_ns"])


@settings(deadline=None, max_examples=300)
@given(seq=st.integers(0, COUNT - 1), name=PLACES, where=st.integers(0), flip=st.integers(1, 255))
def test_any_changed_byte_of_any_column_shows(seq, name, where, flip):
    entries = next_entries(sample_decisions(0, COUNT), (0, ""))
    value = getattr(entries[seq], name)
    entries[seq] = replace(entries[seq], **{name: with_flipped_byte(value, where, flip)})
    with pytest.raises(TamperedError):
        check_chain(entries)


def with_flipped_byte(value, where, flip):
    if isinstance(value, int):
        return value ^ (flip << 8 * (where % 7))
    content = bytearray(value.encode())
    content[where % len(content)] ^= flip
    return content.decode(errors="surrogateescape")  # as the SQLite adapter reads damaged text


@pytest.fixture(scope="module")
def closed_journal():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with SqliteJournal(path) as journal:
            journal.append(sample_decisions(0, COUNT))
            entries = list(journal.entries())
        yield path, entries


@settings(deadline=None, max_examples=120)
@given(data=st.data())
def test_any_byte_of_a_body_or_hash_changed_in_the_file_shows(closed_journal, data):
    path, entries = closed_journal
    entry = data.draw(st.sampled_from(entries), label="entry")
    text = data.draw(st.sampled_from([entry.body, entry.hash]), label="text").encode()
    where = data.draw(st.integers(0, len(text) - 1), label="where")
    flip = data.draw(st.integers(1, 255), label="flip")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copyfile(path, Path(folder) / "journal.db"))
        content = bytearray(copy.read_bytes())
        content[content.index(text) + where] ^= flip
        copy.write_bytes(content)
        with pytest.raises(TamperedError), SqliteJournal(copy) as journal:
            journal.verify()


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_byte_of_the_file_changed_is_found_or_leaves_the_decisions_alone(closed_journal, data):
    path, entries = closed_journal
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1), label="where")
    content[where] ^= data.draw(st.integers(1, 255), label="flip")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal.db"
        copy.write_bytes(content)
        head = (COUNT, entries[-1].hash)
        try:
            with SqliteJournal(copy) as journal:
                journal.verify(head)
                found = [replace(entry, measured="") for entry in journal.entries()]
        except StoreError:
            return
        assert found == [replace(entry, measured="") for entry in entries]
