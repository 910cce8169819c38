"""Which columns the sources of a service have had: a book beside the log, of what was posted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ostinato.features.admit import noted
from ostinato.features.kinds import Kind
from ostinato.features.plan import FeaturePlan
from ostinato.features.schema_book import load_book, save_book
from ostinato.features.sources import Events
from ostinato.live.events import EventsGiven
from ostinato.live.fields import SourceSpec


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
        found = noted(self.book, source, columns, reads, whole=False)
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
