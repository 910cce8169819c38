from __future__ import annotations

import pytest

from ostinato.checks import check_eventlog
from ostinato.checks.eventlog import EVENTLOG_LINES
from ostinato.core.ports import EventLog
from ostinato.stores import MemoryEventLog


def test_memory_eventlog_keeps_the_contract():
    check_eventlog(MemoryEventLog)


def test_sqlite_eventlog_keeps_the_contract(workshop):
    check_eventlog(workshop.eventlog, workshop.after_crash)


def test_lines_of_the_suite_stand_in_the_port():
    contract = " ".join(EventLog.__doc__.split())
    assert [line for line, _ in EVENTLOG_LINES if line not in contract] == []


class SkipsOffsets(MemoryEventLog):
    def append(self, events):
        return [offset * 2 for offset in super().append(events)]


class AnswersBeforeItKnows(MemoryEventLog):
    """Guesses offsets from the end it saw, as if nobody else appended."""

    def append(self, events):
        new = [key for key, _ in events if key not in self._offsets]
        answers = super().append(events)
        if events and events[0][0].startswith("own/3/") and new:
            return [answers[0] + 1, *answers[1:]]
        return answers


class ForgetsOnReopening(MemoryEventLog):
    def reopened(self):
        return MemoryEventLog()


class ForgetsKeysOnReopening(MemoryEventLog):
    def reopened(self):
        other = MemoryEventLog()
        other._events = list(self._events)
        return other


class StoresEachTime(MemoryEventLog):
    def append(self, events):
        if any(key.startswith(("own", "shared")) for key, _ in events):
            return super().append(events)
        self._offsets.clear()
        return super().append(events)


class LastPayloadWins(MemoryEventLog):
    def append(self, events):
        offsets = super().append(events)
        for offset, (key, payload) in zip(offsets, events, strict=True):
            self._events[offset] = (offset, key, payload)
        return offsets


class StripsZeros(MemoryEventLog):
    def append(self, events):
        return super().append([(key, payload.strip(b"\x00")) for key, payload in events])


class IgnoresTheLimit(MemoryEventLog):
    def read(self, from_offset, limit):
        return super().read(from_offset, limit if limit == 1 else 1_000)


class TrimsNothing(MemoryEventLog):
    def trim(self, before_offset):
        pass


class BeginsAnewWhenTrimmed(MemoryEventLog):
    def trim(self, before_offset):
        super().trim(before_offset)
        self._trimmed = 0


class TrimsTheNewest(MemoryEventLog):
    def trim(self, before_offset):
        gone = max(min(before_offset - self._trimmed, len(self._events)), 0)
        for _, key, _ in self._events[:gone]:
            del self._offsets[key]
        del self._events[:gone]
        self._trimmed += gone


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (SkipsOffsets, "MUST give each event the next offset"),
        (AnswersBeforeItKnows, "MUST give each event the next offset"),
        (ForgetsOnReopening, "MUST be durable"),
        (ForgetsKeysOnReopening, "MUST be durable"),
        (StoresEachTime, "MUST keep one event per key"),
        (LastPayloadWins, "MUST keep one event per key"),
        (StripsZeros, "MUST read back exactly the bytes given"),
        (IgnoresTheLimit, "MUST read back exactly the bytes given"),
        (TrimsNothing, "MUST drop with `trim`"),
        (BeginsAnewWhenTrimmed, "MUST drop with `trim`"),
        (TrimsTheNewest, "MUST drop with `trim`"),
    ],
)
def test_suite_names_the_line_that_a_broken_eventlog_breaks(broken, line):
    with pytest.raises(AssertionError, match=f"^EventLog: {line}"):
        check_eventlog(broken, getattr(broken, "reopened", None))
