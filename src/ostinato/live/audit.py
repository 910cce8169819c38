"""Check a live journal: derive every decision again from the log, and check the chain of hashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ostinato.core.ports import Entry
from ostinato.core.records import Decision
from ostinato.live.engine.bootstrap import Folder, open_folder
from ostinato.live.engine.engine import fold
from ostinato.live.engine.feed import Feed, Readable, beginning
from ostinato.live.engine.policies import first_policy
from ostinato.live.lake.lake import Lake, WholeLog
from ostinato.live.layout import Layout
from ostinato.loop import kernel
from ostinato.stores.chain import entry_hash
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first decision that came out other than the journal has it.

    Parameters
    ----------
    seq
        Its number.
    derived
        Its canonical text as it came out; None: the log ends before it.
    written
        The text the journal has.
    """

    seq: int
    derived: str | None
    written: str


def replay_journal(layout: Layout) -> Difference | None:
    """Derive every decision again, from the events, ticks and results in the log and the lake.

    May run beside the service: it reads what the journal holds when it begins. Decisions that a
    crash kept out of the journal are no difference: the engine writes them when it starts.

    Parameters
    ----------
    layout
        The service's folder.

    Returns
    -------
    Difference or None
        The first difference; None: every decision came out byte for byte, with its hash.

    Raises
    ------
    InputError, StoreError
        If the folder cannot be read.
    """
    folder = open_folder(layout)
    with (
        SqliteJournal(layout.journal, readonly=True) as journal,
        SqliteEventLog(layout.events, readonly=True) as log,
    ):
        count, _ = journal.head()
        events = WholeLog(log, Lake(layout, folder.schema))
        return _compared(islice(journal.entries(), count), _derived(folder, events))


def verify(layout: Layout) -> int:
    """Recompute the chain of hashes; return the number of decisions.

    Raises
    ------
    TamperedError
        If a decision was changed, dropped or put in.
    StoreError
        If the journal cannot be read.
    """
    with SqliteJournal(layout.journal, readonly=True) as journal:
        return journal.verify()


def _derived(folder: Folder, events: Readable) -> Iterator[Decision]:
    state = kernel.start(folder.plan_of(first_policy(events)))
    for turn in Feed(folder.schema, beginning(folder.schema)).turns(events):
        state, made = fold(folder, state, turn)
        for record in made:
            if isinstance(record, Decision):
                yield record


def _compared(entries: Iterator[Entry], derived: Iterator[Decision]) -> Difference | None:
    previous = ""
    for entry in entries:
        decision = next(derived, None)
        if decision is None:
            return Difference(seq=entry.seq, derived=None, written=entry.body)
        body = decision.canonical()
        previous = entry_hash(previous, body)
        if body != entry.body or previous != entry.hash:
            return Difference(seq=entry.seq, derived=body, written=entry.body)
    return None
