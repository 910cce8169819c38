"""What events of each source hold: the columns that features read, as tables have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.sources import LABEL, UNIT, VALUE, Events, Labels, Outcomes, Source
from ostinato.live.events import EventsGiven
from ostinato.live.schema import DTYPES, Field, InputSchema, Kind, series

Values = tuple[Any, ...]


class Gathered:
    """Events of a source since they were handed over last: a row of values each."""

    __slots__ = ("fields", "known_ns", "rows", "times_ns")

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self.times_ns: list[int] = []
        self.known_ns: list[int] = []
        self.rows: list[Values] = []

    def batch(self, source: str) -> EventBatch:
        """Return them, and begin anew."""
        rows, times_ns, known_ns = self.rows, self.times_ns, self.known_ns
        self.rows, self.times_ns, self.known_ns = [], [], []
        columns = list(zip(*rows, strict=True)) if self.fields else []
        return EventBatch(
            source=source,
            times_ns=np.array(times_ns, dtype=np.int64),
            known_ns=np.array(known_ns, dtype=np.int64),
            frame=pl.DataFrame(
                [_held(f, each) for f, each in zip(self.fields, columns, strict=True)]
            ),
        )


def _held(field: Field, values: Sequence[Any]) -> pl.Series:
    """Return a column; values that were posted as another kind are missing."""
    try:
        return series(field, values)
    except (TypeError, ValueError, AttributeError, pl.exceptions.PolarsError):
        return pl.Series(field.name, values, dtype=DTYPES[field.kind], strict=False)


class Posted:
    """Finds columns in events that may have been posted under earlier names."""

    __slots__ = ("_names",)

    def __init__(self, renamed: dict[str, str], columns: Sequence[str]) -> None:
        earlier: dict[str, list[str]] = {name: [name] for name in columns}
        for before, now in renamed.items():
            earlier.setdefault(now, [now]).append(before)
        self._names = earlier

    def column(self, event: EventsGiven, name: str) -> Sequence[Any]:
        """Return a column; missing values where the events were posted without it."""
        for each in self._names.get(name, (name,)):
            found = event.columns.get(each)
            if found is not None:
                return found
        return [None] * len(event.times_ns)


def fields_of(schema: InputSchema, plan: FeaturePlan, source: str) -> list[Field]:
    """Return the columns of a source that features read, with what they hold."""
    declared = plan.sources[source]
    if isinstance(declared, Outcomes):
        return [Field(UNIT, _unit_kind(schema, plan, source)), Field(VALUE, "number")]
    columns = plan.columns_of(source)
    if isinstance(declared, Events):
        specs = [spec for spec in schema.sources if spec.name == source]
        posted = {column.name: column for spec in specs for column in spec.columns}
        return [posted[name] for name in columns]
    fields = {field.name: field for field in schema.fields}
    if not isinstance(declared, Labels):
        return [fields[name] for name in columns]
    return [*(fields[name] for name in columns if name != LABEL), Field(LABEL, "number")]


def _unit_kind(schema: InputSchema, plan: FeaturePlan, source: str) -> Kind:
    """Return what units of outcomes are: what the requests' column of that key holds."""
    kinds = {field.name: field.kind for field in schema.fields}
    pairs = [pair for t in plan.tallies if t.source.name == source for pair in t.by]
    return next((kinds[mine] for mine, theirs in pairs if theirs == UNIT), "text")


def fits(kind: Kind, value: Any) -> bool:
    """Say whether a value is of a kind."""
    types: dict[Kind, tuple[type, ...]] = {
        "number": (int, float),
        "integer": (int, float),
        "boolean": (bool,),
        "text": (str,),
    }
    return isinstance(value, types[kind]) and isinstance(value, bool) == (kind == "boolean")


def places_of(places: dict[str, int], plan: FeaturePlan, source: str | None) -> list[int]:
    """Return where in a served row the columns of requests or labels are."""
    if source is None:
        return []
    own = isinstance(plan.sources[source], Labels)
    return [places[name] for name in plan.columns_of(source) if not (own and name == LABEL)]


def name_of(sources: Iterable[Source], kind: type) -> str | None:
    """Return the name of the source of a kind; None where features need none."""
    return next((each.name for each in sources if isinstance(each, kind)), None)
