"""A connection: requests are read off it, and answered in their order.

HTTP/1.1 with its parser from httptools; the rest of the protocol is here: which requests are
refused while they are still being read, when the connection ends, and who has to wait for whom.

A client sends the same head again and again. One that was parsed is remembered by its bytes, so
that the next request that begins with it needs no parser.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast

import httptools

from ostinato.core.clock import elapsed_ns
from ostinato.live.gateway.answers import CONTINUE, Answers
from ostinato.live.gateway.deadlines import NEVER
from ostinato.live.gateway.exchange import Exchange
from ostinato.live.gateway.heads import CHUNKED, NO_HEAD, Head, Pair, read_head
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.refusals import (
    MOST_HEAD,
    MOST_HEADERS,
    MOST_TARGET,
    large_head,
    long_target,
    malformed,
    too_slow,
)
from ostinato.live.gateway.route import shown
from ostinato.live.gateway.sharing import Shared

MOST_PIPELINED: Final = 64
"""Requests of one connection that wait for their turn before no more is read off it."""

WHOLE: Final = b"\r\n\r\n"
"""The end of a head."""


class Connection(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    shared
        What all connections of a gateway share.
    """

    __slots__ = (
        "_body",
        "_continue",
        "_ended",
        "_fresh",
        "_head",
        "_head_size",
        "_held",
        "_messages",
        "_offer",
        "_pairs",
        "_parser",
        "_reading",
        "_size",
        "_starting",
        "_stuck",
        "_target",
        "_transport",
        "address",
        "answers",
        "closed",
        "due",
        "pending",
        "shared",
    )

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.answers: Answers = shared.answers
        self.address = ""
        self.due = NEVER
        self.pending: deque[Exchange] = deque()
        self.closed = False  # nothing that still comes is read
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._fresh = True  # the parser stands between two requests
        self._messages = 0
        self._target = b""
        self._pairs: list[Pair] = []
        self._head: Head | None = None
        self._head_size = self._size = 0
        self._body: list[bytes] = []
        self._offer: Head | None = None  # of a request that offers another protocol
        self._continue = False  # the client holds the body back until it is asked for
        self._held = False  # a request waits for another, or is such that others wait for it
        self._starting = False
        self._ended = False  # the client sends no more, but may still read
        self._stuck = False  # the client does not read
        self._reading = True

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.due = self.shared.idle_due()
        refusal = self.shared.opened(self)
        if refusal is not None:
            self._refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self._transport = None
        self.closed = True
        self._drop_body()
        self.pending.clear()
        self.shared.lost(self)

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        if self._fresh:
            if not self.pending:
                self.due = self.shared.request_due()
            data = self._known(data)
            if not data:
                return
        self._read(data)
        if len(self.pending) > MOST_PIPELINED:
            self._pace()

    def eof_received(self) -> bool:
        self._ended = True
        return bool(self.pending)  # what it asked is answered before the connection is closed

    def pause_writing(self) -> None:
        self._stuck = True
        self.due = self.shared.request_due()
        self._pace()

    def resume_writing(self) -> None:
        self._stuck = False
        self._rest()
        self._pace()

    # -- what others call

    def closes(self, exchange: Exchange) -> bool:
        """Whether the connection is to end with this answer, for the gateway ends."""
        return self.shared.draining and bool(self.pending) and self.pending[-1] is exchange

    def answered(self, exchange: Exchange) -> None:
        """Send the answers that are next."""
        pending = self.pending
        if not pending or pending[0] is not exchange:
            return
        transport = self._transport
        assert transport is not None, "a lost connection has nothing pending"
        while pending and (data := pending[0].data) is not None:
            transport.write(data)
            if pending.popleft().last:
                self._finish()
                return
        if pending:
            self.due = self.shared.request_due()
            if self._held and not self._starting:
                self._advance()
        else:
            self._held = False
            self._rest()
        if not self._reading:
            self._pace()

    def patient(self) -> None:
        """Leave it to the request under way how long it takes."""
        self.due = NEVER

    def overdue(self) -> None:
        """Give up what takes too long."""
        transport = self._transport
        if transport is None:
            self.due = NEVER
        elif self._stuck:
            transport.abort()
        elif self.pending:
            self.due = self.shared.request_due()
            self.pending[0].give_up()
        elif self.closed:
            transport.abort()
        elif self._fresh:
            self.closed = True
            transport.close()
        else:
            self._refuse(too_slow(self.shared.request_timeout_s))

    def drain(self) -> None:
        """Close if there is nothing under way; else the next answer closes."""
        if self._fresh and not self.pending and self._transport is not None:
            self.closed = True
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    # -- reading

    def _known(self, data: bytes) -> bytes:
        """Take whole requests with heads that are known; return what is left."""
        heads = self.shared.heads
        while data:
            start = data.find(WHOLE) + 4
            head = heads.get(data[:start])
            if head is None:
                break
            stop = start + head.length
            if len(data) < stop:
                break
            body = data[start:stop]
            data = data[stop:]
            self._begin(head, body)
            if self.closed:
                return b""
        return data

    def _read(self, data: bytes) -> None:
        """Let the parser read; a head that comes whole goes by itself, to be remembered."""
        if self._fresh:
            stop = data.find(WHOLE) + 4
            if stop >= 4:
                raw, data = data[:stop], data[stop:]
                before = self._messages
                self._feed(raw)
                head = self._head
                # Exactly one head, and nothing behind it: these bytes always mean this.
                if head is not None and not self._body and self._messages == before + 1:
                    self.shared.remember(raw, head)
        if data:
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        while data and not self.closed:
            if self._head is None:
                self._head_size += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._framed(data[upgrade.args[0] :])
                continue
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._refuse(
                    cause if isinstance(cause, HttpError) else malformed(shown(str(error)))
                )
                return
            if self._head is None and not self._fresh and self._head_size > MOST_HEAD:
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

    # -- what the parser calls

    def on_message_begin(self) -> None:
        self._messages += 1
        self._fresh = False
        self._target, self._pairs, self._head = b"", [], None
        self._size = 0

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > MOST_TARGET:
            raise long_target()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is not None:
            return  # behind a chunked body: nothing here wants it
        self._pairs.append((name, value))
        self._size += len(name) + len(value) + 4
        if len(self._pairs) > MOST_HEADERS or self._size > MOST_HEAD:
            raise large_head()

    def on_headers_complete(self) -> None:
        if self._offer is not None:
            self._head, self._size, self._offer = self._offer, 0, None
            return
        parser = self._parser
        head = read_head(
            parser.get_method().decode("latin-1"),
            self._target,
            self._pairs,
            version=parser.get_http_version(),
            keep_alive=parser.should_keep_alive(),
        )
        self.shared.check_length(head.length)
        head.predicts = self.shared.predicts(head)
        self._head, self._head_size, self._size = head, 0, 0
        if head.modern and "expect" in head.headers:
            self._expect(head)

    def on_body(self, part: bytes) -> None:
        self._continue = False
        self._size += len(part)
        self.shared.holds(len(part))
        self._body.append(part)
        self.shared.check_size(self._size)

    def on_message_complete(self) -> None:
        head = self._head
        assert head is not None, "the head comes before the end"
        if head.length and self._parser.should_upgrade():
            self._offer = head  # its body is still to be read
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._drop_body()
        self._head, self._fresh, self._continue, self._head_size = None, True, False, 0
        if not self.closed:
            self._begin(head, body)

    # -- inside

    def _begin(self, head: Head, body: bytes) -> None:
        pending = self.pending
        exchange = Exchange(self.shared.application, self, head, body, elapsed_ns())
        pending.append(exchange)
        if not head.keep_alive:
            self.closed = True
        if head.predicts:
            if self._held:
                return
        elif len(pending) > 1 or self._held:
            self._held = True
            return
        else:
            self._held = True
        exchange.started = True
        self.shared.begin(exchange)

    def _advance(self) -> None:
        """Start what has waited for its turn."""
        self._starting = True  # what is answered at once must not start the next one inside this
        while (exchange := self._next()) is not None:
            exchange.started = True
            self.shared.begin(exchange)
        self._starting = False

    def _next(self) -> Exchange | None:
        """Return what may start: predictions together, anything else alone and in its turn."""
        for place, exchange in enumerate(self.pending):
            alone = not exchange.head.predicts
            if not exchange.started:
                return None if alone and place else exchange
            if alone:
                return None
        self._held = False
        return None

    def _expect(self, head: Head) -> None:
        wanted = head.headers["expect"]
        if wanted.lower() != "100-continue":
            raise HttpError(
                417, "This cannot be expected here", found=shown(wanted), expected="100-continue"
            )
        if head.length == CHUNKED or head.length:
            self._continue = True
            self._go_on()

    def _go_on(self) -> None:
        """Ask for the body that the client holds back, when it is its turn."""
        if self._continue and not self.pending and self._transport is not None:
            self._continue = False
            self._transport.write(CONTINUE)

    def _refuse(self, error: HttpError) -> None:
        """Answer what could not be read, after what was asked before it, and read no more."""
        if self.closed:
            return  # it came after the request that was to be the last
        exchange = Exchange(self.shared.application, self, NO_HEAD, b"", elapsed_ns())
        exchange.started = True
        self.closed = True
        self._drop_body()
        self.pending.append(exchange)
        exchange.fail(error)

    def _rest(self) -> None:
        """Nothing is under way: wait for the client, but not forever."""
        if self._transport is None:
            return
        if self._ended:
            self.closed = True
            self._transport.close()
            return
        self.due = self.shared.idle_due() if self._fresh else self.shared.request_due()
        if self._continue:
            self._go_on()

    def _finish(self) -> None:
        """The last answer is written."""
        assert self._transport is not None, "it was written somewhere"
        self.closed = True
        self.pending.clear()
        self.due = self.shared.linger_due()
        if self._ended or self._transport.is_closing():
            self._transport.close()
        elif self._transport.can_write_eof():
            # What the client still sends is thrown away for a while: bytes that nobody reads would
            # take the answer away from it (RFC 9112, 9.6).
            self._transport.write_eof()
            self._pace()
        else:
            self._transport.close()

    def _pace(self) -> None:
        """Read on, or not: never more than is answered and taken."""
        transport = self._transport
        wanted = self.closed or not (self._stuck or len(self.pending) > MOST_PIPELINED)
        if transport is None or wanted == self._reading or transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _drop_body(self) -> None:
        if self._body:
            self.shared.holds(-sum(map(len, self._body)))
            self._body = []
