"""Requests and responses as the handlers of a gateway see them, whatever server carries them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from ostinato.core.errors import OstinatoError

JSON: Final = "application/json"

_encode: Final = msgspec.json.Encoder().encode


class Request:
    """One request, complete.

    `path` without the query; `arguments` are the parts of the path that the route names;
    `headers` have names in lower case; `who` is the name of the token that came with it, empty on
    a service without tokens.
    """

    __slots__ = ("arguments", "body", "headers", "method", "path", "query", "who")

    def __init__(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> None:
        self.method, self.path, self.body, self.query = method, path, body, query
        self.headers: Mapping[str, str] = headers or {}
        self.arguments: Mapping[str, str] = {}
        self.who = ""


class Response:
    """An answer: status, body, and its type."""

    __slots__ = ("body", "headers", "status", "type")

    def __init__(
        self,
        status: int,
        body: bytes,
        type: str = JSON,  # noqa: A002 - the header's own word
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.status, self.body, self.type, self.headers = status, body, type, headers


Handler = Callable[[Request], Awaitable[Response]]


def answer(value: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(status, _encode(value))


class HttpError(OstinatoError):
    """The request cannot be answered as asked; `status` is the HTTP status, 400..599.

    `headers` go with the answer (``retry-after``, ``www-authenticate``, ``allow``). The body is
    the error's facts: ``{"error", "what", "found", "expected", "hint", "status"}``.
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        found: object = None,
        expected: str | None = None,
        hint: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(what, found=found, expected=expected, hint=hint)
        self.status, self.headers = status, headers

    def response(self) -> Response:
        """Return the error as a response."""
        body = _encode({**self.to_dict(), "status": self.status})
        return Response(self.status, body, headers=self.headers)
