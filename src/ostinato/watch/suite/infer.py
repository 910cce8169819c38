"""Read bounds off a table: what it looks like, with room for what changes anyway.

Shares move over time. So the table is taken as consecutive blocks, and bounds start from the worst
of them; what later rows show that earlier ones did not tells which columns have no fixed values.
Bounds that fail are far from what was seen: they are for what is broken. A world that changes is
no reason to stop learning, so that it only ever warns.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import polars as pl

from ostinato.watch.suite.bounds import Batch, Bound, Column, Range
from ostinato.watch.suite.facts import (
    EVEN_KINDS,
    doubled_rows,
    kind_of,
    most_frequent,
    numbers,
    outside,
    present,
    short,
    texts,
    unknown,
)

Notes = dict[tuple[str, str], str]
"""What explains a bound: by section of the file and key."""

_BLOCKS: Final = 8
_BLOCK_ROWS: Final = 50  # fewer say little of a share
_MOST_VALUES: Final = 200  # more are no closed set, and a file of them is not readable
_OPEN: Final = 0.1
"""Share of later rows beyond what earlier ones showed, from which on a column has no fixed range or
values. Smaller: seasons go unbounded as well; larger: clocks and counters get bounds."""
_ROOM: Final = 0.5  # of the span between the 1st and the 99th hundredth
_FAR: Final = 10.0  # spans beyond which no drift leads, but another unit or a stand-in does
_FAIL_ROWS: Final = 50  # what the first training of a loop needs
_FREQUENT: Final = 0.01  # a value with fewer rows is no news by name
_REPEATING: Final = 0.05  # where as many rows are there twice, they repeat by nature


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns are what; empty: none is."""

    label: str = ""
    time: str = ""
    known: str = ""
    ids: str = ""
    classes: bool | None = None
    horizon_s: float = 0.0


