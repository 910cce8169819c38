"""Fold an event log from its beginning: what the journal should hold."""

from __future__ import annotations

from ostinato.core.ports import Entry, EventLog
from ostinato.core.records import Decision
from ostinato.loop import kernel
from ostinato.sim.feed import Feed
from ostinato.stores.journal_memory import MemoryJournal


def refold(plan: kernel.Plan, feed: Feed, events: EventLog) -> list[Entry]:
    """Return the journal that the events lead to, without snapshots, crashes or effects."""
    state, journal = kernel.start(plan), MemoryJournal()
    for turn in feed.turns(events):
        state, made = kernel.step(state, turn.batch, turn.now_ns)
        journal.append([record for record in made if isinstance(record, Decision)])
    return list(journal.entries())
