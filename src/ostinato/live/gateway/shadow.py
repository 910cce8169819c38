"""After the answer is sent: versions that only look on score the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from ostinato.live.events import Shadowed, encode
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.entries import Entry, filled
from ostinato.live.gateway.sheet import Sheet

MOST_ROWS: Final = 50_000
"""Rows that may wait to be scored. Smaller: a burst leaves gaps in the evidence; larger: memory."""

AT_ONCE: Final = 512
"""Rows scored between two looks at the event loop."""


class Shadows:
    """Scores what awaits further versions and appends it to the log.

    Scores of rows that a version answered already are repeated, so that a `Shadowed` holds the
    whole column. Where too much waits, it says so by a `Shadowed` without scores: the rows were
    answered, but are no evidence for those versions.

    Parameters
    ----------
    committer
        The way to the log.
    classes
        Scores per row; 0: one number.
    timeout_ms
        After so long a version counts as hanging.
    """

    def __init__(self, committer: Committer, *, classes: int, timeout_ms: int) -> None:
        self.committer, self.classes, self.timeout_ms = committer, classes, timeout_ms
        self.waiting = 0
        self._entries: list[Entry] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, entries: Sequence[Entry]) -> None:
        """Take entries whose answers were given; score after what the event loop has to do now."""
        loop = asyncio.get_running_loop()
        for entry in entries:
            if not entry.awaits:
                continue
            if self.waiting > MOST_ROWS:
                self._append(Shadowed(of=entry.key, scores={}))
                continue
            if not self._entries:
                loop.call_soon(self._flush)
            self._entries.append(entry)
            self.waiting += len(entry.places)

    async def drain(self) -> None:
        """Wait until everything is scored and on its way to the log."""
        while self._entries or self._tasks:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.005)

    def _flush(self) -> None:
        entries, self._entries = self._entries, []
        by_sheet: dict[int, list[Entry]] = {}
        for entry in entries:
            by_sheet.setdefault(id(entry.sheet), []).append(entry)
        for some in by_sheet.values():
            task = asyncio.get_running_loop().create_task(self._score(some))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _score(self, entries: list[Entry]) -> None:
        sheet = entries[0].sheet
        before = dict(sheet.took_ms)
        try:
            for name in dict.fromkeys(name for entry in entries for name in entry.awaits):
                await self._ask(sheet, name, entries)
            for entry in entries:
                self._append(self._shadowed(entry, before))
        finally:
            self.waiting -= sum(len(entry.places) for entry in entries)

    async def _ask(self, sheet: Sheet, name: str, entries: list[Entry]) -> None:
        column = sheet.columns.get(name)
        places = [
            place
            for entry in entries
            for place in entry.places
            if column is None or not column.asked[place]
        ]
        for start in range(0, len(places), AT_ONCE):
            await sheet.ask(name, places[start : start + AT_ONCE], self.timeout_ms)
            if start + AT_ONCE < len(places):
                await asyncio.sleep(0)

    def _shadowed(self, entry: Entry, before: dict[str, float]) -> Shadowed:
        sheet, share = entry.sheet, len(entry.places) / len(entry.sheet)
        failed = {name for place in entry.places for name in sheet.failed(place)}
        return Shadowed(
            of=entry.key,
            scores={
                name: filled([sheet.columns[name].scores[p] for p in entry.places], self.classes)
                for name in entry.awaits
            },
            faults={
                name: sheet.faults[name]
                for name in entry.awaits
                if name in failed and name in sheet.faults
            },
            took_ms={
                name: (sheet.took_ms[name] - before.get(name, 0.0)) * share for name in entry.awaits
            },
        )

    def _append(self, shadowed: Shadowed) -> None:
        self.committer.submit_later([(f"s/{shadowed.of}", encode(shadowed))])