@dataclass(slots=True)
class Inference:
    """A table in consecutive blocks, and the notes on what was read off it."""

    table: pl.DataFrame
    roles: Roles
    notes: Notes = field(default_factory=dict)
    cuts: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.table.height
        count = max(1, min(_BLOCKS, rows // _BLOCK_ROWS))
        ends = [rows * place // count for place in range(count + 1)]
        self.cuts = list(pairwise(ends))

    def blocks(self, column: pl.Series) -> list[pl.Series]:
        """Return a column block by block."""
        return [column[start:stop] for start, stop in self.cuts]

    # -- columns

    def column(self, name: str) -> Column:
        """Return what is expected of a column."""
        column, at = self.table[name], f"columns.{name}"
        kind = kind_of(column)
        if name == self.roles.ids:
            self.notes[at, "repeated"] = "Each id is there once."
            return Column(kind=kind, missing=Bound(fail=0.0), repeated=Bound(fail=0.0))
        values = present(column)
        found = Column(kind=kind, missing=self._missing(column, at))
        if not len(values) or kind not in EVEN_KINDS:
            return found
        found = replace(found, same=self.same(column, at))
        if kind == "number":
            near, far = self.ranges(values, at)
            return replace(found, range=near, far=far)
        if kind == "text":
            known, new = self._values(values, at)
            return replace(found, values=known, new=new)
        return found

    def _missing(self, column: pl.Series, at: str) -> Bound | None:
        gone = [1.0 - share_of(len(present(block)), len(block)) for block in self.blocks(column)]
        worst = max(gone)
        overall = 1.0 - share_of(len(present(column)), len(column))
        self.notes[at, "missing"] = (
            f"{percent(overall)} of the rows had no value; {percent(worst)} in the worst part."
            if overall
            else "Every row had a value."
        )
        return bound_of(warn=worst + max(worst, 0.01), fail=worst + max(3 * worst, 0.2))

    def same(self, column: pl.Series, at: str) -> Bound | None:
        found = [present(block) for block in self.blocks(column)]
        shares = [most_frequent(values)[1] / len(values) for values in found if len(values)]
        worst = max(shares)
        values = present(column)
        top, rows = most_frequent(values)
        if worst >= 1.0:
            return None
        self.notes[at, "same"] = (
            f"The most frequent value was {top}, {percent(rows / len(values))} of the rows; "
            f"one value had up to {percent(worst)} in a part."
            if worst > _FREQUENT
            else f"No value had more than {percent(worst)} of the rows of a part."
        )
        rest = 1.0 - worst
        # Of 200 values one may not take over; a flag that is rare may become rarer still.
        return bound_of(warn=1.0 - 0.6 * rest, fail=1.0 - (0.1 + 0.3 * rest**2) * rest)

    def ranges(self, values: pl.Series, at: str) -> tuple[Range | None, Range | None]:
        floats = numbers(values).filter(numbers(values).is_finite())
        if floats.n_unique() < 3:  # a constant and a flag say nothing of how far values go
            return None, None
        half = len(floats) // 2
        first = _stretched(floats[:half], _ROOM) if half >= _BLOCK_ROWS else None
        if first is not None and share_of(len(outside(floats[half:], first)), half) > _OPEN:
            self.notes[at, ""] = "No range: later rows lay beyond that of earlier ones."
            return None, None
        near, far = _stretched(floats, _ROOM), _stretched(floats, _FAR)
        self.notes[at, "range"] = (
            f"Values went from {written(floats.min())} to {written(floats.max())}."
        )
        self.notes[at, "far"] = (
            "So far out no drift leads: another unit, or a stand-in for missing."
        )
        beyond = share_of(len(outside(values, near)), len(values))
        wide = share_of(len(outside(values, far)), len(values))
        return (
            replace(near, beyond=bound_of(warn=0.001 + 2 * beyond) or Bound()),
            replace(far, beyond=bound_of(fail=0.05 + 2 * wide) or Bound()),
        )

    def _values(self, values: pl.Series, at: str) -> tuple[tuple[str, ...] | None, Bound | None]:
        found = texts(values)
        half = len(found) // 2
        later = share_of(len(unknown(found[half:], tuple(found[:half].unique().to_list()))), half)
        counts = found.alias("value").value_counts(name="rows")
        if counts.height > _MOST_VALUES or (half >= _BLOCK_ROWS and later > _OPEN):
            self.notes[at, ""] = (
                f"No list of values: there were {counts.height:,}, and new ones came."
            )
            return None, None
        known = counts.sort(["rows", "value"], descending=[True, False])["value"].to_list()
        self.notes[at, "values"] = f"{len(known)} values, the most frequent first."
        self.notes[at, "new"] = (
            f"{percent(later)} of the later half had values that the earlier half had not."
        )
        fail = 0.5 if later < 0.02 else None
        return tuple(known), bound_of(warn=max(0.01, 3 * later), fail=fail)

    # -- rows together

    def batch(self) -> Batch:
        """Return what is expected of the rows together."""
        rows = self.table.height
        self.notes["batch", "rows"] = f"{rows:,} rows were seen."
        rest = self.table.drop(self.roles.ids) if self.roles.ids else self.table
        share = share_of(doubled_rows(rest), rows)
        least = min(_FAIL_ROWS, max(1, rows // 2))
        found = Batch(least_fail=least, least_warn=max(least, rows // 20))
        if share > _REPEATING:
            self.notes["batch", ""] = f"No bound on doubled rows: {percent(share)} were, by nature."
            return found
        self.notes["batch", "duplicates"] = (
            f"{percent(share)} of the rows were equal to an earlier one."
        )
        return replace(found, duplicates=bound_of(warn=0.01 + 2 * share, fail=0.2 + 2 * share))


def _stretched(floats: pl.Series, room: float) -> Range:
    """Return the range of numbers with room on both sides; near by, it does not cross zero."""
    least, most = float(floats.min()), float(floats.max())  # type: ignore[arg-type]
    inner = [float(floats.quantile(q, "nearest") or 0.0) for q in (0.01, 0.99)]
    span = (inner[1] - inner[0]) or (most - least)
    low, high = _rounded(least - room * span, span, -1), _rounded(most + room * span, span, 1)
    if least >= 0.0 and room < _FAR:
        low = max(low, 0.0)
    if most <= 0.0 and room < _FAR:
        high = min(high, 0.0)
    return Range(low=min(low, least), high=max(high, most), beyond=Bound())


def _rounded(value: float, span: float, way: int) -> float:
    """Move a number outwards to a hundredth part of the span or less, so that it reads well."""
    if not math.isfinite(value):
        return way * sys.float_info.max
    step = 10.0 ** math.floor(math.log10(span)) / 10.0 if math.isfinite(span) and span > 0 else 0.0
    if step <= abs(value) * sys.float_info.epsilon:
        return value
    whole = math.ceil(value / step) if way > 0 else math.floor(value / step)
    return float(f"{whole * step:.12g}")  # takes the last digits off that came of multiplying


def share_of(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def bound_of(*, warn: float | None = None, fail: float | None = None) -> Bound | None:
    """Return a bound of shares with three digits; one of 1 bounds nothing."""
    rounded = [None if each is None or up(each) >= 1.0 else up(each) for each in (warn, fail)]
    return None if rounded == [None, None] else Bound(warn=rounded[0], fail=rounded[1])


def up(share: float) -> float:
    return min(math.ceil(share * 1000 - 1e-9) / 1000, 1.0)


def down(share: float) -> float:
    return math.floor(share * 1000 + 1e-9) / 1000


def percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def written(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else short(str(value))
