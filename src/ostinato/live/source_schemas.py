"""Which columns the sources of a service have had: a book beside the log, of what was posted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ostinato.features.admit import noted
from ostinato.features.kinds import Kind
from ostinato.features.plan import FeaturePlan
from ostinato.features.schema_book import load_book, save_book
from ostinato.features.sources import Events
from ostinato.live.events import EventsGiven
from ostinato.live.fields import SourceSpec

MOST_FURTHER: Final = 100
"""Columns that come up later and are still recorded, by source. More would let a client that makes
up names fill the book, each version of which has them all; fewer may leave out one that matters."""


class SourceSchemas:
    """Keeps the book of one service.

    Events were checked by the gateway that took them; here is only written down what their columns
    were. Who takes the same log in again has the same book.

    Parameters
    ----------
    path
        Of the book; made when there is something to write.
    plan
        The features.
    specs
        What is posted, by source.

    Raises
    ------
    StoreError
        If the book is damaged.
    """

    def __init__(self, path: Path, plan: FeaturePlan, specs: Mapping[str, SourceSpec]) -> None:
        self.path, self.plan, self.specs = path, plan, specs
        self.book = load_book(path)
        self._last: dict[str, dict[str, Kind]] = {}
        self._written = self.book

    def take(self, event: EventsGiven) -> None:
        """Take posted events in; those with the columns of the ones before cost a comparison."""
        columns = self._columns(event)
        if columns == self._last.get(event.source):
            return
        source = self.plan.sources[event.source]
        assert isinstance(source, Events), "only events are posted"
        reads = self.plan.columns_of(event.source)
        bounded = self._bounded(event.source, columns)
        found = noted(self.book, source, bounded, reads, whole=False)
        self.book = found.register(self.book, event.source, event.known_ns[0])
        self._last[event.source] = columns

    def save(self) -> None:
        """Write the book, if there is anything new in it; before the log is trimmed.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        if self.book != self._written:
            save_book(self.path, self.book)
            self._written = self.book

    def _columns(self, event: EventsGiven) -> dict[str, Kind]:
        found: dict[str, Kind] = {
            field.name: field.kind if any(v is not None for v in values) else None
            for field in self.specs[event.source].columns
            if (values := event.columns.get(field.name)) is not None
        }
        return found | {name: kind or None for name, kind in event.further.items()}

    def _bounded(self, source: str, columns: dict[str, Kind]) -> dict[str, Kind]:
        """Leave out columns that come up where there were too many already."""
        mine = [each.schema.columns for each in self.book.entries if each.schema.source == source]
        known = {name for each in mine for name in each} | {
            field.name for field in self.specs[source].columns
        }
        first = len(mine[0]) if mine else 0
        room = max(first + MOST_FURTHER - len(known), 0)
        new = [name for name in columns if name not in known][:room]
        told = known.union(new)
        return {name: kind for name, kind in columns.items() if name in told}
