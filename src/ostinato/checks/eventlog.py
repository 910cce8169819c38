"""Conformance of an event log: the contract lines of `ostinato.core.ports.EventLog`, one by one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from ostinato.checks.contract import run_lines
from ostinato.checks.samples import sample_events
from ostinato.core.ports import EventLog


@dataclass(frozen=True, slots=True)
class _Given:
    make: Callable[[], EventLog]
    reopen: Callable[[EventLog], EventLog] | None


def check_eventlog(
    make: Callable[[], EventLog], reopen: Callable[[EventLog], EventLog] | None = None
) -> None:
    """Check that an event log keeps the contract of its port.

    Parameters
    ----------
    make
        Makes an empty event log, a new one each time.
    reopen
        Opens what an event log left on disk, as after a crash. None: it has no disk, and the line
        about disk is not checked.

    Raises
    ------
    AssertionError
        If a contract line is broken; the message names the line.
    """
    run_lines("EventLog", EVENTLOG_LINES, _Given(make, reopen))


def _no_gaps(given: _Given) -> None:
    log = given.make()
    assert log.end() == 0, f"the end of an empty log was {log.end()}"
    assert log.append([]) == [], "appending nothing gave offsets"
    assert log.append(sample_events("a", 3)) == [0, 1, 2], "the first offsets are not 0, 1, 2"
    assert log.append(sample_events("b", 2)) == [3, 4], "offsets do not go on from the last one"
    assert log.end() == 5, f"after five events the end was {log.end()}"
    _append_at_once(log)
    offsets = [offset for offset, _, _ in log.read(0, 1_000)]
    assert offsets == list(range(log.end())), "offsets have gaps after callers came at once"


def _append_at_once(log: EventLog) -> None:
    # Each thread appends events of its own and some that all threads append.
    def append(thread: int) -> list[tuple[str, int]]:
        acknowledged = []
        for index in range(5):
            own, shared = (f"own/{thread}/{index}", b"own"), (f"shared/{index}", b"shared")
            offsets = log.append([own, shared])
            acknowledged += [(own[0], offsets[0]), (shared[0], offsets[1])]
        return acknowledged

    with ThreadPoolExecutor(max_workers=4) as threads:
        answers = [answer for part in threads.map(append, range(4)) for answer in part]
    kept = {key: offset for offset, key, _ in log.read(0, 1_000)}
    for key, offset in answers:
        assert kept.get(key) == offset, f"{key} was acknowledged at {offset}, is at {kept.get(key)}"


def _durable(given: _Given) -> None:
    if given.reopen is None:
        return
    log = given.make()
    log.append(sample_events("a", 300))
    before = log.read(0, 1_000)
    reopened = given.reopen(log)
    assert reopened.read(0, 1_000) == before, "events are missing or changed after reopening"
    offset = reopened.end()
    assert offset == 300, f"after reopening the end was {offset}, not 300"
    assert reopened.append(sample_events("b", 1)) == [300], "offsets do not go on after reopening"
    assert reopened.append(sample_events("a", 1)) == [0], "keys are forgotten after reopening"


def _one_per_key(given: _Given) -> None:
    log = given.make()
    offsets = log.append([("a", b"first"), ("b", b"other"), ("a", b"second")])
    assert offsets == [0, 1, 0], f"a key repeated in one batch gave offsets {offsets}"
    offsets = log.append([("c", b"new"), ("a", b"third")])
    assert offsets == [2, 0], f"a key appended again gave offsets {offsets}"
    assert log.end() == 3, f"three keys made {log.end()} events"
    first = log.read(0, 1)
    assert first == [(0, "a", b"first")], f"the event of a repeated key became {first}"


def _exact_bytes(given: _Given) -> None:
    log = given.make()
    payloads = [b"", bytes(range(256)), b"\x00" * 3, b"\xff\xfe", "größer".encode(), b"x" * 100_000]
    keys = ["plain", "", "größer/更大", "with\x00zero", "'quoted'", "PLAIN"]
    events = list(zip(keys, payloads, strict=True))
    log.append(events)
    kept = log.read(0, len(events))
    right = [(offset, key, payload) for offset, (key, payload) in enumerate(events)]
    assert kept == right, "keys or bytes changed on the way"
    assert log.read(2, 3) == right[2:5], "read(2, 3) is not offsets 2, 3 and 4"
    assert log.read(5, 10) == right[5:], "a limit beyond the end changed what is read"
    assert log.read(6, 10) == [], "there are events beyond the end"
    assert log.read(0, 0) == [], "a limit of 0 gave events"


def _trimmed(given: _Given) -> None:
    log = given.make()
    log.append(sample_events("a", 3_000))
    newer = log.append(sample_events("b", 5))
    log.trim(newer[1])
    kept = [offset for offset, _, _ in log.read(0, 10_000)]
    assert kept == newer[1:], f"after trim({newer[1]}) there were offsets {kept[:5]} ..."
    assert log.end() == newer[-1] + 1, "trimming moved the end"
    again = log.append(sample_events("a", 1))
    assert again == [newer[-1] + 1], f"the key of a trimmed event was remembered at {again}"
    log.trim(1_000_000)
    kept = [offset for offset, _, _ in log.read(0, 10_000)]
    assert kept == again, f"trimming beyond the end left offsets {kept}, not the newest"
    log.trim(0)
    if given.reopen is not None:
        log = given.reopen(log)
    assert log.append(sample_events("c", 1)) == [again[0] + 1], "offsets do not go on after a trim"


_DURABLE: Final = (
    "MUST be durable when `append` returns (for adapters on disk), with many events in one commit"
)
_ONE_PER_KEY: Final = (
    "MUST keep one event per key: appending a key again returns the first one's offset and stores "
    "nothing"
)

_TRIM: Final = (
    "MUST drop with `trim` what lies before an offset, keys included, but never the newest event: "
    "offsets go on"
)

EVENTLOG_LINES: Final = (
    ("MUST give each event the next offset, without gaps", _no_gaps),
    (_DURABLE, _durable),
    (_ONE_PER_KEY, _one_per_key),
    ("MUST read back exactly the bytes given", _exact_bytes),
    (_TRIM, _trimmed),
)
"""The contract, line by line, with the check of each."""
