"""From the bytes of a connection to whole requests, and which are refused while they are read.

The parser is that of httptools; what it lets pass but is not spoken here, too large, or readable in
two ways is refused here. A client sends the same head again and again: one that was parsed is
remembered by its bytes, so that the next request that begins with it needs no parser.
"""

from __future__ import annotations

from typing import Final, Protocol

import httptools

from ostinato.live.gateway.heads import CHUNKED, Head, Pair, read_head
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.refusals import (
    MOST_HEAD,
    MOST_HEADERS,
    MOST_TARGET,
    large_head,
    long_target,
    malformed,
)
from ostinato.live.gateway.route import shown
from ostinato.live.gateway.sharing import Shared

END: Final = b"\r\n\r\n"
"""Of a head."""


class Sink(Protocol):
    """Who takes the requests of a connection."""

    @property
    def closed(self) -> bool:
        """Whether no more are taken."""
        ...

    def begin(self, head: Head, body: bytes) -> None:
        """Take a request."""
        ...

    def refuse(self, error: HttpError) -> None:
        """Take the reason why no more requests can be read."""
        ...

    def expect(self) -> None:
        """Take it that the client waits to be asked for the body."""
        ...


class Reader:
    """Reads the requests of one connection.

    Parameters
    ----------
    shared
        What all connections share: the limits, and the heads that are known.
    sink
        Told of each request.

    Attributes
    ----------
    fresh
        Whether it stands between two requests.
    """

    __slots__ = (
        "_body", "_head", "_messages", "_offer", "_pairs", "_parser", "_raw_size", "_shared",
        "_sink", "_size", "_target", "fresh",
    )  # fmt: skip

    def __init__(self, shared: Shared, sink: Sink) -> None:
        self._shared, self._sink = shared, sink
        self.fresh = True
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._messages = 0
        self._target = b""
        self._pairs: list[Pair] = []
        self._head: Head | None = None  # of the request whose body is being read
        self._raw_size = self._size = 0  # of an incomplete head as it came; of what is being read
        self._body: list[bytes] = []
        self._offer: Head | None = None  # of a request that offers another protocol

    def read(self, data: bytes) -> None:
        """Read what came."""
        if self.fresh:
            data = self._known(data)
            stop = data.find(END) + 4
            if stop >= 4:
                self._learn(data[:stop])
                data = data[stop:]
        if data:
            self._feed(data)

    def close(self) -> None:
        """Forget what was read of an incomplete request; read no more."""
        self._drop_body()
        self._parser = None

    def _known(self, data: bytes) -> bytes:
        """Take whole requests with heads that are known; return what is left."""
        heads = self._shared.heads
        while data:
            start = data.find(END) + 4
            head = heads.get(data[:start])
            if head is None:
                break
            stop = start + head.length
            if len(data) < stop:
                break
            body = data[start:stop]
            data = data[stop:]
            self._sink.begin(head, body)
            if self._sink.closed:
                return b""
        return data

    def _learn(self, raw: bytes) -> None:
        """Read a head that came whole by itself, to know it when it comes again."""
        before = self._messages
        self._feed(raw)
        head = self._head
        # Exactly one head, and nothing behind it: these bytes always mean this.
        if head is not None and not self._body and self._messages == before + 1:
            self._shared.remember(raw, head)

    def _feed(self, data: bytes) -> None:
        while data and self._parser is not None and not self._sink.closed:
            if self._head is None:
                self._raw_size += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._framed(data[upgrade.args[0] :])
                continue
            except httptools.HttpParserError as error:
                cause = error.__context__  # what was raised in one of the calls below
                refusal = cause if isinstance(cause, HttpError) else malformed(shown(str(error)))
                self._refuse(refusal)
                return
            if self._head is None and not self.fresh and self._raw_size > MOST_HEAD:
                self._refuse(large_head())
            return

    def _framed(self, rest: bytes) -> bytes:
        """Read on after another protocol was offered, which a server may ignore.

        The parser stops at such a head (RFC 9110, 7.8). A new one reads the body behind it, told
        by a head of ours how long that is.
        """
        self._parser = httptools.HttpRequestParser(self)
        if self._offer is None:
            return rest
        length = self._offer.length
        told = (
            b"transfer-encoding: chunked" if length == CHUNKED else b"content-length: %d" % length
        )
        return b"POST / HTTP/1.1\r\n%b\r\n\r\n%b" % (told, rest)

    def _refuse(self, error: HttpError) -> None:
        self._drop_body()
        self._sink.refuse(error)

    def _drop_body(self) -> None:
        if self._body:
            self._shared.holds(-sum(map(len, self._body)))
            self._body = []

    # -- what the parser calls

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._messages += 1
        self.fresh = False
        self._target, self._pairs, self._head, self._size = b"", [], None, 0

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part
        if len(self._target) > MOST_TARGET:
            raise long_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self._head is not None:
            return  # behind a chunked body: nothing here wants it
        self._pairs.append((name, value))
        self._size += len(name) + len(value) + 4
        if len(self._pairs) > MOST_HEADERS or self._size > MOST_HEAD:
            raise large_head()

    def on_headers_complete(self) -> None:
        """See whether the body is wanted."""
        self._size = 0
        if self._offer is not None:
            self._head, self._offer = self._offer, None
            return
        parser = self._parser
        assert parser is not None, "it is the parser that calls"
        head = read_head(
            parser.get_method().decode("latin-1"),
            self._target,
            self._pairs,
            version=parser.get_http_version(),
            keep_alive=parser.should_keep_alive(),
        )
        self._shared.check_length(head)
        head.predicts = self._shared.predicts(head)
        self._head = head
        if head.modern and "expect" in head.headers:
            self._expected(head)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._size += len(part)
        self._shared.holds(len(part))
        self._body.append(part)
        self._shared.check_size(self._size)

    def on_message_complete(self) -> None:
        """Hand the request on."""
        head = self._head
        assert head is not None, "the head comes before the end"
        assert self._parser is not None, "it is the parser that calls"
        if head.length and self._parser.should_upgrade():
            self._offer = head  # its body is still to be read
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._drop_body()
        self._head, self.fresh, self._raw_size = None, True, 0
        if not self._sink.closed:
            self._sink.begin(head, body)

    def _expected(self, head: Head) -> None:
        wanted = head.headers["expect"]
        if wanted.lower() != "100-continue":
            raise HttpError(
                417, "This cannot be expected here", found=shown(wanted), expected="100-continue"
            )
        if head.length:
            self._sink.expect()
