"""Events of sources as tables of the lake: what they are there, and how they are read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from ostinato.features.prepare import EventBatch
from ostinato.live.engine.feed import Turn
from ostinato.live.events import EventsGiven
from ostinato.live.lake.names import IN_COLUMNS, IN_PATHS, clean_names
from ostinato.live.schema import DTYPES, InputSchema, SourceSpec

_TABLE: Final = "source_"
_COLUMN: Final = "column_"
_HEAD: Final[dict[str, Any]] = {
    "offset": pl.Int64,
    "row": pl.Int64,
    "event_id": pl.String,
    "id_is_integer": pl.Boolean,
    "time": pl.Datetime("us", "UTC"),
    "time_ns": pl.Int64,
    "known_ns": pl.Int64,
    "schema_version": pl.Int64,
    "tick": pl.Int64,
}


def source_tables(schema: InputSchema) -> dict[str, SourceSpec]:
    """Return the table of each source whose events are posted: its name, where paths allow it."""
    names = clean_names(_TABLE, [spec.name for spec in schema.sources], IN_PATHS)
    return dict(zip(names, schema.sources, strict=True))


def source_columns(spec: SourceSpec) -> pl.Schema:
    """Return the columns of a source's table.

    `offset` is the place in the log of the entry that brought the event, `row` its place there;
    `event_id` as the client gave it; `schema_version`: by which version of the source's columns it
    was read; `raw`: the values as they were given, where they do not fit the types of the columns.
    """
    fields = zip(_columns(spec), spec.columns, strict=True)
    typed = {name: DTYPES[field.kind] for name, field in fields}
    return pl.Schema({**_HEAD, **typed, "raw": pl.Binary})


def source_rows(turns: Sequence[Turn], spec: SourceSpec) -> pl.DataFrame:
    """Return what ticks brought of a source as rows of its table."""
    # Events with an id are an entry of the log each: columns are made of many at once.
    given = [
        (offset, turn.tick, event)
        for turn in turns
        for offset, event in turn.events
        if event.source == spec.name
    ]
    times = np.array([t for *_, event in given for t in event.times_ns], dtype=np.int64)
    ids = [each for *_, event in given for each in event.ids]
    columns: dict[str, Any] = {
        "offset": [offset for offset, _, event in given for _ in event.ids],
        "row": [row for *_, event in given for row in range(len(event.ids))],
        "event_id": [None if each is None else str(each) for each in ids],
        "id_is_integer": [isinstance(each, int) for each in ids],
        "time": pl.Series(times // 1000).cast(_HEAD["time"]),
        "time_ns": times,
        "known_ns": [known for *_, event in given for known in event.known_ns],
        "schema_version": [event.schema_version for *_, event in given for _ in event.ids],
        "tick": [tick for _, tick, event in given for _ in event.ids],
        **_values([event for *_, event in given], spec),
    }
    return pl.DataFrame(columns, schema=source_columns(spec))


def events_from(rows: pl.DataFrame, spec: SourceSpec) -> EventBatch:
    """Return rows of a source's table as events, in the order in which they came."""
    ordered = rows.sort("offset", "row")
    columns = zip(_columns(spec), spec.columns, strict=True)
    frame = ordered.select(pl.col(column).alias(field.name) for column, field in columns)
    return EventBatch(
        source=spec.name,
        times_ns=ordered["time_ns"].to_numpy().copy(),
        known_ns=ordered["known_ns"].to_numpy().copy(),
        frame=_as_given(frame, ordered["raw"]),
    )


def _values(given: Sequence[EventsGiven], spec: SourceSpec) -> dict[str, Any]:
    """Return the values in the types of their columns, and those that do not fit as they were."""
    found: dict[str, Any] = {}
    odd: dict[int, dict[str, Any]] = {}
    for name, field in zip(_columns(spec), spec.columns, strict=True):
        values = [v for e in given for v in e.columns.get(field.name, [None] * len(e.ids))]
        found[name], unfit = _typed(values, DTYPES[field.kind])
        for row in unfit:
            odd.setdefault(row, {})[field.name] = values[row]
    size = sum(len(event.ids) for event in given)
    raw = [msgspec.msgpack.encode(odd[row]) if row in odd else None for row in range(size)]
    return {**found, "raw": pl.Series(raw, dtype=pl.Binary)}


def _typed(values: Sequence[Any], dtype: pl.DataType) -> tuple[pl.Series, list[int]]:
    """Return values as a column, and the places of those that it cannot hold as they are."""
    try:
        return pl.Series(values, dtype=dtype, strict=True), []
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        fits = [_fits(value, dtype) for value in values]
    kept = [value if fit else None for value, fit in zip(values, fits, strict=True)]
    return pl.Series(kept, dtype=dtype), [place for place, fit in enumerate(fits) if not fit]


def _fits(value: Any, dtype: pl.DataType) -> bool:
    try:
        return value is None or bool(pl.Series([value], dtype=dtype, strict=True)[0] == value)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return False


def _as_given(frame: pl.DataFrame, raw: pl.Series) -> pl.DataFrame:
    """Put back the values that did not fit."""
    odd = raw.is_not_null().arg_true().to_list()
    if not odd:
        return frame
    columns = {name: frame[name].to_list() for name in frame.columns}
    for row in odd:
        for name, value in msgspec.msgpack.decode(raw[row]).items():
            if name in columns:
                columns[name][row] = value
    return pl.DataFrame({name: pl.Series(name, v, strict=False) for name, v in columns.items()})


def _columns(spec: SourceSpec) -> list[str]:
    return clean_names(_COLUMN, [field.name for field in spec.columns], IN_COLUMNS)
