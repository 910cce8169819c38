"""Rows out of CSV, as pandas writes it and MLflow's scoring servers take it."""

from __future__ import annotations

import csv
import io
import math
from typing import Any, Final

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown
from ostinato.live.gateway.rows import MAX_ROWS, Row, RowReader, transposed
from ostinato.live.schema import Kind

MISSING: Final = ("", "nan", "na", "n/a", "#n/a", "<na>", "null", "none")
"""Cells that are no number nor boolean, in small letters; of text only the empty cell is missing,
for "NA" is a name as well."""

MAX_CELLS: Final = 1_000_000
"""Cells in one body, so that a body of commas does not fill the memory."""

_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


def read_csv(reader: RowReader, body: bytes) -> list[Row]:
    """Read rows off CSV with a line of names.

    Raises
    ------
    HttpError
        4xx that names the line or field.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte {error.start} is none"
        raise HttpError(400, "The body is not UTF-8", found=found, expected="CSV") from error
    names, rows = _parsed(text)
    if len(set(names)) != len(names):
        raise HttpError(400, "A column is named twice", found=shown(", ".join(names)))
    kinds = {field.name: field.kind for field in reader.schema.inputs}
    columns = dict(zip(names, transposed(rows, len(names)), strict=True))
    return reader.table(
        {n: _typed(n, kinds[n], cells) if n in kinds else cells for n, cells in columns.items()}
    )


def _parsed(text: str) -> tuple[list[str], list[list[str]]]:
    # Quotes are not checked strictly, and the longest cell is csv's own limit of 128 KiB.
    lines = csv.reader(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    cells = 0
    try:
        for row in lines:
            cells += len(row)
            if len(rows) > MAX_ROWS or cells > MAX_CELLS:
                raise HttpError(
                    413,
                    "The request has too many rows or cells",
                    found=f"more than {len(rows) - 1} rows and {cells} cells",
                    expected=f"at most {MAX_ROWS} rows and {MAX_CELLS} cells",
                    hint="Send them in several requests.",
                )
            if row:
                rows.append(row)
    except csv.Error as error:
        raise HttpError(
            400, f"Line {lines.line_num} is not CSV", found=shown(str(error)), expected="CSV"
        ) from error
    if not rows:
        raise HttpError(400, "The body is empty", found="", expected="CSV with a line of names")
    return rows[0], rows[1:]


def _typed(name: str, kind: Kind, cells: list[str]) -> list[Any]:
    if kind == "text":
        return [cell or None for cell in cells]
    read = _boolean if kind == "boolean" else _number
    typed = []
    for place, cell in enumerate(cells):
        small = cell.strip().lower()
        try:
            typed.append(None if small in MISSING else read(small))
        except (ValueError, KeyError) as error:
            raise HttpError(
                400,
                f"Field {shown(name)!r} has a value of another type in row {place}",
                found=shown(cell),
                expected=f"{kind}, or an empty cell",
            ) from error
    return typed


def _boolean(cell: str) -> bool:
    return _BOOLEANS[cell]


def _number(cell: str) -> int | float:
    # Python's own grammar also takes underscores and digits of other scripts.
    if not cell.isascii() or "_" in cell:
        raise ValueError(cell)
    if cell.lstrip("+-").isdigit() and len(cell) < 20:
        return int(cell)
    number = float(cell)
    if math.isnan(number) or math.isinf(number):
        raise ValueError(cell)
    return number
