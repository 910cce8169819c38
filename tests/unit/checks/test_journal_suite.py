from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from ostinato.checks import check_journal
from ostinato.checks.journal import JOURNAL_LINES
from ostinato.core.ports import Journal
from ostinato.stores import MemoryJournal, SqliteJournal
from ostinato.stores.chain import next_entries


def words(text: str) -> str:
    return " ".join(text.split())


def test_memory_journal_keeps_the_contract(tamper_journal):
    check_journal(MemoryJournal, tamper=tamper_journal[MemoryJournal])


def test_sqlite_journal_keeps_the_contract(workshop, tamper_journal):
    check_journal(workshop.journal, workshop.after_crash, tamper=tamper_journal[SqliteJournal])


def test_lines_of_the_suite_stand_in_the_port():
    contract = words(Journal.__doc__)
    assert [line for line, _ in JOURNAL_LINES[1:] if line not in contract] == []


class LosesMeasured(MemoryJournal):
    def append(self, decisions):
        super().append([replace(decision, measured={}) for decision in decisions])


class TakesHalfABatch(MemoryJournal):
    def append(self, decisions):
        for decision in decisions:
            super().append([decision])


class TakesAnySeq(MemoryJournal):
    def append(self, decisions):
        for decision in decisions:
            _, last = self.head()
            self._entries += next_entries([decision], (decision.seq, last))


class TakesAnyFirstSeq(TakesAnySeq):
    """Refuses a wrong batch as a whole, but only looks at the order inside a batch."""

    def append(self, decisions):
        if decisions:
            self._entries += next_entries(decisions, (decisions[0].seq, self.head()[1]))


class ForgetsTheLast(MemoryJournal):
    def reopened(self):
        other = MemoryJournal()
        other._entries = self._entries[:-1]
        return other


class DropsOldEntries(MemoryJournal):
    def append(self, decisions):
        super().append(decisions)
        if len(decisions) == 1 and len(self._entries) > 3:
            self._entries[1] = replace(self._entries[1], kind="forgotten")


class KeepsWhatItRefused(MemoryJournal):
    """Looks right until it is reopened: a refused batch is on its disk."""

    def __init__(self):
        super().__init__()
        self.disk = []

    def append(self, decisions):
        self.disk += decisions
        super().append(decisions)

    def reopened(self):
        other = MemoryJournal()
        for seq, decision in enumerate(self.disk):
            other.append([replace(decision, seq=seq)])
        return other


class NeverLooks(MemoryJournal):
    def verify(self, expected_head=None):
        return len(self._entries)


class HashesTheBodyAlone(MemoryJournal):
    def append(self, decisions):
        super().append(decisions)
        self._entries = [
            replace(entry, hash=hashlib.sha256(entry.body.encode()).hexdigest())
            for entry in self._entries
        ]

    def verify(self, expected_head=None):
        return len(self._entries)


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (LosesMeasured, "entries are the decisions"),
        (TakesHalfABatch, "MUST append whole batches or nothing"),
        (TakesAnySeq, "MUST append whole batches or nothing"),
        (TakesAnyFirstSeq, "MUST refuse a `seq` that is not the next one"),
        (ForgetsTheLast, "MUST be on disk"),
        (DropsOldEntries, "MUST NOT change or drop entries"),
        (KeepsWhatItRefused, "After a crash MUST open with a prefix"),
        (NeverLooks, "MUST raise `TamperedError`"),
        (HashesTheBodyAlone, "MUST raise `TamperedError`"),
    ],
)
def test_suite_names_the_line_that_a_broken_journal_breaks(broken, line, tamper_journal):
    reopen = getattr(broken, "reopened", None)
    with pytest.raises(AssertionError, match=f"^Journal: {line}"):
        check_journal(broken, reopen, tamper=tamper_journal[MemoryJournal])


def test_an_unexpected_error_is_a_breach_of_the_line_too():
    class Raises(MemoryJournal):
        def entries(self, from_seq=0):
            raise KeyError("no such row")

    with pytest.raises(AssertionError, match="it raised KeyError: 'no such row'"):
        check_journal(Raises)
