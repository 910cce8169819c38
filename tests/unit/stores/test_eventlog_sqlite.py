from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ostinato.core.errors import StoreError
from ostinato.stores import MemoryEventLog, SqliteEventLog
from ostinato.stores.eventlog_sqlite import KEYS_PER_QUERY


@pytest.fixture(params=[MemoryEventLog, SqliteEventLog])
def each(request, tmp_path, opened):
    place = [tmp_path / "events.db"] if request.param is SqliteEventLog else []
    return opened(request.param, *place)


def test_log_goes_on_where_it_was_closed(tmp_path):
    with SqliteEventLog(tmp_path / "events.db") as log:
        log.append([("a", b"1"), ("b", b"2")])
    with SqliteEventLog(tmp_path / "events.db") as log:
        assert log.append([("b", b"again"), ("c", b"3")]) == [1, 2]
        assert log.read(0, 9) == [(0, "a", b"1"), (1, "b", b"2"), (2, "c", b"3")]


def test_batch_larger_than_a_query_is_stored_once(each):
    events = [(str(n), b"") for n in range(3 * KEYS_PER_QUERY + 1)]
    assert each.append(events) == list(range(len(events)))
    assert each.append(events[::-1]) == list(range(len(events)))[::-1]
    assert each.end() == len(events)


@pytest.mark.parametrize("events", [[(1, b"")], [("\ud800", b"")], [("a", "text")], [("a", None)]])
def test_event_that_cannot_be_stored_is_refused_whole(each, events):
    with pytest.raises(StoreError, match=r"of an event|of event"):
        each.append([("good", b""), *events])
    assert each.end() == 0


def test_many_threads_share_commits(log):
    commits = []
    commit = log._group.commit
    log._group.commit = lambda events: commits.append(len(events)) or commit(events)
    with ThreadPoolExecutor(max_workers=16) as threads:
        offsets = list(threads.map(lambda n: log.append([(str(n), b"x")])[0], range(400)))
    assert sorted(offsets) == list(range(400))
    assert sum(commits) == 400
    assert len(commits) < 400


def test_events_are_committed_when_append_returns(log, in_another_process):
    log.append([("a", b"1")])
    said = in_another_process(f"""
        from ostinato.stores import SqliteEventLog
        with SqliteEventLog({str(log.path)!r}, readonly=True) as log:
            print(log.read(0, 9))
    """)
    assert said == "[(0, 'a', b'1')]"


def test_failed_commit_stores_nothing_and_the_log_goes_on(log):
    log.append([("a", b"1")])
    stored = log._database._connection
    stored.execute(
        "CREATE TRIGGER full BEFORE INSERT ON events WHEN new.key = 'bad' "
        "BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    with pytest.raises(StoreError, match="not stored") as caught:
        log.append([("b", b"2"), ("bad", b"3")])
    assert "disk full" in str(caught.value.__cause__)
    assert log.append([("b", b"2")]) == [1]


def test_reader_does_not_append(log, opened):
    reader = opened(SqliteEventLog, log.path, readonly=True)
    with pytest.raises(StoreError, match="not stored"):
        reader.append([("a", b"")])


@pytest.mark.parametrize(("from_offset", "limit"), [(-1, 1), (0, -1)])
def test_negative_places_are_a_bug_of_the_caller(each, from_offset, limit):
    with pytest.raises(AssertionError):
        each.read(from_offset, limit)
