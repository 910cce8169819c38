"""Heads of requests: what a request line and its headers mean, and which are refused.

Source: RFC 9112, "HTTP/1.1", sections 3 (request line and target) and 6 (length of a message).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.refusals import malformed
from ostinato.live.gateway.route import shown

CHUNKED: Final = -1
"""As a length: the body says itself where it ends."""

Pair = tuple[bytes, bytes]


class Head:
    """What stands before a body.

    `headers` have names in lower case; of a name that came more than once the values are joined.
    `length` is that of the body, in bytes, or `CHUNKED`. `modern`: HTTP/1.1, not 1.0. `plain`: the
    usual case, an answer needs no words about the connection. `predicts`: asks the loop's own
    protocol for predictions.
    """

    __slots__ = (
        "authorization",
        "headers",
        "host",
        "keep_alive",
        "length",
        "method",
        "modern",
        "origin",
        "path",
        "plain",
        "predicts",
        "query",
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        length: int = 0,
        modern: bool = True,
        keep_alive: bool = True,
    ) -> None:
        self.method, self.headers, self.length = method, headers, length
        self.path, _, self.query = target.partition("?")
        self.modern, self.keep_alive = modern, keep_alive
        self.plain = modern and keep_alive and method != "HEAD"
        self.predicts = False
        # Read on every request to see who asks.
        self.authorization = headers.get("authorization", "")
        self.host, self.origin = headers.get("host"), headers.get("origin")


NO_HEAD: Final = Head("", "", {}, keep_alive=False)
"""Of what was no request."""


def read_head(
    method: str, target: bytes, pairs: Sequence[Pair], *, version: str, keep_alive: bool
) -> Head:
    """Make a head of what the parser found.

    Raises
    ------
    HttpError
        400 for a request that could be read in two ways, 501 and 505 for what is not spoken here.
    """
    if version not in {"1.0", "1.1"}:
        raise HttpError(505, "This version of HTTP is not spoken", found=version, expected="1.1")
    if method == "CONNECT":
        raise HttpError(501, "This is no proxy", found="CONNECT")
    headers: dict[str, str] = {}
    for raw, value in pairs:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1").strip()
        if name == "host" and name in headers:
            raise malformed("two Host headers")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    if version == "1.1" and "host" not in headers:
        raise malformed("no Host header")
    return Head(
        method,
        _target(target),
        headers,
        length=_length(headers, version),
        modern=version == "1.1",
        keep_alive=keep_alive,
    )


def _target(raw: bytes) -> str:
    target = raw.decode("latin-1")
    scheme, found, rest = target.partition("://")
    if not target.startswith("/") and found and scheme.lower() in {"http", "https"}:
        # As a proxy is asked; servers have to take it, too.
        return f"/{rest.partition('/')[2]}"
    return target


def _length(headers: Mapping[str, str], version: str) -> int:
    # That the two are not both there, and of one meaning, the parser has seen to.
    coding = headers.get("transfer-encoding")
    if coding is None:
        return int(headers.get("content-length", "0"))
    if version == "1.0":
        raise malformed("Transfer-Encoding in HTTP/1.0")
    if coding.lower() != "chunked":
        raise HttpError(
            501,
            "The body is encoded in a way not spoken here",
            found=shown(coding),
            expected="chunked",
        )
    return CHUNKED
