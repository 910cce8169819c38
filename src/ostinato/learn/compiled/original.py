"""The original model, asked with rows of JSON values: what every form is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn, Column, EmptyColumn
from ostinato.learn.compiled.form import Row, Scorer
from ostinato.learn.compiled.rows import category_of, check_width, number_of
from ostinato.learn.model import Model


def original(model: Model) -> Scorer:
    """Return a scorer that asks the model itself."""

    def score(rows: Sequence[Row]) -> Floats:
        return model.score(table(model.encoding.columns, rows))

    return score


def table(columns: Sequence[Column], rows: Sequence[Row]) -> pl.DataFrame:
    """Return rows as the table of steady types that an encoding reads without a second thought.

    Each value is read by itself, so that one odd value does not change the type of its neighbours.

    Raises
    ------
    DataError
        If a value cannot be read, or a row has not one value per feature.
    """
    for row in rows:
        check_width(columns, row)
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pl.DataFrame([_series(c, v) for c, v in zip(columns, values, strict=True)])


def _series(column: Column, values: Sequence[object]) -> pl.Series:
    if isinstance(column, EmptyColumn):
        return pl.Series(column.name, [None] * len(values), dtype=pl.Null)
    if isinstance(column, CategoryColumn):
        text = [v if v is None or type(v) is str else category_of(column, v) for v in values]
        return pl.Series(column.name, text, dtype=pl.String)
    return pl.Series(column.name, [number_of(column, v) for v in values], dtype=pl.Float64)
