"""Tables of other protocols made into rows: every input, typed as the core takes it.

Fields that the loop does not know are ignored, as MLflow's signatures do; one that is missing or
of another type is named in a 400. A missing value is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Final, NoReturn

import msgspec

from ostinato.live.gateway.bodies import decode
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown
from ostinato.live.schema import TYPES, InputSchema, Kind

Row = tuple[Any, ...]

MAX_ROWS: Final = 10_000
"""Rows in one request. More would hold up everyone else's answers while they are scored; fewer
would cost clients that score in bulk more round trips. At 10 µs a row this is 0.1 s."""

_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_WHOLE = Annotated[float, msgspec.Meta(ge=-(2.0**63), lt=2.0**63)]

CELLS: Final[dict[Kind, Any]] = {**TYPES, "integer": _INT64 | _WHOLE | None}
"""As `TYPES`, with integers bounded by what a table of 64-bit integers can hold."""

COLUMNS: Final[dict[Kind, Any]] = {
    "number": list[float | None],
    "integer": list[_INT64 | _WHOLE | None],
    "boolean": list[bool | None],
    "text": list[str | None],
}
"""A whole field of each kind."""


class RowReader:
    """Reads rows off the forms that tables come in.

    Parameters
    ----------
    schema
        Says what a request carries.
    """

    def __init__(self, schema: InputSchema) -> None:
        self.schema = schema
        self._names = dict.fromkeys(schema.input_names)
        self._features = schema.input_features
        self._integers = frozenset(
            place for place, field in enumerate(schema.inputs) if field.kind == "integer"
        )
        record: Any = _lenient_struct(schema, CELLS)
        self._records: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(list[record])
        self._columns_type = _lenient_struct(schema, COLUMNS)
        self._columns = msgspec.json.Decoder(self._columns_type)

    def records(self, body: bytes | msgspec.Raw) -> list[Row]:
        """Read a JSON array of objects, one per row."""
        rows = [msgspec.structs.astuple(record) for record in decode(self._records, body)]
        for place, row in enumerate(rows):
            if msgspec.UNSET in row:
                self._missing(row, where=f" in row {place}")
        return counted(rows)

    def columns(self, body: bytes | msgspec.Raw) -> list[Row]:
        """Read a JSON object of arrays, one per field."""
        columns = msgspec.structs.astuple(decode(self._columns, body))
        if msgspec.UNSET in columns:
            self._missing(columns)
        return self._rows(columns)

    def table(self, given: Mapping[str, Sequence[Any]]) -> list[Row]:
        """Make rows of columns by name, their values as JSON gave them."""
        if not given.keys() >= self._names.keys():
            found = [given.get(name, msgspec.UNSET) for name in self._names]
            self._missing(found, given=tuple(given))
        try:
            columns = msgspec.convert(given, self._columns_type)
        except msgspec.ValidationError as error:
            self._wrong(given, error)
        return self._rows(msgspec.structs.astuple(columns))

    def _wrong(self, given: Mapping[str, Sequence[Any]], cause: Exception) -> NoReturn:
        # The error tells a path; which field it is of is told by trying each.
        for field in self.schema.inputs:
            try:
                msgspec.convert(given[field.name], COLUMNS[field.kind])
            except msgspec.ValidationError as error:
                raise HttpError(
                    400,
                    f"Field {shown(field.name)!r} has a value of another type",
                    found=shown(str(error), limit=300),
                    expected=f"{field.kind} or null",
                ) from error
        raise AssertionError("a table that cannot be converted has such a column") from cause

    def positional(self, values: Sequence[Sequence[Any]]) -> list[Row]:
        """Make rows of values without names: all inputs that are features, or all inputs."""
        names, features = tuple(self._names), self._features
        width = len(values[0]) if values else len(names)
        if width not in {features, len(names)}:
            raise HttpError(
                400,
                "A row without names does not have one value per feature",
                found=f"{width} values",
                expected=f"{features}: {', '.join(names[:features])}",
                hint="Send names with the values, for example as dataframe_split.",
            )
        return self.table(dict(zip(names[:width], transposed(values, width), strict=True)))

    def _rows(self, columns: Sequence[list[Any]]) -> list[Row]:
        lengths = {name: len(c) for name, c in zip(self._names, columns, strict=True)}
        if len(set(lengths.values())) > 1:
            raise HttpError(
                400,
                "Fields have different numbers of values",
                found=", ".join(f"{name}: {length}" for name, length in lengths.items()),
                expected="one value per row in each",
            )
        whole = [
            _whole(column) if place in self._integers and float in map(type, column) else column
            for place, column in enumerate(columns)
        ]
        return counted(list(zip(*whole, strict=True)))

    def _missing(
        self, values: Sequence[Any], *, where: str = "", given: tuple[str, ...] = ()
    ) -> NoReturn:
        pairs = zip(self._names, values, strict=True)
        missing = [name for name, value in pairs if value is msgspec.UNSET]
        near = [m for name in missing for m in get_close_matches(name, given[:1000], 1)]
        raise HttpError(
            400,
            f"Fields are missing{where}",
            found=f"no {', '.join(missing)}",
            expected=", ".join(f"{field.name} ({field.kind})" for field in self.schema.inputs),
            hint=f"Was {shown(near[0])!r} meant?"
            if near
            else "Give null where a value is missing.",
        )


def _lenient_struct(schema: InputSchema, types: Mapping[Kind, Any]) -> type[msgspec.Struct]:
    # Fields get positions because msgspec wants identifiers; unknown ones are skipped unread.
    places = [(f"f{place}", field) for place, field in enumerate(schema.inputs)]
    return msgspec.defstruct(
        "Inputs",
        [(place, types[field.kind] | msgspec.UnsetType, msgspec.UNSET) for place, field in places],
        rename={place: field.name for place, field in places},
        frozen=True,
        gc=False,
    )


def _whole(values: list[Any]) -> list[Any]:
    # Tables with missing values hold their integers as floats.
    return [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]


def transposed(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into columns.

    Raises
    ------
    HttpError
        400 where a row does not have `width` values.
    """
    for place, row in enumerate(rows):
        if len(row) != width:
            raise HttpError(
                400,
                f"Row {place} does not have one value per column",
                found=f"{len(row)} values",
                expected=f"{width}",
            )
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def counted(rows: list[Row]) -> list[Row]:
    """Return the rows, unless there are none or too many.

    Raises
    ------
    HttpError
        400 or 413.
    """
    if not rows:
        raise HttpError(400, "The request has no rows", found="0 rows", expected="at least one")
    limit_rows(len(rows))
    return rows


def limit_rows(count: int) -> None:
    """Refuse more rows than one request may have.

    Raises
    ------
    HttpError
        413.
    """
    if count > MAX_ROWS:
        raise HttpError(
            413,
            "The request has too many rows",
            found=f"{count} rows",
            expected=f"at most {MAX_ROWS}",
            hint="Send them in several requests.",
        )
