"""Say which slices each row belongs to.

Which slices there are is read off the history before the start, once: a replay and a live service
give the same row the same groups, and no row needs what comes after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
import polars as pl

from ostinato.core.records import Codes

MOST_VALUES: Final = 50
"""Values of a column that become slices of their own, first come first served; the others share
"other". More makes every summary wider."""

OTHER: Final = "(other)"
MISSING: Final = "(missing)"

_FEW_NUMBERS: Final = 12  # a numeric column with so few values is cut by value, not at quartiles


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceColumn:
    """One slice column: its values that are slices, and where numbers are cut (empty: by value)."""

    name: str
    values: tuple[str, ...]
    cuts: tuple[float, ...] = ()

    @classmethod
    def fit(cls, column: pl.Series) -> Self:
        """Read the slices of a column off the history before the start."""
        cuts = _quartiles(column)
        seen = _texts(column, cuts).unique(maintain_order=True).to_list()
        values = _pieces(cuts) if cuts else seen[:MOST_VALUES]
        return cls(name=column.name, values=tuple(values), cuts=cuts)

    def codes(self, column: pl.Series) -> Codes:
        """Return (n,) int32: the place of each row's value in `values`, its length for others."""
        places = {value: place for place, value in enumerate(self.values)}
        found = _texts(column, self.cuts).replace_strict(
            places, default=len(self.values), return_dtype=pl.Int32
        )
        return found.to_numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """All slice columns of a loop; each has a group per value and one for others."""

    columns: tuple[SliceColumn, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, names: Sequence[str]) -> Self:
        """Read the slices off the history before the start.

        Parameters
        ----------
        frame
            Those rows, in order of time.
        names
            Slice columns.
        """
        return cls(columns=tuple(SliceColumn.fit(frame[name]) for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """The groups' names, ``column=value``; their place is the code."""
        return tuple(
            f"{each.name}={value}" for each in self.columns for value in (*each.values, OTHER)
        )

    def codes(self, frame: pl.DataFrame) -> Codes:
        """Return the groups of rows: (n, number of columns) int32."""
        coded: list[Codes] = []
        first = 0
        for each in self.columns:
            coded.append(each.codes(frame[each.name]) + np.int32(first))
            first += len(each.values) + 1
        if not coded:
            return np.empty((frame.height, 0), dtype=np.int32)
        return np.ascontiguousarray(np.stack(coded, axis=1))


def _quartiles(column: pl.Series) -> tuple[float, ...]:
    if not column.dtype.is_numeric() or column.n_unique() <= _FEW_NUMBERS:
        return ()
    numbers = column.cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ()
    return tuple(np.unique(np.quantile(numbers, [0.25, 0.5, 0.75])).tolist())


def _pieces(cuts: Sequence[float]) -> list[str]:
    texts = [f"{cut:.4g}" for cut in cuts]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return [f"below {texts[0]}", *between, f"from {texts[-1]}", MISSING]


def _texts(column: pl.Series, cuts: Sequence[float]) -> pl.Series:
    """Return each row's value as text."""
    if not cuts:
        return column.cast(pl.String).fill_null(MISSING)
    numbers = column.cast(pl.Float64).fill_nan(None)
    pieces = _pieces(cuts)
    places = np.searchsorted(np.asarray(cuts), numbers.fill_null(0.0).to_numpy(), side="right")
    cut = pl.Series(column.name, [pieces[place] for place in places.tolist()], dtype=pl.String)
    return cut.set(numbers.is_null(), MISSING)
