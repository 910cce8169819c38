"""Read the history of sources from files and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.errors import DataError, InputError
from ostinato.core.records import Ints
from ostinato.features.kinds import DTYPES, as_kind, kind_of
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.reads import check_reads
from ostinato.features.sources import VALUE, Events, Outcomes
from ostinato.stores.tables import read_table
from ostinato.stores.times import as_ns

OUTCOME_TIME: Final = "time"
"""Column of the history of outcomes with their times."""


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
    found = {
        name: read_events(source, plan.columns_of(name))
        for name, source in plan.sources.items()
        if isinstance(source, Events | Outcomes)
    }
    for name, batch in found.items():
        check_reads(plan, name, batch.frame)
    return found


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
    if source.data is None:
        return _nothing(source, columns)
    frame = _renamed(_table(source), getattr(source, "renamed", {}))
    time = source.time if isinstance(source, Events) else OUTCOME_TIME
    times_ns = _times(source, frame, time)
    return EventBatch(
        source=source.name,
        times_ns=times_ns,
        known_ns=_known(source, frame, times_ns),
        frame=_columns(source, frame, columns),
    )


def declared_kinds(source: Events | Outcomes) -> Mapping[str, str]:
    """Return the kinds of columns that a declaration says."""
    return source.columns if isinstance(source, Events) else {VALUE: "number"}


def _nothing(source: Events | Outcomes, columns: Sequence[str]) -> EventBatch:
    kinds = declared_kinds(source)
    schema = {name: DTYPES[kinds.get(name)] for name in columns}
    none = np.empty(0, dtype=np.int64)
    return EventBatch(
        source=source.name, times_ns=none, known_ns=none.copy(), frame=pl.DataFrame(schema=schema)
    )


def _table(source: Events | Outcomes) -> pl.DataFrame:
    try:
        return read_table(source.data, may_be_empty=True)
    except InputError as error:
        raise type(error)(
            f"The source {source.name!r} cannot be read: {error.what}",
            found=error.found,
            expected=error.expected,
            hint=error.hint,
        ) from error


def _renamed(frame: pl.DataFrame, renamed: Mapping[str, str]) -> pl.DataFrame:
    """Give columns their new names; where both are there, the new one's values come first."""
    for old, new in renamed.items():
        if old not in frame.columns:
            continue
        if new in frame.columns:
            both = pl.coalesce(new, old).alias(new)
            frame = frame.with_columns(both).drop(old)
        else:
            frame = frame.rename({old: new})
    return frame


def _known(source: Events | Outcomes, frame: pl.DataFrame, times_ns: Ints) -> Ints:
    if isinstance(source, Events) and source.known is not None:
        return _times(source, frame, source.known)
    delay_ns = source.delay_ns if isinstance(source, Events) else 0
    found: Ints = times_ns + delay_ns
    return found


def _times(source: Events | Outcomes, frame: pl.DataFrame, name: str) -> Ints:
    if name not in frame.columns:
        raise _no_column(source, frame, name, "time column")
    column = frame[name]
    if frame.height == 0:
        return np.empty(0, dtype=np.int64)
    without = column.is_null() | (column.is_nan() if column.dtype.is_float() else False)
    if without.any():
        row = int(np.flatnonzero(without.to_numpy())[0])
        raise DataError(
            f"{int(without.sum())} events of the source {source.name!r} have no time",
            found=f"nothing in {name!r} of row {row}: {_shown(frame.row(row, named=True))}",
            expected="a time in every row",
            hint="Drop or repair these rows.",
        )
    return as_ns(column, name=f"column {name!r} of the source {source.name!r}")


def _shown(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in list(row.items())[:5])


def _no_column(source: Events | Outcomes, frame: pl.DataFrame, name: str, what: str) -> DataError:
    near = get_close_matches(name, frame.columns, n=1, cutoff=0.6)
    fits = f"Did you mean {near[0]!r}? " if near else ""
    return DataError(
        f"The source {source.name!r} has no {what} {name!r}",
        found=", ".join(frame.columns) or "no columns",
        expected=name,
        hint=fits + "Check the name, or declare the one that the data has with renamed={...}.",
    )


def _columns(
    source: Events | Outcomes, frame: pl.DataFrame, columns: Sequence[str]
) -> pl.DataFrame:
    kinds = declared_kinds(source)
    missing: Mapping[str, Any] = getattr(source, "missing", {})
    made = []
    for name in columns:
        if name in frame.columns:
            column = frame[name]
        elif name in missing:
            column = pl.repeat(missing[name], frame.height, eager=True).alias(name)
        else:
            raise _no_column(source, frame, name, "column")
        made.append(as_kind(column, kinds.get(name, kind_of(column)), source.name))
    return pl.DataFrame(made)
