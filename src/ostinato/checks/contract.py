"""How the suites run: one contract line after the other, each failure naming its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar

from ostinato.core.errors import OstinatoError

Given = TypeVar("Given")


class ContractLine:
    """A ``with`` block in which whatever goes wrong is a breach of one contract line.

    Parameters
    ----------
    port
        Name of the port, for example ``Journal``.
    line
        The line as it stands in the port's docstring.
    """

    def __init__(self, port: str, line: str) -> None:
        self.port, self.line = port, line

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception):
            return
        broken = isinstance(error, AssertionError)
        found = str(error) if broken else f"it raised {type(error).__name__}: {error}"
        raise AssertionError(f"{self.port}: {self.line}: {found}") from error


def run_lines(
    port: str, lines: Sequence[tuple[str, Callable[[Given], None]]], given: Given
) -> None:
    """Run the checks of a port in order; stop at the first line that is broken.

    Raises
    ------
    AssertionError
        If a line is broken; the message begins with the port and the line.
    """
    for line, check in lines:
        with ContractLine(port, line):
            check(given)


def refuses(call: Callable[[], object], kind: type[OstinatoError] = OstinatoError) -> bool:
    """Tell whether a call raises the error that refuses it."""
    try:
        call()
    except kind:
        return True
    return False
