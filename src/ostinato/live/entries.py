"""Entries of a journal as a person reads them."""

from __future__ import annotations

import json
from typing import Any

from ostinato.core.ports import Entry
from ostinato.live.layout import Layout
from ostinato.stores.journal_sqlite import SqliteJournal


def shown(entry: Entry, body: dict[str, Any]) -> dict[str, Any]:
    """Return what a person wants to know of an entry.

    ``seq``, ``ts_event_ns``, ``kind``, ``subject``, ``reason``; of an act also ``act`` and ``who``:
    the act's name, or the level of autonomy; empty where the kind says what was done.
    """
    names = ("kind", "subject", "reason")
    found = {"seq": entry.seq, "ts_event_ns": entry.ts_event_ns}
    found |= {name: body.get(name, "") for name in names}
    if "who" in body:
        found |= {"act": body.get("act") or body.get("level", ""), "who": body["who"]}
    return found


def read_entries(layout: Layout, *, last: int, kind: str = "") -> list[dict[str, Any]]:
    """Return entries of the journal of a folder, oldest first.

    Parameters
    ----------
    layout
        The folder.
    last
        How many at most, the newest ones; 0: all.
    kind
        Of this kind alone; empty: of any.

    Raises
    ------
    StoreError
        If the journal cannot be read.
    """
    with SqliteJournal(layout.journal, readonly=True) as journal:
        start = max(journal.head()[0] - last, 0) if last and not kind else 0
        entries = [each for each in journal.entries(start) if not kind or each.kind == kind]
    return [shown(entry, json.loads(entry.body)) for entry in entries[-last if last else 0 :]]


def line(each: dict[str, Any], *, when: str = "") -> str:
    """Set an entry, as `shown` has it, as a line.

    >>> line({"seq": 12, "kind": "operator_acted", "subject": "", "reason": "it rains",
    ...       "act": "pause", "who": "ana"})
    '    12  operator_acted  pause by ana: it rains'
    """
    who = f"{each['act']} by {each['who']}:".strip() if "who" in each else ""
    words = (when, each["kind"], each["subject"], f"{who} {each['reason']}".strip())
    return "  ".join([f"{each['seq']:>6}", *(word for word in words if word)])
