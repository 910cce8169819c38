"""Events of sources as they would have been posted, in the order in which they became known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from ostinato.core.records import Ints
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.sources import UNIT, VALUE, Outcomes
from ostinato.live.schema import InputSchema, SourceSpec

AT_ONCE: Final = 1_000
"""Events in one request."""


class Said(Protocol):
    """How the events of one source are said over HTTP."""

    @property
    def where(self) -> str:
        """Return where they are posted."""
        ...

    def body(self, batch: EventBatch, rows: Ints) -> bytes:
        """Return the body of a request with some events."""
        ...


@dataclass(slots=True)
class _Source:
    """The events of a source in order of becoming known, and how many of them were told."""

    said: Said
    batch: EventBatch
    order: Ints
    known_ns: Ints
    told: int = 0

    def bodies(self, now_ns: int) -> Iterator[tuple[str, bytes]]:
        stop = int(np.searchsorted(self.known_ns, now_ns, side="right"))
        for start in range(self.told, stop, AT_ONCE):
            rows = self.order[start : min(start + AT_ONCE, stop)]
            yield self.said.where, self.said.body(self.batch, rows)
        self.told = max(self.told, stop)


@dataclass(slots=True)
class ToldEvents:
    """Events of the sources of a loop that become known while its history is told.

    Build it with `tell_events`.
    """

    _sources: list[_Source] = field(default_factory=list)

    def bodies(self, now_ns: int) -> list[tuple[str, bytes]]:
        """Return (``"events"`` or ``"outcomes"``, body) of what has become known and was not told.

        They are to be sent one after the other.
        """
        return [body for source in self._sources for body in source.bodies(now_ns)]


def tell_events(
    plan: FeaturePlan, schema: InputSchema, events: Mapping[str, EventBatch]
) -> ToldEvents:
    """Prepare the history of sources to be told to a service.

    Parameters
    ----------
    plan
        The features of the loop.
    schema
        What the service takes; what was known at its start is told to nobody.
    events
        By source its history; the loop's own are told as what they are.
    """
    specs = {spec.name: spec for spec in schema.sources}
    found = []
    for name, batch in events.items():
        source = plan.sources[name]
        if source.own and not isinstance(source, Outcomes):
            continue
        said: Said = (
            _Outcomes(source.outcome) if isinstance(source, Outcomes) else _Events(specs[name])
        )
        order = np.argsort(batch.known_ns, kind="stable")
        order = order[batch.known_ns[order] > schema.start_ns]
        found.append(_Source(said, batch, order, batch.known_ns[order]))
    return ToldEvents(found)


@dataclass(frozen=True, slots=True)
class _Events:
    """Events as `POST /events` takes them, with their places as ids: each counts once."""

    spec: SourceSpec
    where: str = "events"

    def body(self, batch: EventBatch, rows: Ints) -> bytes:
        frame = batch.frame[rows]
        columns = [field.name for field in self.spec.columns]
        values = [
            frame[name].to_list() if name in frame.columns else [None] * len(rows)
            for name in columns
        ]
        times = batch.times_ns[rows].tolist()
        events: list[dict[str, Any]] = [
            # A column of the source that is called so stands where an id would.
            {"id": place, self.spec.time: moment, **dict(zip(columns, given, strict=True))}
            for place, moment, *given in zip(rows.tolist(), times, *values, strict=True)
        ]
        known = batch.known_ns[rows].tolist()
        return msgspec.json.encode({"source": self.spec.name, "events": events, "known": known})


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """Outcomes as `POST /outcomes` takes them."""

    outcome: str
    where: str = "outcomes"

    def body(self, batch: EventBatch, rows: Ints) -> bytes:
        frame, times = batch.frame[rows], batch.times_ns[rows].tolist()
        units, values = frame[UNIT].to_list(), frame[VALUE].to_list()
        outcomes = [
            {"name": self.outcome, "unit": unit, "value": value, "time": moment}
            for unit, value, moment in zip(units, values, times, strict=True)
        ]
        return msgspec.json.encode({"outcomes": outcomes})
