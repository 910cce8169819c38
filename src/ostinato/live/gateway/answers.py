"""Responses as the bytes that go over the wire.

Source: RFC 9110, "HTTP Semantics", section 6.6.1 (Date) and section 8.6 (Content-Length).
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from ostinato.core.ports import Clock
from ostinato.core.units import SECOND_NS
from ostinato.live.gateway.http import JSON, Response

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

KEEP: Final = ("connection", "keep-alive")
CLOSE: Final = ("connection", "close")

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Answers:
    """Writes responses; the date in them is read off the clock once a second.

    Parameters
    ----------
    clock
        The wall clock.

    Attributes
    ----------
    final
        Whether connections are to end with their answers, for the gateway ends.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.final = False
        self._second, self._date, self._json = -1, "", b""
        self.tell_time()

    def tell_time(self) -> None:
        """Look at the clock."""
        second = self.clock.now_ns() // SECOND_NS
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
            self._json = _start(200, self._date, JSON)

    def json(self, body: bytes) -> bytes:
        """Return the usual answer: 200, JSON, nothing said about the connection."""
        return b"%b%d\r\n\r\n%b" % (self._json, len(body), body)

    def whole(
        self, response: Response, connection: Sequence[tuple[str, str]] = (), *, empty: bool = False
    ) -> bytes:
        """Return any response, with what is to be said about the connection.

        `empty` leaves the body out, but not its length: the answer to HEAD.
        """
        body = response.body
        pairs = [*response.headers, *connection]
        further = "".join(f"\r\n{name}: {_one_line(value)}" for name, value in pairs)
        start = _start(response.status, self._date, response.type)
        end = further.encode("latin-1", "replace")
        return b"%b%d%b\r\n\r\n%b" % (start, len(body), end, b"" if empty else body)


def _start(status: int, date: str, kind: str) -> bytes:
    reason = _REASONS.get(status, "")
    line = f"HTTP/1.1 {status} {reason}\r\ndate: {date}\r\ncontent-type: {kind}"
    return f"{line}\r\ncontent-length: ".encode("latin-1")


def _one_line(value: str) -> str:
    # What a client sent may stand in a header; it must not begin another one.
    return value.replace("\r", " ").replace("\n", " ")
