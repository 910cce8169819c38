"""The scores of one batch of requests, filled in version by version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from ostinato.core.records import FALLBACK_VERSION
from ostinato.live.events import Id
from ostinato.live.gateway.routing import Table
from ostinato.live.gateway.version import Score, Scored
from ostinato.serve.assign import FALLBACK

Row = tuple[Any, ...]

NOT_LOADED: Final = "The version could not be loaded."


class Column:
    """What one version said to the rows of a sheet: scores, and which rows it was asked for."""

    __slots__ = ("asked", "scores")

    def __init__(self, size: int) -> None:
        self.scores: list[Score | None] = [None] * size
        self.asked = bytearray(size)


class Sheet:
    """A batch of requests and who answers each.

    `answerers[i]` is the version that answers row i, None while or where there is none; `roles[i]`
    its role. `columns` has what each version said, `faults` why one failed, `took_ms` what each
    took for all rows.
    """

    __slots__ = (
        "answerers",
        "columns",
        "faults",
        "ids",
        "roles",
        "rows",
        "table",
        "times_ns",
        "took_ms",
    )

    def __init__(
        self, table: Table, rows: Sequence[Row], ids: Sequence[Id], times_ns: Sequence[int]
    ) -> None:
        self.table, self.rows, self.ids, self.times_ns = table, rows, ids, times_ns
        self.answerers: list[str | None] = [None] * len(rows)
        self.roles: list[int] = [0] * len(rows)
        self.columns: dict[str, Column] = {}
        self.faults: dict[str, str] = {}
        self.took_ms: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def assign(self, loop: str, unit: int | None) -> dict[str, list[int]]:
        """Give each row its role; return which rows each version is to answer."""
        asks: dict[str, list[int]] = {}
        for place, row in enumerate(self.rows):
            role = self.table.role(loop, unit, row, self.ids[place]) if self.table.split else 0
            self.roles[place] = role
            version = self.table.owner(role)
            if version is not None:
                asks.setdefault(version, []).append(place)
        return asks

    async def fill(self, asks: dict[str, list[int]], timeout_ms: int) -> None:
        """Ask versions for rows, and the spares for the rows that a version has no score for."""
        while asks:
            if len(asks) == 1:
                ((version, places),) = asks.items()
                await self.ask(version, places, timeout_ms)
            else:
                await asyncio.gather(*(self.ask(v, p, timeout_ms) for v, p in asks.items()))
            asks = self.take(asks)

    async def ask(self, name: str, places: Sequence[int], timeout_ms: int) -> None:
        """Ask one version for some rows and keep what it said."""
        version = self.table.loaded.get(name)
        if version is None:
            found = Scored([None] * len(places), NOT_LOADED, 0.0)
        else:
            width = version.features
            found = await version.score([self.rows[p][:width] for p in places], timeout_ms)
        self.keep(name, places, found)

    def keep(self, name: str, places: Sequence[int], found: Scored) -> None:
        """Keep what a version said to some rows."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = Column(len(self))
        if len(places) == len(self.rows):  # all of them, in order
            column.scores, column.asked = list(found.scores), bytearray(b"\1") * len(places)
        else:
            for place, score in zip(places, found.scores, strict=True):
                column.scores[place] = score
                column.asked[place] = 1
        if found.fault:
            self.faults[name] = found.fault
        self.took_ms[name] = self.took_ms.get(name, 0.0) + found.took_ms

    def settle(self, constant: Score | None) -> None:
        """Answer what no version could with the loop's constant, where it has one."""
        left = [place for place, version in enumerate(self.answerers) if version is None]
        if not left or constant is None:
            return
        self.keep(FALLBACK_VERSION, left, Scored([constant] * len(left), "", 0.0))
        for place in left:
            self.answerers[place], self.roles[place] = FALLBACK_VERSION, FALLBACK

    def failed(self, place: int) -> list[str]:
        """Return the versions that were asked for a row and had no score."""
        return [
            name
            for name, column in self.columns.items()
            if column.asked[place] and column.scores[place] is None
        ]

    def take(self, asked: dict[str, list[int]]) -> dict[str, list[int]]:
        """Take the answers of the versions that were asked; return what to ask of the spares."""
        asks: dict[str, list[int]] = {}
        for version, places in asked.items():
            scores = self.columns[version].scores
            for place in places:
                if scores[place] is not None:
                    self.answerers[place] = version
                    continue
                self.roles[place] = FALLBACK
                spare = self._spare(place)
                if spare is not None:
                    asks.setdefault(spare, []).append(place)
        return asks

    def _spare(self, place: int) -> str | None:
        for version in self.table.spares:
            column = self.columns.get(version)
            if column is None or not column.asked[place]:
                return version
        return None
