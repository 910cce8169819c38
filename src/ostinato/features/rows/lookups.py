"""Look-ups in reference tables, as of the time of a request: arrays for tables, a dict for rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.core.records import Ints
from ostinato.core.units import format_time
from ostinato.features.declared import Lookup
from ostinato.features.keys import key_hash, key_hashes
from ostinato.features.rows.inputs import in_kinds, kinds_of
from ostinato.features.rows.outputs import Value, finished_column, kind_with
from ostinato.stores.tables import read_table
from ostinato.stores.times import as_ns

_ALWAYS: Final = np.iinfo(np.int64).min
_NEVER: Final = np.iinfo(np.int64).max


class Reference:
    """A reference table, read once; rows are in order of key and time.

    Parameters
    ----------
    feature
        The declaration.
    kinds
        Of the request's columns.

    Raises
    ------
    DataError
        If the table cannot be read, lacks a column, or holds two values of a key at one time.
    """

    def __init__(self, feature: Lookup, kinds: Mapping[str, str]) -> None:
        table = _read(feature)
        theirs = [column for _, column in feature.pairs]
        held = kinds_of(table, [*theirs, feature.column])
        _check_kinds(feature, table, kinds, held)
        keyed = in_kinds(table, theirs, held)
        keys, there = key_hashes(keyed, theirs)
        starts, ends = _validity(feature, table)
        order = np.lexsort((starts, keys))
        order = order[there[order]]
        keys, starts, ends = keys[order], starts[order], ends[order]
        if feature.valid_from is not None and feature.valid_to is None:
            ends = _until_the_next(keys, starts)
        _check_overlap(feature, keyed[order], keys, starts, ends)
        self.feature = feature
        self.kind = kind_with(feature.name, held[feature.column], feature.default)
        values = in_kinds(table, [feature.column], held)[feature.column]
        # The last place is for what is not found.
        values = pl.concat([values[order], pl.Series(feature.column, [None], dtype=values.dtype)])
        self._values = finished_column(values, self.kind, feature.default).alias(feature.name)
        self._listed: list[Value] = self._values.to_list()
        self._keys, self._ends = np.unique(keys), ends
        self._moments = np.unique(starts)
        self._codes = self._code(keys, np.searchsorted(self._moments, starts) + 1)
        self._spans = _spans(keys, starts, ends)

    def table(self, frame: pl.DataFrame, times_ns: Ints) -> pl.Series:
        """Return the feature for rows whose columns are in their kinds, as of their times."""
        keys, there = key_hashes(frame, self.feature.inputs)
        reached = np.searchsorted(self._moments, times_ns, side="right")
        places = np.searchsorted(self._codes, self._code(keys, reached), side="right") - 1
        return self._values[self._held(places, keys, times_ns, there)]

    def _code(self, keys: NDArray[np.uint64], moments: Ints) -> Ints:
        """Number (key, moment) pairs in their order; keys that are not there share numbers."""
        numbers = np.searchsorted(self._keys, keys).astype(np.int64)
        return numbers * (len(self._moments) + 1) + moments

    def _held(
        self, places: Ints, keys: NDArray[np.uint64], times_ns: Ints, there: NDArray[np.bool_]
    ) -> Ints:
        last = len(self._ends)
        if not last:
            return np.full(len(places), last)
        at = np.maximum(places, 0)
        mine = self._keys[(self._codes[at] // (len(self._moments) + 1))] == keys
        holds = (places >= 0) & there & mine & (times_ns < self._ends[at])
        return np.where(holds, at, last)

    def row(self, inputs: Sequence[Any], time_ns: int) -> Value:
        """Return the feature of one row, of its inputs in their kinds, as of its time."""
        key = key_hash(inputs)
        span = None if key is None else self._spans.get(key)
        if span is None:
            return self._listed[-1]
        starts, ends, first = span
        place = bisect_right(starts, time_ns) - 1
        if place < 0 or time_ns >= ends[place]:
            return self._listed[-1]
        return self._listed[first + place]


def _read(feature: Lookup) -> pl.DataFrame:
    table = read_table(feature.table, may_be_empty=True)
    wanted = [*(theirs for _, theirs in feature.pairs), feature.column]
    wanted += [name for name in (feature.valid_from, feature.valid_to) if name is not None]
    missing = [name for name in dict.fromkeys(wanted) if name not in table.columns]
    if missing:
        raise DataError(
            f"The table of the look-up {feature.name!r} lacks columns: {', '.join(missing)}",
            found=", ".join(table.columns),
            expected=", ".join(dict.fromkeys(wanted)),
        )
    return table


def _check_kinds(
    feature: Lookup, table: pl.DataFrame, mine: Mapping[str, str], theirs: Mapping[str, str]
) -> None:
    if feature.column not in theirs:
        raise DataError(
            f"The look-up {feature.name!r} gives what no model takes",
            found=f"{feature.column!r} holds {table.schema[feature.column]}",
            expected="numbers, truth values or text",
        )
    for asked, held in feature.pairs:
        one, other = mine.get(asked), theirs.get(held)
        unknown = table.schema[held] == pl.Null or table.height == 0
        if not unknown and _family(one) != _family(other):
            raise DataError(
                f"The key of the look-up {feature.name!r} is of another kind in its table",
                found=f"{held!r}: {table.schema[held]}",
                expected=f"what the request's {asked!r} holds: {one or 'times'}",
                hint="Cast one of them; no request would be found.",
            )


def _family(kind: str | None) -> str | None:
    return "number" if kind == "integer" else kind


def _validity(feature: Lookup, table: pl.DataFrame) -> tuple[Ints, Ints]:
    starts = np.full(table.height, _ALWAYS)
    ends = np.full(table.height, _NEVER)
    what = f"of the look-up {feature.name!r}"
    if feature.valid_from is not None and table.height:
        starts = as_ns(table[feature.valid_from], name=f"{feature.valid_from} {what}")
    if feature.valid_to is not None and table[feature.valid_to].count():
        ends = as_ns(table[feature.valid_to], name=f"{feature.valid_to} {what}", nulls=_NEVER)
        wrong = np.flatnonzero(ends < starts)
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{len(wrong)} rows {what} end before they begin",
                found=f"{format_time(int(starts[row]))} to {format_time(int(ends[row]))}",
                expected=f"{feature.valid_to!r} not before {feature.valid_from!r}",
            )
    return starts, ends


def _until_the_next(keys: NDArray[np.uint64], starts: Ints) -> Ints:
    """Let each row hold until the next one of its key begins."""
    ends = np.full(len(keys), _NEVER)
    same = keys[1:] == keys[:-1]
    ends[:-1][same] = starts[1:][same]
    return ends


def _check_overlap(
    feature: Lookup, keyed: pl.DataFrame, keys: NDArray[np.uint64], starts: Ints, ends: Ints
) -> None:
    doubled = (keys[1:] == keys[:-1]) & ((ends[:-1] > starts[1:]) | (starts[1:] == starts[:-1]))
    rows = np.flatnonzero(doubled)
    if not len(rows):
        return
    row = int(rows[0]) + 1
    key = ", ".join(f"{name}={value!r}" for name, value in keyed.row(row, named=True).items())
    if feature.valid_from is None:
        raise DataError(
            f"The table of the look-up {feature.name!r} holds {len(rows)} keys more than once",
            found=key,
            expected="each key once",
            hint="Where values change in time, say since when: valid_from=...",
        )
    raise DataError(
        f"The table of the look-up {feature.name!r} holds two values of a key at one time",
        found=f"{key} from {format_time(int(starts[row]))} on, while an earlier row still holds",
        expected="one row of a key at a time",
    )


def _spans(
    keys: NDArray[np.uint64], starts: Ints, ends: Ints
) -> dict[int, tuple[list[int], list[int], int]]:
    """Return by key: when its rows begin and end, and the place of the first."""
    firsts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])[: len(keys)]
    stops = np.r_[firsts[1:], len(keys)][: len(firsts)]
    return {
        int(keys[first]): (starts[first:stop].tolist(), ends[first:stop].tolist(), int(first))
        for first, stop in zip(firsts.tolist(), stops.tolist(), strict=True)
    }
