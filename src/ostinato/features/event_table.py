"""A table as events of a source: its times, and the columns that features read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.core.records import Ints
from ostinato.features.kinds import as_kind, kind_of
from ostinato.features.prepare import EventBatch
from ostinato.features.sources import VALUE, Events, Outcomes
from ostinato.stores.times import as_ns

OUTCOME_TIME: Final = "time"
"""Column of the history of outcomes with their times."""


def as_events(source: Events | Outcomes, frame: pl.DataFrame, columns: Sequence[str]) -> EventBatch:
    """Read events off a table.

    Parameters
    ----------
    source
        Its declaration.
    frame
        A row per event, as it came.
    columns
        Those to keep, as features name them.

    Raises
    ------
    DataError
        As `ostinato.features.reading.read_events`.
    """
    frame = _renamed(frame, getattr(source, "renamed", {}))
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
