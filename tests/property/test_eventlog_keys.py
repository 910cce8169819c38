"""Any interleaving of appends with repeated keys gives each key exactly one offset."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ostinato.stores import MemoryEventLog, SqliteEventLog

KEYS = st.text(alphabet="abä\x00'", max_size=2)
BATCHES = st.lists(st.tuples(KEYS, st.binary(max_size=4)), max_size=5)


def in_folder(use: Callable[[SqliteEventLog], None]) -> None:
    with tempfile.TemporaryDirectory() as folder, SqliteEventLog(Path(folder) / "log.db") as log:
        use(log)


def interleave(log, callers) -> None:
    start = threading.Barrier(len(callers))

    def call(batches):
        start.wait(30)
        return [pair for batch in batches for pair in zip(batch, log.append(batch), strict=True)]

    with ThreadPoolExecutor(max_workers=len(callers)) as threads:
        acknowledged = [pair for part in threads.map(call, callers) for pair in part]

    events = log.read(0, 10_000)
    kept = {key: offset for offset, key, _ in events}
    assert [offset for offset, _, _ in events] == list(range(log.end()))
    assert len(kept) == len(events), "each key is there once"
    assert set(kept) == {key for (key, _), _ in acknowledged}
    assert all(kept[key] == offset for (key, _), offset in acknowledged)
    given_payloads = {(key, payload) for (key, payload), _ in acknowledged}
    assert all((key, payload) in given_payloads for _, key, payload in events)


CALLERS = st.lists(st.lists(BATCHES, max_size=4), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(callers=CALLERS)
def test_memory_log_gives_each_key_one_offset_in_any_interleaving(callers):
    interleave(MemoryEventLog(), callers)


@settings(deadline=None, max_examples=60)
@given(callers=CALLERS)
def test_sqlite_log_gives_each_key_one_offset_in_any_interleaving(callers):
    in_folder(lambda log: interleave(log, callers))


class BothLogs(RuleBasedStateMachine):
    """Whatever is done to both, the log on disk answers as the one in memory does."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "log.db"
        self.disk, self.memory = SqliteEventLog(self.path), MemoryEventLog()

    @rule(batch=BATCHES)
    def append(self, batch):
        assert self.disk.append(batch) == self.memory.append(batch)

    @rule(from_offset=st.integers(0, 12), limit=st.integers(0, 12))
    def read(self, from_offset, limit):
        assert self.disk.read(from_offset, limit) == self.memory.read(from_offset, limit)

    @rule()
    def reopen(self):
        self.disk.close()
        self.disk = SqliteEventLog(self.path)

    @invariant()
    def same_end(self):
        assert self.disk.end() == self.memory.end()

    def teardown(self):
        self.disk.close()
        self.folder.cleanup()


def test_both_logs_answer_alike():
    run_state_machine_as_test(
        BothLogs, settings=settings(deadline=None, max_examples=25, stateful_step_count=15)
    )
