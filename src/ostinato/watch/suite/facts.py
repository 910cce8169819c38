"""What is counted off a column; the same for inferring bounds and for holding a batch to them."""

from __future__ import annotations

from typing import Final

import polars as pl

from ostinato.watch.suite.bounds import Range

_TEXT: Final = (pl.String, pl.Categorical, pl.Enum)
_TIMES: Final = (pl.Datetime, pl.Date, pl.Time, pl.Duration)
_EXAMPLES: Final = 3
_LONGEST: Final = 40  # characters of an example

EVEN_KINDS: Final = ("number", "truth", "text", "time")
"""Kinds whose values can be counted and compared."""


def kind_of(column: pl.Series) -> str | None:
    """Return what a column holds, one of `bounds.KINDS`; None: no value is there to tell.

    >>> kind_of(pl.Series([1, 2])), kind_of(pl.Series([None])), kind_of(pl.Series([[1.0]]))
    ('number', None, 'vector')
    """
    dtype = column.dtype
    if dtype == pl.Null:
        return None
    if dtype == pl.Boolean:
        return "truth"
    if dtype.is_numeric():
        return "number"
    if dtype in _TEXT:
        return "text"
    if dtype in _TIMES:
        return "time"
    return "vector" if dtype in (pl.List, pl.Array) else "other"


def present(column: pl.Series) -> pl.Series:
    """Return the values that are there; a number that is none (NaN) is not."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
    return column.drop_nulls()


def numbers(values: pl.Series) -> pl.Series:
    """Return numbers as floats."""
    return values.cast(pl.Float64)


def texts(values: pl.Series) -> pl.Series:
    """Return values as texts that do not hang on how they are stored: 1 and 1.0 are ``"1"``.

    >>> texts(pl.Series([1.0, 2.5])).to_list(), texts(pl.Series([True])).to_list()
    (['1', '2.5'], ['true'])
    """
    if values.dtype == pl.Duration:
        return values.dt.total_nanoseconds().cast(pl.String)
    if values.dtype.is_float() and not len(values.filter(values != values.round())):
        bounded = values.filter(values.abs() < 2**53)
        if len(bounded) == len(values):
            return values.cast(pl.Int64).cast(pl.String)
    if values.dtype.is_float():
        return values.cast(pl.String).str.replace(r"\.0$", "")
    return values.cast(pl.String)


def outside(values: pl.Series, expected: Range) -> pl.Series:
    """Return the numbers outside a range; infinite ones are outside always."""
    found = numbers(values)
    fits = found.is_between(expected.low, expected.high) & found.is_finite()
    return found.filter(~fits)


def unknown(values: pl.Series, known: tuple[str, ...]) -> pl.Series:
    """Return the texts of values that are not among those known."""
    found = texts(values)
    return found.filter(~found.is_in(list(known)))


def most_frequent(values: pl.Series) -> tuple[str, int]:
    """Return the value that is there most often, as text, and how often; the smallest of several.

    >>> most_frequent(pl.Series(["b", "a", "a", "b", "c"]))
    ('a', 2)
    """
    if not len(values):
        return "", 0
    counts = values.value_counts(name="_rows")
    name = values.name
    top = counts.filter(counts["_rows"] == counts["_rows"].max())
    return short(texts(top[name].sort())[0]), int(top["_rows"][0])


def repeats(values: pl.Series) -> pl.Series:
    """Return values that are there more than once, each once."""
    return values.filter(values.is_duplicated()).unique(maintain_order=True)


def doubled_rows(table: pl.DataFrame) -> int:
    """Count the rows that are equal, in every value, to an earlier one.

    Rows are compared by a hash of 64 bits: of a million different ones two are taken for equal
    once in forty million tables.
    """
    comparable = [c.name for c in table if kind_of(c) in EVEN_KINDS]
    if not comparable or not table.height:
        return 0
    return table.height - table.select(comparable).hash_rows().n_unique()


def examples(values: pl.Series) -> tuple[str, ...]:
    """Return a few different values, the most frequent first, as people would write them."""
    if not len(values):
        return ()
    counts = texts(values).alias("value").value_counts(name="rows")
    top = counts.sort(["rows", "value"], descending=[True, False])["value"][:_EXAMPLES]
    return tuple(short(text) for text in top.to_list())


def short(text: str) -> str:
    """Return a text that fits a sentence."""
    flat = " ".join(text.split())
    return repr(text) if not flat else flat if len(flat) <= _LONGEST else flat[:_LONGEST] + "…"


def delays_s(table: pl.DataFrame, label: str, time: str, known: str) -> pl.Series | None:
    """Return the seconds from request to label, where both and the label are there."""
    if not (time and known) or not {time, known} <= set(table.columns):
        return None
    if any(kind_of(table[name]) not in ("time", "number") for name in (time, known)):
        return None
    rows = table.filter(pl.col(label).is_not_null()) if label in table.columns else table
    taken = _seconds(rows[known]) - _seconds(rows[time])
    return present(taken)


def _seconds(moments: pl.Series) -> pl.Series:
    if moments.dtype.is_numeric():
        return moments.cast(pl.Float64)
    return moments.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
