"""Fields of requests, served rows and events: what JSON and tables hold of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, cast

import msgspec
import polars as pl

from ostinato.core.errors import DataError
from ostinato.features.kinds import kind_of_type

Kind = Literal["number", "integer", "boolean", "text"]

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that tables and the log can hold."""

TYPES: Final[dict[Kind, Any]] = {
    "number": float | None,
    "integer": Whole | float | None,
    "boolean": bool | None,
    "text": str | None,
}
"""What JSON may hold for each kind; null is a missing value."""

DTYPES: Final[dict[Kind, pl.DataType]] = {
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "text": pl.String(),
}


class Field(msgspec.Struct, frozen=True):
    """One value of a served row; `computed`: made by the service, no request carries it."""

    name: str
    kind: Kind
    computed: bool = False


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A source of events that are posted to the service.

    Parameters
    ----------
    name
        Of the source.
    time
        What an event calls the time at which it happened; ``time`` is understood as well.
    columns
        What an event carries beside its time, and of which kind.
    renamed
        Earlier names of columns, to the names of now.
    version
        Of these columns: one more each time they change.
    """

    name: str
    time: str
    columns: tuple[Field, ...]
    renamed: dict[str, str] = {}
    version: int = 1


def series(field: Field, values: Sequence[Any]) -> pl.Series:
    """Return values as a column of a field's type; as floats where integers do not fit."""
    if field.kind == "integer" and not all(map(_fits, values)):
        return pl.Series(field.name, [None if v is None else float(v) for v in values])
    if field.kind == "integer" and float in set(map(type, values)):
        values = [int(v) if isinstance(v, float) else v for v in values]
    return pl.Series(field.name, values, dtype=DTYPES[field.kind])


def _fits(value: Any) -> bool:
    """Say whether a value of an integer field is whole and has room in 64 bits."""
    return value is None or (abs(value) < 2**63 and (type(value) is int or value.is_integer()))


def kind_of(column: pl.Series) -> Kind:
    """Return what a column holds.

    Raises
    ------
    DataError
        If JSON cannot carry it.
    """
    kind = kind_of_type(column.dtype)
    if kind is not None:
        return cast("Kind", kind)
    raise DataError(
        f"Column {column.name!r} cannot be given over HTTP",
        found=str(column.dtype),
        expected="numbers, booleans or text",
        hint="Derive numbers or text from it, and name those in the loop.",
    )
