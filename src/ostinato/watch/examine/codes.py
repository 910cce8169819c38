"""Columns of both samples as small whole numbers: one coding that all methods work on.

Numbers become the place among borders that halve, quarter, ... the rows of both samples together;
values of categories the place by frequency. Texts and vectors become a few numbers first. Missing
is the last code of each column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.watch.examine.expand import Plain, plain_columns
from ostinato.watch.examine.sample import Sample

BINS: Final = 32
"""Most cells of a column of numbers, and most values of a category told apart. Fewer blur what
moved; more make thin cells."""

Coded16 = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """How one column was coded.

    Parameters
    ----------
    name, source
        What it is called, and the column of the frame that it was made of.
    borders
        (b,) ascending, for numbers; code c holds values in [borders[c-1], borders[c]).
    values
        For categories, most frequent first; the code after them is all others.
    """

    name: str
    source: str
    borders: Floats | None = None
    values: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether its codes have an order."""
        return self.borders is not None

    @property
    def missing(self) -> int:
        """The code of missing."""
        return len(self.values) + 1 if self.borders is None else len(self.borders) + 1

    @property
    def cells(self) -> int:
        """How many codes there are."""
        return self.missing + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coding:
    """Both samples in codes.

    Parameters
    ----------
    columns
        (d) of them; those that hold anything to compare.
    plain
        (d), what they hold.
    reference, current
        (n, d) and (m, d) int16.
    unmeasured
        Why a column of the frame is not among them, by name.
    """

    columns: tuple[Column, ...]
    plain: tuple[Plain, ...]
    reference: Coded16
    current: Coded16
    unmeasured: dict[str, str]

    def place(self, source: str) -> list[int]:
        """Return the places of the columns made of a column of the frame."""
        return [i for i, column in enumerate(self.columns) if column.source == source]


def code(reference: Sample, current: Sample) -> Coding:
    """Code two samples alike; never raises on what columns hold."""
    plain, unmeasured = plain_columns(reference.frame, current.frame)
    columns, kept, first, second = [], [], [], []
    for each in plain:
        column, p, q = _coded(each)
        if min(p.min(), q.min()) == max(p.max(), q.max()):
            unmeasured.setdefault(each.source, "holds one value only")
            continue
        columns.append(column)
        kept.append(each)
        first.append(p)
        second.append(q)
    return Coding(
        columns=tuple(columns),
        plain=tuple(kept),
        reference=_table(first, len(reference)),
        current=_table(second, len(current)),
        unmeasured=unmeasured,
    )


def _table(columns: list[Coded16], rows: int) -> Coded16:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0), dtype=np.int16)


def _coded(plain: Plain) -> tuple[Column, Coded16, Coded16]:
    if plain.numbers is not None:
        p, q = plain.numbers
        borders = _borders(p, q)
        column = Column(name=plain.name, source=plain.source, borders=borders)
        return column, _place(p, column), _place(q, column)
    assert plain.texts is not None, "a column is numbers or texts"
    values = _values(plain.texts)
    column = Column(name=plain.name, source=plain.source, values=values)
    first, second = (_find(texts, column) for texts in plain.texts)
    return column, first, second


def _borders(p: Floats, q: Floats) -> Floats:
    known = [each[~np.isnan(each)] for each in (p, q)]
    # Both samples weigh the same, so that the smaller one is not lost in few cells.
    ranks = np.arange(1, BINS) / BINS
    found = [np.quantile(each, ranks, method="lower") for each in known if each.size]
    if not found:
        return np.empty(0)
    pooled = np.sort(np.concatenate(found))
    step = len(found)
    borders = np.unique(np.concatenate([pooled[step - 1 :: step], pooled[:1], pooled[-1:]]))
    return borders[borders > min(float(each.min()) for each in known if each.size)]


def _place(values: Floats, column: Column) -> Coded16:
    assert column.borders is not None, "numbers have borders"
    found = np.searchsorted(column.borders, values, side="right").astype(np.int16)
    found[np.isnan(values)] = column.missing
    return found


def _values(texts: tuple[pl.Series, pl.Series]) -> tuple[str, ...]:
    counts = None
    for series in texts:
        shares = (
            series.drop_nulls()
            .rename("value")
            .value_counts(name="rows")
            .with_columns(pl.col("rows") / max(len(series), 1))
        )
        counts = shares if counts is None else pl.concat([counts, shares])
    assert counts is not None, "there are two samples"
    ordered = (
        counts.group_by("value")
        .agg(pl.col("rows").sum())
        .sort(["rows", "value"], descending=[True, False])
    )
    return tuple(ordered["value"].head(BINS).to_list())


def _find(texts: pl.Series, column: Column) -> Coded16:
    known = texts.cast(pl.Enum(column.values), strict=False)
    codes = known.to_physical().cast(pl.Int16)
    rest = pl.Series([len(column.values)] * len(texts), dtype=pl.Int16)
    found = codes.zip_with(codes.is_not_null(), rest).to_numpy().copy()
    found[texts.is_null().to_numpy()] = column.missing
    return found
