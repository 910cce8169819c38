"""What goes where: data to stdout, all else to stderr, errors as an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer

from ostinato.core.errors import InputError, OstinatoError

NO: Final = 1
"""Exit code when the answer is no."""
UNUSABLE: Final = 2
"""Exit code when the arguments, the file or the data cannot be used."""


def say(text: str) -> None:
    """Tell the person something, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that talks on stderr


def give(text: str) -> None:
    """Hand out data, on stdout."""
    print(text, flush=True)  # noqa: T201 - the one place that writes data


def give_json(value: Any) -> None:
    """Hand out data as JSON, on stdout."""
    give(json.dumps(value, indent=1, ensure_ascii=False))


@contextmanager
def exit_codes(*, as_json: bool) -> Iterator[None]:
    """Turn an `OstinatoError` into ``error:`` and ``hint:`` lines and exit code 2.

    Parameters
    ----------
    as_json
        Whether the error is data: then it is an object on stdout.
    """
    try:
        yield
    except OstinatoError as error:
        if as_json:
            give_json(error.to_dict())
        else:
            say(f"error: {error}")
        raise typer.Exit(UNUSABLE) from None


def check_writable(path: Path | None) -> None:
    """Refuse a report that could not be written, before the long work and not after it.

    Raises
    ------
    InputError
        If the folder of the file does not exist, or the path is a folder.
    """
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InputError(
            "The report cannot be written there",
            found=path,
            expected="a file in a folder that exists",
        )


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Set rows in columns: the first `left` columns to the left, numbers to the right.

    >>> print(aligned([["policy", "n"], ["static", "12"]]))
    policy   n
    static  12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
