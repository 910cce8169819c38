"""Events made ready to be folded: hashed keys, numbers, hashed values, in order of availability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.core.records import Floats, Ints
from ostinato.features.keys import hash_column, key_hashes
from ostinato.features.plan import Tally
from ostinato.features.sources import Source

LARGEST: Final = 2.0**44
"""Numbers are below it in size; see `ostinato.stats.fixed`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventBatch:
    """Events of one source, in the order in which they came.

    Parameters
    ----------
    source
        Its name.
    times_ns
        (n,) when each happened.
    known_ns
        (n,) when each became known.
    frame
        n rows with the columns of the source.
    schema
        By which version of the source's columns they were read (`SourceSchema.label`); empty: not
        told.
    """

    source: str
    times_ns: Ints
    known_ns: Ints
    frame: pl.DataFrame
    schema: str = ""

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """Events as a tally folds them, in order of `avail_ns`, of equal ones as they came.

    Parameters
    ----------
    keys
        (m,) uint64 hash of the key.
    times_ns, avail_ns
        (m,) when each happened, and from when on requests see it.
    values
        (m, C) one column per value of the tally; NaN: missing.
    hashes
        (m, D) uint64, one column per distinct value of the tally.
    has
        (m, D) whether that value is there.
    """

    keys: NDArray[np.uint64]
    times_ns: Ints
    avail_ns: Ints
    values: Floats
    hashes: NDArray[np.uint64]
    has: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)


def available(source: Source, times_ns: Ints, known_ns: Ints) -> Ints:
    """Return from when on requests see events: when they are known and have happened.

    Events of the loop itself are not seen by requests of their very moment.
    """
    found: Ints = np.maximum(times_ns, known_ns) + int(source.own)
    return found


def prepare(tally: Tally, batch: EventBatch) -> Prepared:
    """Make events ready for a tally; those without a key or not `where` are left out.

    Raises
    ------
    DataError
        If a column is missing, holds no numbers where numbers are needed, a number is infinite or
        too large, or `where` is neither true nor false.
    """
    _check_columns(tally, batch)
    frame = batch.frame
    keys, there = key_hashes(frame, [theirs for _, theirs in tally.by])
    if tally.where is not None:
        there = there & _passed(tally.source, tally.where, frame)
    avail_ns = available(tally.source, batch.times_ns, batch.known_ns)
    rows = _folding_order(there, avail_ns)
    keys = keys[rows]
    values = [_numbers(tally.source, part, frame)[rows] for part in tally.values]
    hashed = [hash_column(_column(part, frame)) for part in tally.distincts]
    return Prepared(
        keys=keys,
        times_ns=_take(batch.times_ns, rows),
        avail_ns=avail_ns[rows],
        values=_side_by_side(values, len(keys), np.float64),
        hashes=_side_by_side([hashes[rows] for hashes, _ in hashed], len(keys), np.uint64),
        has=_side_by_side([_take(found, rows) for _, found in hashed], len(keys), np.bool_),
    )


def _passed(source: Source, where: pl.Expr, frame: pl.DataFrame) -> NDArray[np.bool_]:
    passed = _column(where, frame)
    if passed.dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"A filter of the source {source.name!r} is neither true nor false",
            found=f"{where!s} is {passed.dtype}",
            expected='a comparison, such as pl.col("delay") > 0',
        )
    found: NDArray[np.bool_] = passed.cast(pl.Boolean).fill_null(value=False).to_numpy()
    return found


def _folding_order(there: NDArray[np.bool_], avail_ns: Ints) -> Ints | slice:
    """Return the rows that are there in order of availability, or all as they come."""
    if there.all() and (avail_ns[1:] >= avail_ns[:-1]).all():
        return slice(None)
    rows = np.flatnonzero(there)
    return rows[np.argsort(avail_ns[rows], kind="stable")]


def _take(column: NDArray[Any], rows: Ints | slice) -> NDArray[Any]:
    """Return rows of a column, never a view: what is given may be read-only."""
    return column.copy() if isinstance(rows, slice) else column[rows]


def _side_by_side(columns: Sequence[NDArray[Any]], rows: int, dtype: type) -> NDArray[Any]:
    """Return columns as an array with a row for each event: what is read together lies together."""
    return np.column_stack(columns) if columns else np.empty((rows, 0), dtype=dtype)


def _column(part: str | pl.Expr, frame: pl.DataFrame) -> pl.Series:
    return frame[part] if isinstance(part, str) else frame.select(part.alias("value"))["value"]


def _check_columns(tally: Tally, batch: EventBatch) -> None:
    missing = [name for name in tally.columns if name not in batch.frame.columns]
    if missing:
        raise DataError(
            f"Events of the source {tally.source.name!r} lack columns: {', '.join(missing)}",
            found=", ".join(batch.frame.columns) or "no columns",
            expected=", ".join(tally.columns),
            hint="Check the names, or declare the old ones with renamed={...}.",
        )


def _numbers(source: Source, part: str | pl.Expr, frame: pl.DataFrame) -> Floats:
    column = _column(part, frame)
    if not column.dtype.is_numeric() and column.dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"An aggregate needs numbers in {part!s} of the source {source.name!r}",
            found=f"{column.dtype}, for example {column.drop_nulls().head(1).to_list()!r}",
            expected="numbers or truth values",
            hint="Use distinct(...), or turn it into a number with a Polars expression.",
        )
    numbers: Floats = column.cast(pl.Float64).to_numpy()  # null becomes NaN
    wrong = np.flatnonzero(np.abs(numbers) >= LARGEST)
    if len(wrong):
        raise DataError(
            f"{part!s} of the source {source.name!r} holds numbers that cannot be summed up",
            found=f"{float(numbers[wrong[0]])!r} in {len(wrong)} rows",
            expected="finite numbers below 1.7e13 in size",
            hint="Divide them, for example nanoseconds into seconds.",
        )
    return numbers + 0.0  # no -0.0
