"""Conformance of a journal: the contract lines of `ostinato.core.ports.Journal`, one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ostinato.checks.contract import refuses, run_lines
from ostinato.checks.samples import sample_decisions
from ostinato.core.canonical import canonical_json
from ostinato.core.errors import StoreError, TamperedError
from ostinato.core.ports import Entry, Journal

TAMPERED: Final = ("body", "hash", "kind", "ts_event_ns", "ts_record_ns")
"""What the suite asks `tamper` to change. `measured` lies outside the hash."""


@dataclass(frozen=True, slots=True)
class _Given:
    make: Callable[[], Journal]
    reopen: Callable[[Journal], Journal] | None
    tamper: Callable[[Journal, int, str], None] | None

    def filled(self, count: int) -> Journal:
        journal = self.make()
        journal.append(sample_decisions(0, count))
        return journal


def check_journal(
    make: Callable[[], Journal],
    reopen: Callable[[Journal], Journal] | None = None,
    *,
    tamper: Callable[[Journal, int, str], None] | None = None,
) -> None:
    """Check that a journal keeps the contract of its port.

    Parameters
    ----------
    make
        Makes an empty journal, a new one each time.
    reopen
        Opens what a journal left on disk, as after a crash. None: the journal has no disk, and the
        lines about disk and crash are not checked.
    tamper
        Changes one field (one of `TAMPERED`) of the entry with this `seq` behind the journal's
        back. None: only the chain itself is checked.

    Raises
    ------
    AssertionError
        If a contract line is broken; the message names the line.
    """
    run_lines("Journal", JOURNAL_LINES, _Given(make, reopen, tamper))


def _reads_back(given: _Given) -> None:
    decisions = sample_decisions(0, 9)
    journal = given.make()
    assert journal.head() == (0, ""), f"the head of an empty journal was {journal.head()}"
    assert list(journal.entries()) == [], "an empty journal has entries"
    journal.append(decisions[:4])
    journal.append([])
    journal.append(decisions[4:])
    entries = list(journal.entries())
    assert len(entries) == len(decisions), f"{len(entries)} of {len(decisions)} entries came back"
    for decision, entry in zip(decisions, entries, strict=True):
        kept = (entry.seq, entry.ts_event_ns, entry.ts_record_ns, entry.kind)
        given_ = (decision.seq, decision.ts_event_ns, decision.ts_record_ns, decision.kind)
        assert kept == given_, f"entry {entry.seq} has {kept}, its decision {given_}"
        assert entry.body == decision.canonical(), f"entry {entry.seq} has another body"
        measured = canonical_json(decision.measured)
        assert entry.measured == measured, f"entry {entry.seq} has another `measured`"
    assert list(journal.entries(6)) == entries[6:], "entries(6) does not begin with seq 6"
    assert list(journal.entries(9)) == [], "entries() from the end on are not empty"
    head = journal.head()
    assert head == (9, entries[-1].hash), f"the head was {head}, not the end of the entries"


def _whole_batches(given: _Given) -> None:
    journal = given.filled(2)
    before = (journal.head(), list(journal.entries()))
    good = sample_decisions(2, 2)
    assert refuses(partial(journal.append, [*good, *sample_decisions(7, 1)]), StoreError), (
        "a batch with a wrong `seq` at its end was taken"
    )
    assert (journal.head(), list(journal.entries())) == before, "a refused batch left entries"


def _next_seq_only(given: _Given) -> None:
    for filled, wrong in ((0, 1), (0, -1), (3, 2), (3, 4), (3, 0)):
        journal = given.filled(filled)
        assert refuses(partial(journal.append, sample_decisions(wrong, 1)), StoreError), (
            f"a journal of {filled} entries took seq {wrong}"
        )
    twice = given.filled(1)
    assert refuses(partial(twice.append, sample_decisions(1, 1) * 2), StoreError), (
        "one batch brought the same `seq` twice"
    )


def _on_disk(given: _Given) -> None:
    if given.reopen is None:
        return
    journal = given.filled(5)
    before = list(journal.entries())
    after = list(given.reopen(journal).entries())
    assert after == before, f"{len(before)} entries before, {len(after)} others after reopening"


def _never_changed(given: _Given) -> None:
    journal = given.make()
    seen: list[Entry] = []
    for seq in range(6):
        journal.append(sample_decisions(seq, 1))
        entries = list(journal.entries())
        assert entries[:-1] == seen, f"appending seq {seq} changed an earlier entry"
        assert list(journal.entries()) == entries, "reading twice gave different entries"
        seen = entries


def _gapless_after_crash(given: _Given) -> None:
    if given.reopen is None:
        return
    journal = given.filled(3)
    wrong = [*sample_decisions(3, 2), *sample_decisions(9, 1)]
    assert refuses(partial(journal.append, wrong), StoreError), "a gap was taken"
    reopened = given.reopen(journal)
    seqs = [entry.seq for entry in reopened.entries()]
    assert seqs == [0, 1, 2], f"acknowledged were seq 0, 1, 2; after reopening there were {seqs}"
    reopened.append(sample_decisions(3, 2))
    assert reopened.verify() == 5, "the chain does not go on after reopening"


def _tampering_shows(given: _Given) -> None:
    journal = given.filled(4)
    assert journal.verify() == 4, "verify does not return the number of entries"
    previous = ""
    for entry in journal.entries():
        right = hashlib.sha256((previous + entry.body).encode()).hexdigest()
        assert entry.hash == right, f"the hash of entry {entry.seq} is not that of the chain"
        previous = entry.hash
    if given.tamper is None:
        return
    for seq in range(4):
        for name in TAMPERED:
            changed = given.filled(4)
            given.tamper(changed, seq, name)
            assert refuses(changed.verify, TamperedError), (
                f"verify did not see that {name} of entry {seq} was changed"
            )


JOURNAL_LINES: Final = (
    ("entries are the decisions as they were appended", _reads_back),
    ("MUST append whole batches or nothing", _whole_batches),
    ("MUST refuse a `seq` that is not the next one", _next_seq_only),
    ("MUST be on disk (for adapters that have one) when `append` returns", _on_disk),
    ("MUST NOT change or drop entries", _never_changed),
    (
        "After a crash MUST open with a prefix of what was acknowledged, never with a gap",
        _gapless_after_crash,
    ),
    (
        "MUST raise `TamperedError` from `verify` when any byte of any entry was changed",
        _tampering_shows,
    ),
)
"""The contract, line by line, with the check of each."""
