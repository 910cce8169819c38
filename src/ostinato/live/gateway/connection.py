"""A connection: its requests are answered in their order, and it ends when it should."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast

from ostinato.core.clock import elapsed_ns
from ostinato.live.gateway.answers import CONTINUE, Answers
from ostinato.live.gateway.deadlines import NEVER
from ostinato.live.gateway.exchange import Exchange
from ostinato.live.gateway.heads import NO_HEAD, Head
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.reader import Reader
from ostinato.live.gateway.refusals import too_slow
from ostinato.live.gateway.sharing import Shared

MOST_PIPELINED: Final = 64
"""Requests of one connection that wait for their turn before no more is read off it."""


class Connection(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    shared
        What all connections of a gateway share.

    Attributes
    ----------
    address
        Where it leads to, without the port.
    pending
        Requests without an answer, or whose answer waits for that of an earlier one.
    closed
        Nothing that still comes is read.
    due
        By when something must have happened, see `deadlines`.
    """

    __slots__ = (
        "_asks", "_ended", "_held", "_reader", "_reading", "_starting", "_stuck", "_transport",
        "address", "answers", "closed", "due", "pending", "shared",
    )  # fmt: skip

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.answers: Answers = shared.answers
        self.address = ""
        self.due = NEVER
        self.pending: deque[Exchange] = deque()
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._reader = Reader(shared, self)
        self._asks = False  # the client holds the body back until it is asked for
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
            self.refuse(refusal)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self._transport = None
        self.closed = True
        self._reader.close()
        self.pending.clear()
        self.shared.lost(self)

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        reader = self._reader
        if reader.fresh and not self.pending:
            self.due = self.shared.request_due()
        reader.read(data)
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
        if self.pending:
            self.due = self.shared.request_due()
        elif not self.closed:
            self._rest()
        self._pace()

    # -- what the reader finds (see reader.Sink)

    def begin(self, head: Head, body: bytes) -> None:
        """Take a request; predictions start at once, anything else alone and in its turn."""
        pending = self.pending
        exchange = Exchange(self.shared.application, self, head, body, elapsed_ns())
        pending.append(exchange)
        self._asks = False
        if not head.keep_alive:
            self.closed = True
        if self._held:
            return
        if not head.predicts:
            self._held = True
            if len(pending) > 1:
                return
        exchange.started = True
        self.shared.begin(exchange)

    def refuse(self, error: HttpError) -> None:
        """Answer what could not be read, after what was asked before it, and read no more."""
        if self.closed:
            return  # it came after the request that was to be the last
        exchange = Exchange(self.shared.application, self, NO_HEAD, b"", elapsed_ns())
        exchange.started = True
        self.closed = True
        self.pending.append(exchange)
        exchange.fail(error)

    def expect(self) -> None:
        """Ask for the body that the client holds back, when it is its turn."""
        self._asks = True
        self._ask()

    # -- what the exchanges call (see exchange.Carrier)

    def is_last(self, exchange: Exchange) -> bool:
        """Whether nothing was asked after it."""
        return bool(self.pending) and self.pending[-1] is exchange

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
                self._finish(transport)
                return
        if pending:
            self.due = self.shared.request_due()
            if self._held and not self._starting:
                self._advance()
        else:
            self._held = False
            if self._ended or self._asks or not self._reader.fresh:
                self._rest()
            else:
                self.due = self.shared.idle_due()
        if not self._reading:
            self._pace()

    def patient(self) -> None:
        """Leave it to the request under way how long it takes."""
        self.due = NEVER

    # -- what the server and its clock call (see sharing.Open)

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
        elif self._reader.fresh:
            self.closed = True
            transport.close()
        else:
            self.refuse(too_slow(self.shared.request_timeout_s))

    def drain(self) -> None:
        """Close if there is nothing under way; else the next answer closes."""
        if self._reader.fresh and not self.pending and self._transport is not None:
            self.closed = True
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    # -- inside

    def _advance(self) -> None:
        """Start what has waited for its turn."""
        self._starting = True  # what is answered at once must not start the next one inside this
        while (exchange := self._next()) is not None:
            exchange.started = True
            self.shared.begin(exchange)
        self._starting = False

    def _next(self) -> Exchange | None:
        for place, exchange in enumerate(self.pending):
            alone = not exchange.head.predicts
            if not exchange.started:
                return None if alone and place else exchange
            if alone:
                return None
        self._held = False
        return None

    def _ask(self) -> None:
        if self._asks and not self.pending and self._transport is not None:
            self._asks = False
            self._transport.write(CONTINUE)

    def _rest(self) -> None:
        """Nothing is under way: wait for the client, but not forever."""
        if self._ended:
            self.closed = True
            if self._transport is not None:
                self._transport.close()
            return
        self.due = self.shared.idle_due() if self._reader.fresh else self.shared.request_due()
        if self._asks:
            self._ask()

    def _finish(self, transport: asyncio.Transport) -> None:
        """End the connection: the last answer is written."""
        self.closed = True
        self.pending.clear()
        self.due = self.shared.linger_due()
        if self._ended or not transport.can_write_eof() or transport.is_closing():
            transport.close()
            return
        # What the client still sends is thrown away for a while: bytes that nobody reads would
        # take the answer away from it (RFC 9112, 9.6).
        transport.write_eof()
        self._pace()

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
