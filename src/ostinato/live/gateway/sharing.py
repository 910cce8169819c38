"""What the connections of a gateway share: limits, time, known heads, and who answers."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from ostinato.core.ports import Clock
from ostinato.live.gateway.answers import Answers
from ostinato.live.gateway.deadlines import Deadlines, Timed, ticks
from ostinato.live.gateway.exchange import Exchange, Owner
from ostinato.live.gateway.heads import CHUNKED, Head
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.refusals import crowded, large_body, out_of_memory

IDLE_S: Final = 75.0
"""Seconds that a connection may be open without a request. Shorter than what clients' pools and
proxies count on, and requests meet a closed connection; longer, and the forgotten ones pile up."""

LINGER_S: Final = 2.0
"""Seconds that a connection which was told to end is listened to."""

MOST_HEADS: Final = 1_024
MOST_HEAD_BYTES: Final = 4_096
"""Heads that are remembered, and how long each may be: some megabytes in all. Clients beyond the
first thousand are parsed each time."""

MOST_HELD: Final = 512 * 1024 * 1024
"""Bytes of bodies that are not complete, of all connections together."""

SMALL_BODY: Final = 65_536
"""A body up to this size is read whoever sends it, and whatever others send."""

OVERFLOW: Final = 256
"""Connections beyond the limit that are told so; more are closed without a word."""


class Application(Owner, Protocol):
    """Who answers."""

    def predicts(self, head: Head) -> bool:
        """Whether a request asks the loop's own protocol for predictions: those go together."""
        ...

    def check_known(self, head: Head) -> None:
        """Refuse who sends no token that is known; raises `HttpError` 401."""
        ...

    def begin(self, exchange: Exchange) -> None:
        """Answer a request, now or later."""
        ...


class Open(Timed, Protocol):
    """An open connection."""

    def drain(self) -> None: ...

    def abort(self) -> None: ...


class Shared:
    """The limits of connections, and what they have in common.

    Parameters
    ----------
    application
        Who answers.
    clock
        The wall clock.
    loop
        The event loop.
    most_connections
        Connections at once.
    most_bytes
        Of a body.
    request_timeout_s
        Seconds for a request to come whole, and again for its answer.
    """

    def __init__(
        self,
        application: Application,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        *,
        most_connections: int,
        most_bytes: int,
        request_timeout_s: float,
    ) -> None:
        self.most_connections, self.most_bytes = most_connections, most_bytes
        self.request_timeout_s = request_timeout_s
        self.application = application
        self.predicts, self.begin = application.predicts, application.begin
        self.answers = Answers(clock)
        self.deadlines = Deadlines(loop, self.answers.tell_time)
        self.heads: dict[bytes, Head] = {}
        self.connections: set[Open] = set()
        self.held_bytes = 0
        self._idle, self._linger = ticks(IDLE_S), ticks(LINGER_S)
        self._request = ticks(request_timeout_s)

    def opened(self, connection: Open) -> HttpError | None:
        """Count a connection; return why it is not served, where there are too many."""
        self.connections.add(connection)
        self.deadlines.watch(connection)
        count = len(self.connections)
        if count <= self.most_connections:
            return None
        if count > self.most_connections + OVERFLOW:
            connection.abort()
            return None
        return crowded(self.most_connections)

    def lost(self, connection: Open) -> None:
        """Count a connection no more."""
        self.connections.discard(connection)
        self.deadlines.forget(connection)

    def remember(self, raw: bytes, head: Head) -> None:
        """Keep what a head means, if it is one that comes again."""
        if len(raw) > MOST_HEAD_BYTES or head.length <= 0 or not head.plain:
            return
        if "expect" in head.headers or "upgrade" in head.headers:
            return
        if len(self.heads) >= MOST_HEADS:
            self.heads.clear()
        self.heads[raw] = head

    def check_length(self, head: Head) -> None:
        """Refuse a body that says that it is too large, or a stranger's that may become large.

        Raises
        ------
        HttpError
            413, or 401.
        """
        if head.length > self.most_bytes:
            raise large_body(str(head.length), self.most_bytes)
        if head.length == CHUNKED or head.length > SMALL_BODY:
            self.application.check_known(head)

    def check_size(self, size: int) -> None:
        """Refuse a body that has become too large, or one too many.

        Raises
        ------
        HttpError
            413; 503 if other bodies take the memory.
        """
        if size > self.most_bytes:
            raise large_body(f"more than {self.most_bytes}", self.most_bytes)
        if size > SMALL_BODY and self.held_bytes > MOST_HELD:
            raise out_of_memory(MOST_HELD)

    def holds(self, size: int) -> None:
        """Count bytes of incomplete bodies, or no longer where negative."""
        self.held_bytes += size

    def request_due(self) -> int:
        """Return by when a request that begins now must be there, or answered."""
        return self.deadlines.now + self._request

    def idle_due(self) -> int:
        """Return by when the next request must begin."""
        return self.deadlines.now + self._idle

    def linger_due(self) -> int:
        """Return until when a connection that ends is listened to."""
        return self.deadlines.now + self._linger
