"""What features give brought into one of the kinds, and defaults for what is missing: done once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.features.kinds import DTYPES
from ostinato.features.rows.inputs import WIDEST

Value = float | int | bool | str | None

_WIDTH: Final = {"boolean": 0, "integer": 1, "number": 2}


def is_missing(value: Any) -> bool:
    """Say whether a value is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def kind_of_value(value: Any) -> str:
    """Return the kind of one value.

    Raises
    ------
    TypeError
        If no feature can hold it.
    """
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if abs(value) < WIDEST else "number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "text"
    raise TypeError(f"{type(value).__name__} {value!r}"[:200])


def wider(one: str, other: str) -> str:
    """Return the kind that holds the values of two; text goes with text alone.

    Raises
    ------
    TypeError
        If there is none.

    >>> wider("boolean", "number")
    'number'
    """
    if one == other:
        return one
    if "text" in (one, other):
        raise TypeError(f"{one} and {other}")
    return max(one, other, key=_WIDTH.__getitem__)


def kind_with(name: str, kind: str, default: Value) -> str:
    """Return the kind of a feature whose missing values become its default.

    Raises
    ------
    ConfigError
        If the default does not go with its values.
    """
    if default is None:
        return kind
    try:
        return wider(kind, kind_of_value(default))
    except TypeError as error:
        raise ConfigError(
            f"The default of the feature {name!r} is of another kind than its values",
            found=repr(default),
            expected=kind,
        ) from error


def finished_expression(
    expression: pl.Expr, dtype: pl.DataType, kind: str, default: Value
) -> pl.Expr:
    """Return an expression of a known type with what `finished_column` does to its values."""
    if dtype.is_float():
        expression = expression.fill_nan(None)
    if dtype != DTYPES[kind]:
        expression = expression.cast(DTYPES[kind])
    if default is None:
        return expression
    return expression.fill_null(pl.lit(finished(default, kind, None), dtype=DTYPES[kind]))


def finished_column(column: pl.Series, kind: str, default: Value) -> pl.Series:
    """Bring a column into its kind, what is missing to null, and then to the default."""
    if column.dtype.is_float():
        column = column.fill_nan(None)
        kind = "number" if kind == "integer" else kind  # of rows with odd inputs
    column = column.cast(DTYPES[kind])
    return column if default is None else column.fill_null(finished(default, kind, None))


def finished(value: Any, kind: str, default: Value) -> Value:
    """Bring one value into its kind, as `finished_column` does."""
    if is_missing(value):
        return None if default is None else finished(default, kind, None)
    if kind == "number" or isinstance(value, float):
        return float(value)
    if kind == "integer":
        return int(value) if abs(value) < WIDEST else float(value)
    return bool(value) if kind == "boolean" else str(value)


def column_of(name: str, values: Sequence[Value], kind: str) -> pl.Series:
    """Return finished values of a kind as a column; integers become floats where some are."""
    if kind == "integer" and float in map(type, values):
        values = [None if value is None else float(value) for value in values]
        kind = "number"
    return pl.Series(name, values, dtype=DTYPES[kind])
