"""A request's columns brought into their kinds, so that a row means the same wherever it is from.

In a table an integer may have 8 bits and wrap around, in JSON it has none to spare; a category is
text; what is missing is null, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.features.kinds import DTYPES, kind_of_type

WIDEST: Final = 2.0**63
"""Integers are below it in size; it is where 64 bits end."""


def kinds_of(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, str]:
    """Return what columns hold; those that JSON cannot carry are left out."""
    found = {name: kind_of_type(frame.schema[name]) for name in columns}
    return {name: kind for name, kind in found.items() if kind is not None}


def in_kinds(frame: pl.DataFrame, columns: Sequence[str], kinds: Mapping[str, str]) -> pl.DataFrame:
    """Return columns of a table in their kinds; integers stay floats where some are not whole.

    Raises
    ------
    DataError
        If an integer has no room in 64 bits.
    """
    return pl.DataFrame([_in_kind(frame[name], kinds.get(name)) for name in columns])


def _in_kind(column: pl.Series, kind: str | None) -> pl.Series:
    if column.dtype.is_float():
        column = column.fill_nan(None)
        if kind == "integer" and _not_whole(column).any():
            return column.cast(pl.Float64)
    if kind is None:
        return column
    try:
        return column.cast(DTYPES[kind])
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"The column {column.name!r} holds integers that have no room in 64 bits",
            found=f"{column.dtype}, up to {column.max()!r}",
            expected="integers below 2**63",
            hint="Make text of them, or numbers.",
        ) from error


def _not_whole(column: pl.Series) -> pl.Series:
    return (column != column.floor()) | (column.abs() >= WIDEST)


def odd_rows(frame: pl.DataFrame, kinds: Mapping[str, str]) -> NDArray[np.bool_]:
    """Return (n,) which rows hold a number that is not whole in a column of integers."""
    odd = np.zeros(frame.height, dtype=np.bool_)
    for name, dtype in frame.schema.items():
        if kinds.get(name) == "integer" and dtype.is_float():
            odd |= _not_whole(frame[name]).fill_null(value=False).to_numpy()
    return odd


def in_kind(value: Any, kind: str | None) -> Any:
    """Return one value in its kind, as `in_kinds` does for a column.

    >>> in_kind(3.0, "integer"), in_kind(2.5, "integer"), in_kind(3, "number")
    (3, 2.5, 3.0)
    """
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if kind == "integer" and value.is_integer() and abs(value) < WIDEST:
            return int(value)
    elif kind == "number" and value is not None:
        return float(value)
    return value


def frame_of(
    rows: Sequence[Sequence[Any]], columns: Sequence[str], kinds: Mapping[str, str]
) -> pl.DataFrame:
    """Return rows as a table; each value has been through `in_kind`, an odd row is alone."""
    made = []
    for name, column in zip(columns, zip(*rows, strict=True), strict=True):
        kind = kinds.get(name)
        odd = kind == "integer" and float in map(type, column)
        dtype = pl.Float64 if odd else None if kind is None else DTYPES[kind]
        made.append(pl.Series(name, column, dtype=dtype))
    return pl.DataFrame(made)
