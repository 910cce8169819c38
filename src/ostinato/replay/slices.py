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
from ostinato.loop.row_monitors import OTHER

MOST_VALUES: Final = 50
"""Values of a column that become slices of their own, first come first served; the others share
"other". More makes every summary wider."""

MISSING: Final = "(missing)"

_FEW_NUMBERS: Final = 12  # a numeric column with so few values is cut by value, not at quartiles


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceColumn:
    """One slice column: its values that are slices, and where numbers are cut (empty: by value)."""

    name: str
    values: tuple[str, ...]
    cuts: tuple[float, ...] = ()

    @classmethod
    def fit(cls, column: pl.Series, *, frequent: bool = False) -> Self:
        """Read the slices of a column off the history before the start.

        `frequent`: where there are too many values, the most frequent ones are slices.
        """
        cuts = () if frequent else _quartiles(column)
        if cuts:
            return cls(name=column.name, values=tuple(_pieces(cuts)), cuts=cuts)
        texts = _texts(column, ())
        seen = _most_frequent(texts) if frequent else texts.unique(maintain_order=True).to_list()
        values = [value for value in seen if value != OTHER][:MOST_VALUES]
        return cls(name=column.name, values=tuple(values))

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of its groups, ``column=value``; the last one is that of all other values."""
        return tuple(f"{self.name}={value}" for value in (*self.values, OTHER))

    def codes(self, column: pl.Series) -> Codes:
        """Return (n,) int32: the place of each row's value in `values`, its length for others."""
        places = {value: place for place, value in enumerate(self.values)}
        found = _texts(column, self.cuts).replace_strict(
            places, default=len(self.values), return_dtype=pl.Int32
        )
        return found.to_numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePair:
    """Two slice columns taken together.

    `of` says which columns of `Slices` they are; `values` are the combinations that are slices of
    their own, as pairs of places among the values of the two.
    """

    of: tuple[int, int]
    values: tuple[tuple[int, int], ...]

    @classmethod
    def fit(cls, of: tuple[int, int], one: Codes, other: Codes) -> Self:
        """Take the most frequent combinations of (n,) places among the values of two columns."""
        both = pl.DataFrame({"one": one, "other": other})
        found = both.group_by("one", "other", maintain_order=True).len()
        most = found.sort("len", descending=True, maintain_order=True).head(MOST_VALUES)
        return cls(of=of, values=tuple(most.select("one", "other").iter_rows()))

    def codes(self, one: Codes, other: Codes) -> Codes:
        """Return (n,) int32: the place of each row's combination, the number of them for others."""
        width = 1 + max((place for _, place in self.values), default=0)
        cells = np.array([a * width + b for a, b in self.values], dtype=np.int64)
        if not len(cells):
            return np.zeros(len(one), dtype=np.int32)
        order = np.argsort(cells)
        asked = np.where(other < width, one.astype(np.int64) * width + other, -1)
        at = order[np.minimum(np.searchsorted(cells[order], asked), len(cells) - 1)]
        return np.where(cells[at] == asked, at, len(cells)).astype(np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """All slice columns of a loop, then its pairs; each has a group per value and one for others.

    A row is in one group of each column and of each pair.
    """

    columns: tuple[SliceColumn, ...]
    pairs: tuple[SlicePair, ...] = ()

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        names: Sequence[str],
        pairs: Sequence[tuple[str, str]] = (),
        items: str | None = None,
    ) -> Self:
        """Read the slices off the history before the start.

        Parameters
        ----------
        frame
            Those rows, in order of time.
        names
            Slice columns.
        pairs
            Which of them are also taken together.
        items
            The one whose most frequent values are slices, rather than the first ones.
        """
        columns = tuple(SliceColumn.fit(frame[name], frequent=name == items) for name in names)
        coded = {each.name: each.codes(frame[each.name]) for each in columns}
        place = {each.name: at for at, each in enumerate(columns)}
        return cls(
            columns=columns,
            pairs=tuple(
                SlicePair.fit((place[one], place[other]), coded[one], coded[other])
                for one, other in pairs
            ),
        )

    @property
    def width(self) -> int:
        """How many groups a row is in."""
        return len(self.columns) + len(self.pairs)

    @property
    def names(self) -> tuple[str, ...]:
        """The groups' names, ``column=value`` and ``a=x, b=y``; their place is the code."""
        alone = [name for each in self.columns for name in each.groups]
        return (*alone, *(name for pair in self.pairs for name in self._pair_names(pair)))

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Column and value of each group, in the same order; of a pair both, with a comma."""
        alone = [(each.name, value) for each in self.columns for value in (*each.values, OTHER)]
        paired: list[tuple[str, str]] = []
        for pair in self.pairs:
            one, other = (self.columns[at] for at in pair.of)
            name, first, second = f"{one.name}, {other.name}", one.values, other.values
            values = [f"{(*first, OTHER)[a]}, {(*second, OTHER)[b]}" for a, b in pair.values]
            paired += [(name, value) for value in (*values, OTHER)]
        return (*alone, *paired)

    def first_groups(self, columns: int) -> int:
        """Return how many groups the first so many columns have; their codes are the first ones."""
        return sum(len(each.values) + 1 for each in self.columns[:columns])

    def codes(self, frame: pl.DataFrame) -> Codes:
        """Return the groups of rows: (n, columns and pairs) int32."""
        alone = [each.codes(frame[each.name]) for each in self.columns]
        paired = [pair.codes(*(alone[at] for at in pair.of)) for pair in self.pairs]
        sizes = [len(each.values) + 1 for each in self.columns]
        sizes += [len(each.values) + 1 for each in self.pairs]
        if not sizes:
            return np.empty((frame.height, 0), dtype=np.int32)
        firsts = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
        coded = [codes + first for codes, first in zip((*alone, *paired), firsts, strict=True)]
        return np.ascontiguousarray(np.stack(coded, axis=1))

    def _pair_names(self, pair: SlicePair) -> list[str]:
        one, other = (self.columns[at] for at in pair.of)
        first, second = one.groups, other.groups
        return [
            *(f"{first[a]}, {second[b]}" for a, b in pair.values),
            f"{one.name}, {other.name}={OTHER}",
        ]


def _most_frequent(texts: pl.Series) -> list[str]:
    found = pl.DataFrame({"text": texts}).group_by("text", maintain_order=True).len()
    return found.sort("len", descending=True, maintain_order=True)["text"].to_list()


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
