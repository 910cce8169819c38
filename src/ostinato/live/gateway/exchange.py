"""One request of a connection and the answer to it."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from ostinato.live.gateway.answers import CLOSE, KEEP, Answers
from ostinato.live.gateway.heads import Head
from ostinato.live.gateway.http import Response


class Carrier(Protocol):
    """The connection that a request came over."""

    @property
    def address(self) -> str:
        """Where it leads to, without the port."""
        ...

    @property
    def answers(self) -> Answers:
        """Writes responses."""
        ...

    def is_last(self, exchange: Exchange) -> bool:
        """Whether nothing was asked after it."""
        ...

    def answered(self, exchange: Exchange) -> None:
        """Send what can be sent: answers go out in the order of their requests."""
        ...

    def patient(self) -> None:
        """Leave it to the request under way how long it takes."""
        ...


class Owner(Protocol):
    """Who is told what became of a request."""

    def counted(self, exchange: Exchange, status: int) -> None:
        """Count an answer."""
        ...

    def failed(self, exchange: Exchange, error: Exception) -> None:
        """Answer with an error."""
        ...

    def given_up(self, exchange: Exchange) -> None:
        """Answer that it took too long."""
        ...


class Exchange:
    """A request and, once there is one, its answer; only the first answer counts.

    Parameters
    ----------
    owner
        Told of the answer.
    carrier
        The connection.
    head, body
        The request, whole.
    began_ns
        When it was, by the stopwatch.

    Attributes
    ----------
    started
        Whether somebody works on it.
    last
        Whether the connection ends with it.
    path
        Of its route; empty: there is none.
    data
        The answer as bytes; None: there is none yet.
    task
        What works on it, where that is a task of its own.
    """

    __slots__ = (
        "began_ns", "body", "carrier", "data", "head", "last", "owner", "path", "started", "task",
    )  # fmt: skip

    def __init__(
        self, owner: Owner, carrier: Carrier, head: Head, body: bytes, began_ns: int
    ) -> None:
        self.owner, self.carrier, self.head, self.body = owner, carrier, head, body
        self.began_ns, self.path = began_ns, ""
        self.started, self.last = False, not head.keep_alive
        self.data: bytes | None = None
        self.task: asyncio.Task[Any] | None = None

    def json(self, body: bytes) -> None:
        """Answer 200 with JSON."""
        answers = self.carrier.answers
        if answers.final or not self.head.plain:
            self.respond(Response(200, body))
        elif self.data is None:
            self.data = answers.json(body)
            self.owner.counted(self, 200)
            self.carrier.answered(self)

    def respond(self, response: Response) -> None:
        """Answer; a header ``connection: close`` ends the connection with it."""
        if self.data is not None:
            return
        head, answers = self.head, self.carrier.answers
        self.last |= CLOSE in response.headers or (answers.final and self.carrier.is_last(self))
        headers = tuple(pair for pair in response.headers if pair != CLOSE)
        words = [CLOSE] if self.last else [] if head.modern else [KEEP]
        bare = Response(response.status, response.body, response.type, headers)
        self.data = answers.whole(bare, words, empty=head.method == "HEAD")
        self.owner.counted(self, response.status)
        self.carrier.answered(self)

    def fail(self, error: Exception) -> None:
        """Answer with an error."""
        self.owner.failed(self, error)

    def give_up(self) -> None:
        """Answer that it took too long."""
        if self.task is not None:
            self.task.cancel()
        else:
            self.owner.given_up(self)
