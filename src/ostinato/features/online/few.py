"""A few events as records, value by value: a table's operations cost more than a few values do.

What comes out is what `prepare` and `make_records` make; what is not plain or not right is left to
them, with their errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.ids import join_hash
from ostinato.core.records import Ints
from ostinato.features.keys import hash_value
from ostinato.features.online.layout import RECORD_WORDS, Layout
from ostinato.features.plan import Tally
from ostinato.features.prepare import LARGEST, EventBatch, available

FEW: Final = 24
"""Events that are taken one by one at most; with more, a table is faster."""

_PLAIN: Final = frozenset(
    {
        pl.String,
        pl.Boolean,
        pl.Float64,
        pl.Float32,
        *(pl.Int8, pl.Int16, pl.Int32, pl.Int64),
        *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    }
)
_NONE: Final = float("nan")
_HALF, _WHOLE = 1 << 63, 1 << 64


class NotPlain(Exception):  # noqa: N818 - no error: others know what to do with such events
    """Events that have to be prepared as a table."""


def few_records(
    layout: Layout, tallies: Iterable[tuple[int, Tally]], batch: EventBatch
) -> Ints | None:
    """Write a few events as records of some tallies; None: they have to be prepared as a table."""
    if len(batch) > FEW:
        return None
    events = _Few(layout, batch)
    try:
        for place, tally in tallies:
            events.write(place, tally)
    except NotPlain:
        return None
    return events.records()


class _Few:
    """The columns of a few events, each read once for all tallies."""

    def __init__(self, layout: Layout, batch: EventBatch) -> None:
        self._layout = layout
        self._batch = batch
        self._times: list[int] = batch.times_ns.tolist()
        self._columns: dict[str | int, list[Any]] = {}
        self._hashes: dict[str | int, list[int | None]] = {}
        self._numbers: dict[str | int, list[float]] = {}
        self._heads: list[list[int]] = []
        self._values: list[list[float]] = []

    def write(self, place: int, tally: Tally) -> None:
        batch, width = self._batch, self._layout.record_words
        avail: list[int] = available(tally.source, batch.times_ns, batch.known_ns).tolist()
        keys = [self._hashed(theirs) for _, theirs in tally.by]
        values = [self._number(part) for part in tally.values]
        hashed = [self._hashed(part) for part in tally.distincts]
        passed = None if tally.where is None else self._truths(tally.where)
        empty = [0] * (width - RECORD_WORDS - len(values) - 2 * len(hashed))
        for row, time in enumerate(self._times):
            parts = [column[row] for column in keys]
            if None in parts or (passed is not None and not passed[row]):
                continue
            found = [column[row] for column in hashed]
            head = [avail[row], place, _signed(join_hash(parts)), time]  # type: ignore[arg-type] # none is None
            head += [0] * len(values)
            # The highest bit turned over, as in `make_records`.
            head += [0 if each is None else each - _HALF for each in found]
            head += [each is not None for each in found]
            self._heads.append(head + empty)
            self._values.append([column[row] for column in values])

    def records(self) -> Ints:
        heads = self._heads or np.empty((0, self._layout.record_words))
        records = np.array(heads, dtype=np.int64)
        numbers = records.view(np.float64)
        for record, values in zip(numbers, self._values, strict=True):
            record[RECORD_WORDS : RECORD_WORDS + len(values)] = values
        return records

    def _column(self, part: str | pl.Expr) -> list[Any]:
        key = _key(part)
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = _values_of(part, self._batch.frame)
        return found

    def _truths(self, where: pl.Expr) -> list[Any]:
        found = self._column(where)
        if any(value is not None and not isinstance(value, bool) for value in found):
            raise NotPlain
        return found

    def _hashed(self, part: str | pl.Expr) -> list[int | None]:
        key = _key(part)
        found = self._hashes.get(key)
        if found is None:
            found = self._hashes[key] = [hash_value(value) for value in self._column(part)]
        return found

    def _number(self, part: str | pl.Expr) -> list[float]:
        key = _key(part)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = [_number(value) for value in self._column(part)]
        return found


def _key(part: str | pl.Expr) -> str | int:
    # To tell an expression by what it says costs more than to compute it again.
    return part if isinstance(part, str) else id(part)


def _values_of(part: str | pl.Expr, frame: pl.DataFrame) -> list[Any]:
    if isinstance(part, pl.Expr):
        if any(name not in frame.columns for name in part.meta.root_names()):
            raise NotPlain
        column = frame.select(part.alias("value"))["value"]
    elif part in frame.columns:
        column = frame.get_column(part)
    else:
        raise NotPlain
    if column.dtype not in _PLAIN:
        raise NotPlain
    values: list[Any] = column.to_list()
    return values


def _number(value: Any) -> float:
    if value is None:
        return _NONE
    if isinstance(value, str):
        raise NotPlain
    number = float(value) + 0.0
    if not (abs(number) < LARGEST or math.isnan(number)):
        raise NotPlain
    return number


def _signed(word: int) -> int:
    return word - _WHOLE if word >= _HALF else word
