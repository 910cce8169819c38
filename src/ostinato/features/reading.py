"""Read the history of sources from files and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl

from ostinato.core.errors import InputError
from ostinato.features.admit import admit
from ostinato.features.event_table import as_events, declared_kinds
from ostinato.features.kinds import DTYPES, example_of, told_kind
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.reads import check_reads
from ostinato.features.schema_book import SchemaBook
from ostinato.features.sources import Events, Outcomes
from ostinato.stores.tables import read_table


def read_sources(plan: FeaturePlan) -> dict[str, EventBatch]:
    """Read the history of all sources of a plan that come from outside.

    Returns
    -------
    dict
        By source; `Labels` and `Requests` are the loop's own and none of them.

    Raises
    ------
    DataError
        As `read_events`, and if a feature cannot be computed of what its columns hold.
    """
    return read_by_book(plan, SchemaBook(), 0)[0]


def read_by_book(
    plan: FeaturePlan, book: SchemaBook, now_ns: int
) -> tuple[dict[str, EventBatch], SchemaBook]:
    """Read the history of all sources, and check their columns against those of before.

    Parameters
    ----------
    plan
        The features.
    book
        What is known of the sources' columns.
    now_ns
        When this is.

    Returns
    -------
    (dict, SchemaBook)
        By source what `read_events` gives, and the book with what is new.

    Raises
    ------
    DataError
        As `read_sources`, and if columns changed and no rule says what to do.
    """
    found: dict[str, EventBatch] = {}
    for name, source in plan.sources.items():
        if not isinstance(source, Events | Outcomes):
            continue
        columns = plan.columns_of(name)
        frame = _table(source)
        if frame is None:
            found[name] = _nothing(source, columns)
            continue
        if isinstance(source, Events):
            book = _admitted(source, frame, columns, book, now_ns)
        events = as_events(source, frame, columns)
        check_reads(plan, name, events.frame)
        found[name] = replace(events, schema=book.labels().get(name, ""))
    return found, book


def _admitted(
    source: Events, frame: pl.DataFrame, columns: Sequence[str], book: SchemaBook, now_ns: int
) -> SchemaBook:
    times = {source.time, source.known}
    kinds = {
        column.name: told_kind(column)
        for column in frame
        if source.renamed.get(column.name, column.name) not in times
    }
    admitted = admit(book, source, kinds, columns, example=partial(_example, source, frame))
    return admitted.register(book, source.name, now_ns)


def _example(source: Events, frame: pl.DataFrame, name: str) -> str:
    names = [name, *(old for old, new in source.renamed.items() if new == name)]
    return next(example_of(frame[each]) for each in names if each in frame.columns)


def schemas_of(events: Mapping[str, EventBatch]) -> dict[str, str]:
    """Return by source which version of its columns events were read by, where that is told."""
    return {name: batch.schema for name, batch in events.items() if batch.schema}


def read_events(source: Events | Outcomes, columns: Sequence[str]) -> EventBatch:
    """Read the history of a source.

    Parameters
    ----------
    source
        Its declaration; without data there is no history, and the result is empty.
    columns
        Those to keep, as features name them.

    Returns
    -------
    EventBatch
        Rows as they stand in the data; columns are Float64, Int64, Boolean, String, or Null where
        no value is there. A table without rows is good.

    Raises
    ------
    DataError
        If the data cannot be read, a column is missing or holds what is not declared or what
        events cannot carry, or an event has no time.
    """
    frame = _table(source)
    return _nothing(source, columns) if frame is None else as_events(source, frame, columns)


def _nothing(source: Events | Outcomes, columns: Sequence[str]) -> EventBatch:
    kinds = declared_kinds(source)
    schema = {name: DTYPES[kinds.get(name)] for name in columns}
    none = np.empty(0, dtype=np.int64)
    return EventBatch(
        source=source.name, times_ns=none, known_ns=none.copy(), frame=pl.DataFrame(schema=schema)
    )


def _table(source: Events | Outcomes) -> pl.DataFrame | None:
    if source.data is None:
        return None
    try:
        return read_table(source.data, may_be_empty=True)
    except InputError as error:
        raise type(error)(
            f"The source {source.name!r} cannot be read: {error.what}",
            found=error.found,
            expected=error.expected,
            hint=error.hint,
        ) from error
