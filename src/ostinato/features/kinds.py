"""What columns of events hold: number, integer, boolean or text, since events travel as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from ostinato.core.errors import DataError
from ostinato.features.sources import KINDS

DTYPES: Final[dict[str | None, Any]] = {
    "number": pl.Float64,
    "integer": pl.Int64,
    "boolean": pl.Boolean,
    "text": pl.String,
    None: pl.Null,
}
"""How a column of a kind is held; None: it has no value, so that nothing is known of its kind."""

Kind = str | None
"""One of `KINDS`; None: no value has been seen."""

_TEXT: Final = (pl.String, pl.Categorical, pl.Enum)
_OF_VALUES: Final = {float: "number", int: "integer", bool: "boolean", str: "text"}


def kind_of_type(dtype: pl.DataType) -> str | None:
    """Return what columns of a type hold; None of types that JSON cannot carry, such as times.

    >>> kind_of_type(pl.Int8()), kind_of_type(pl.Null()), kind_of_type(pl.Date())
    ('integer', 'number', None)
    """
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric() or dtype == pl.Null:
        return "number"
    return "text" if dtype in _TEXT else None


def kind_of(column: pl.Series) -> Kind:
    """Return what a column holds, None where it holds no value or nothing that events can carry.

    >>> kind_of(pl.Series([1, None])), kind_of(pl.Series([None, None], dtype=pl.String))
    ('integer', None)
    """
    return None if column.null_count() == len(column) else kind_of_type(column.dtype)


def told_kind(column: pl.Series) -> Kind:
    """Return what a column holds, by the name of its type where events cannot carry it.

    >>> told_kind(pl.Series([[1, 2]]))
    'list'
    """
    found = kind_of(column)
    if found is None and column.null_count() < len(column):
        return str(column.dtype.base_type()).lower()
    return found


def kinds_of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, Kind]:
    """Return what columns of JSON events hold, in the order in which they first appear.

    Whole numbers among numbers are numbers; kinds that do not go together, and lists and objects,
    are told with both names (``"text and integer"``, ``"list"``), which is none of `KINDS`.

    >>> kinds_of_rows([{"delay": 3, "gate": None}, {"delay": 2.5}])
    {'delay': 'number', 'gate': None}
    """
    found: dict[str, Kind] = {}
    for row in rows:
        for name, value in row.items():
            kind = None if value is None else _OF_VALUES.get(type(value), type(value).__name__)
            known = found.setdefault(name, kind)
            if kind != known and kind is not None:
                found[name] = _both(known, kind)
    return found


def _both(known: Kind, kind: str) -> str:
    if known is None:
        return kind
    if {known, kind} == {"number", "integer"}:
        return "number"
    return known if kind in known.split(" and ") else f"{known} and {kind}"


def check_carried(column: pl.Series, source: str) -> None:
    """Refuse a column of something that an event posted as JSON cannot carry.

    Raises
    ------
    DataError
        If it holds times, lists, bytes or the like.
    """
    if column.null_count() < len(column) and kind_of(column) is None:
        raise DataError(
            f"The column {column.name!r} of the source {source!r} holds what events cannot carry",
            found=f"{column.dtype}, for example {example_of(column)}",
            expected=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}",
            hint="Turn it into text, or times into a number of seconds.",
        )


def as_kind(column: pl.Series, kind: Kind, source: str) -> pl.Series:
    """Bring a column into a kind, where no value changes by that.

    Raises
    ------
    DataError
        If it is of another kind, or a number is not whole where whole ones are declared.
    """
    check_carried(column, source)
    found = kind_of(column)
    if found is None:
        return pl.repeat(None, len(column), dtype=DTYPES[kind], eager=True).alias(column.name)
    if found == kind or {found, kind} == {"number", "integer"}:
        made = _hold(column, kind)
        lost = made.is_null() & column.is_not_null()
        if column.dtype.is_float():
            lost &= column.is_not_nan()
        if not lost.any():
            return made
        column = column.filter(lost)
    raise DataError(
        f"The column {column.name!r} of the source {source!r} is not of the kind declared",
        found=f"{found or column.dtype}, for example {example_of(column)}",
        expected=str(kind),
        hint="Repair the data, or declare what it holds with columns={...}.",
    )


def _hold(column: pl.Series, kind: Kind) -> pl.Series:
    """Cast; a value that the kind cannot hold becomes null."""
    made = column.cast(DTYPES[kind], strict=False)
    if kind == "integer" and column.dtype.is_float():
        changed = made.cast(pl.Float64) != column
        made = made.set(changed.fill_null(value=True), None)
    return made


def example_of(column: pl.Series) -> str:
    """Write the first value of a column that is there."""
    there = column.drop_nulls().head(1).to_list()
    return repr(there[0])[:80] if there else "nothing"
