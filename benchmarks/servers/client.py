"""A load generator that looks at every answer: persistent connections, closed loop or a fixed rate.

A request that gets another status than 200, or whose connection ends before the answer is whole, is
a failed request, as is a connection that cannot be made; it is then made again. In a paced run a
request's time counts from when it was due, not from when a connection was free for it, so that a
stall is not left out.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httptools
import numpy as np
import uvloop

HEAD = "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
RETRY_SECONDS = 0.05
LOST, REFUSED = 0, -1
"""Status of a request whose connection ended before the answer, or could not be made."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished request; times by the monotonic clock, in seconds.

    number: which of the requests it was. due: when it was to be sent.
    """

    number: int
    due: float
    received: float
    status: int
    body: bytes


@dataclass(slots=True)
class Tally:
    """What a run counted; latencies in seconds, of good answers only."""

    latencies: list[float] = field(default_factory=list)
    failures: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, q: float) -> float:
        return float(np.percentile(self.latencies, q)) if self.latencies else float("nan")

    def add(self, answer: Answer) -> None:
        if answer.status == 200:
            self.latencies.append(answer.received - answer.due)
        else:
            self.failures[answer.status] = self.failures.get(answer.status, 0) + 1


def packed(path: str, bodies: Sequence[bytes]) -> list[bytes]:
    """Whole HTTP requests, ready to be written."""
    head = HEAD.format(path=path).encode()
    return [b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body) for body in bodies]


class _Connection(asyncio.Protocol):
    """One connection; asks its load for the next request whenever it is free."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.asked: tuple[int, float] | None = None

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.body = b""
        self.load.free(self)

    def send(self, number: int, due: float) -> None:
        self.asked = (number, due)
        self.transport.write(self.load.requests[number % len(self.load.requests)])

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.body = b""

    def on_body(self, part):
        self.body += part

    def on_message_complete(self):
        status = self.parser.get_status_code()
        if status >= 200 and self.asked is not None:
            self._done(status)
            self.load.free(self)

    def connection_lost(self, exc):
        if self.asked is not None:
            self._done(LOST)
        self.load.lost(self)

    def _done(self, status: int) -> None:
        (number, due), self.asked = self.asked, None
        self.load.done(Answer(number, due, time.monotonic(), status, self.body))


class Load:
    """Requests over a number of connections, for so many seconds.

    requests: as from `packed`, asked in turn. rate: requests a second; None: closed loop.
    on_answer: called with every answer. limit: ends after so many requests, if it comes first.
    """

    def __init__(
        self,
        port: int,
        requests: Sequence[bytes],
        *,
        connections: int,
        seconds: float,
        rate: float | None = None,
        limit: int | None = None,
        on_answer: Callable[[Answer], None] | None = None,
    ) -> None:
        self.port, self.requests = port, requests
        self.connections, self.seconds, self.rate = connections, seconds, rate
        self.limit = limit
        self.on_answer = on_answer
        self.tally = Tally()
        self.sent, self.finished, self.last = 0, 0, 0.0
        self.idle: deque[_Connection] = deque()
        self.waiting: deque[float] = deque()
        self.closing = False
        self.until = 0.0
        """When it ends, by the monotonic clock; may be moved while it runs."""

    async def run(self) -> Tally:
        """Ask until the time is over, wait for the last answers, close."""
        self.loop = asyncio.get_running_loop()
        self.began = time.monotonic()
        self.until = self.began + self.seconds
        await asyncio.gather(*(self._connect() for _ in range(self.connections)))
        while not self._over():
            self._release()
            await asyncio.sleep(0.001 if self.rate else 0.01)
        self.tally.seconds = (self.last if self._all() else time.monotonic()) - self.began
        await self._drain()
        return self.tally

    def _all(self) -> bool:
        return self.limit is not None and self.finished >= self.limit

    def _over(self) -> bool:
        return self._all() or time.monotonic() >= self.until

    async def _drain(self) -> None:
        patience = time.monotonic() + 30.0
        while (self.finished < self.sent or self.waiting) and time.monotonic() < patience:
            self._release()
            await asyncio.sleep(0.005)
        self.closing = True
        while self.idle:
            self.idle.pop().transport.close()
        await asyncio.sleep(0)

    def _release(self) -> None:
        """Send what is due in a paced run."""
        if self.rate is None:
            return
        now = min(time.monotonic(), self.until)
        due = int((now - self.began) * self.rate) - self.sent - len(self.waiting)
        first = self.sent + len(self.waiting)
        self.waiting.extend(self.began + (first + n) / self.rate for n in range(due))
        while self.waiting and self.idle:
            self._send(self.idle.popleft(), self.waiting.popleft())

    def _send(self, connection: _Connection, due: float) -> None:
        number, self.sent = self.sent, self.sent + 1
        connection.send(number, due)

    def free(self, connection: _Connection) -> None:
        if self.closing:
            connection.transport.close()
        elif self.rate is not None:
            if self.waiting:
                self._send(connection, self.waiting.popleft())
            else:
                self.idle.append(connection)
        elif self._more():
            self._send(connection, time.monotonic())
        else:
            self.idle.append(connection)

    def _more(self) -> bool:
        left = self.limit is None or self.sent < self.limit
        return left and time.monotonic() < self.until

    def done(self, answer: Answer) -> None:
        self.finished += 1
        self.last = answer.received
        self.tally.add(answer)
        if self.on_answer is not None:
            self.on_answer(answer)

    def lost(self, connection: _Connection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)
        if not self.closing:
            self.loop.create_task(self._connect())

    async def _connect(self) -> None:
        while not self.closing and not self._over():
            try:
                await self.loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
            except OSError:
                self.tally.failures[REFUSED] = self.tally.failures.get(REFUSED, 0) + 1
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


def run(load: Load) -> Tally:
    """Run one load by itself."""
    return uvloop.run(load.run())
