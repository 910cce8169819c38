"""Drive a service with history: what was asked and known over HTTP, its clock tick by tick."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from ostinato.core.clock import SteadyClock
from ostinato.core.ports import Clock
from ostinato.core.records import Floats
from ostinato.core.units import SECOND_NS
from ostinato.live.told import Told

CONNECTIONS: Final = 8
"""Requests under way at once. Fewer leave the gateways idle; more than the machine has cores for
only wait."""


class Transport(Protocol):
    """What carries requests to a service; used by several threads at once."""

    def predict(self, body: bytes) -> list[dict[str, Any]]:
        """Send requests; return an answer per row."""
        ...

    def label(self, body: bytes) -> None:
        """Send labels."""
        ...

    def event(self, where: str, body: bytes) -> None:
        """Send events of a source (``"events"``) or business outcomes (``"outcomes"``)."""
        ...

    def move_clock(self, now_ns: int) -> None:
        """Move the service's clock; return when it has ticked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a rehearsal is: its time, rows told of how many, and rows per second by the wall."""

    now_ns: int
    rows: int
    rows_total: int
    per_second: float


@dataclass(slots=True)
class Answers:
    """What came back.

    `scores`: (n,) or (n, classes), by row from the first one served; `versions`: answers by version
    and role; `waits_ms`: how long each HTTP request took.
    """

    first: int
    scores: Floats
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits_ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, place: int, answers: list[dict[str, Any]], took_ms: float) -> None:
        """Keep the answers to rows from a place on."""
        with self.lock:
            self.waits_ms.append(took_ms)
            for at, each in enumerate(answers, place):
                self.scores[at] = each["score"]
                self.versions[each["version"], each["role"]] += 1

    def wait_ms(self, share: float) -> float:
        """Return a quantile of the waits; NaN without any."""
        return float(np.quantile(self.waits_ms, share)) if self.waits_ms else float("nan")


class Driver:
    """Tells a history to a service.

    Parameters
    ----------
    told
        What there is to tell.
    transport
        Carries it.
    rows_per_request
        How many rows go into one request.
    exact
        One request after the other, so that the order of the log is the order of the rows and the
        journal is the replay's to the byte; otherwise several at once, as real traffic comes.
    speed
        Seconds of history per second, at most; 0: as fast as it goes.
    clock
        A steady clock, for the speed.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self,
        told: Told,
        transport: Transport,
        *,
        rows_per_request: int,
        exact: bool,
        speed: float,
        clock: Clock | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._told, self._transport = told, transport
        self._at_most, self._speed = rows_per_request, speed
        self._sleep = sleep or threading.Event().wait
        self._clock: Clock = clock or SteadyClock()
        self._connections = 1 if exact else CONNECTIONS
        history = told.history
        rows, width = len(history) - history.first, history.n_classes
        shape = (rows, width) if width > 2 else (rows,)
        self.answers = Answers(first=history.first, scores=np.full(shape, np.nan))

    def run(self, ticks: Iterable[tuple[int, int]], report: Callable[[Moment], None]) -> None:
        """Tell everything, tick by tick; after each tick say where it is.

        Parameters
        ----------
        ticks
            As `ostinato.replay.run.ticks` gives them: (time, first row not yet told).
        report
            Told after each tick.
        """
        began_ns = self._clock.now_ns()
        with ThreadPoolExecutor(self._connections, thread_name_prefix="client") as pool:
            for now_ns, stop in ticks:
                self._tick(pool, now_ns, stop)
                took_s = (self._clock.now_ns() - began_ns) / SECOND_NS
                report(self._moment(now_ns, took_s))
                self._keep_pace(now_ns, took_s)

    def _tick(self, pool: ThreadPoolExecutor, now_ns: int, stop: int) -> None:
        """Tell what requests see before the requests; it counts from when it was known."""
        for where, body in self._told.events.bodies(now_ns):
            self._transport.event(where, body)
        if self._told.labels_first:
            self._label(pool, now_ns, stop)
        asked = self._told.requests(stop, at_most=self._at_most)
        # `list` waits for all and raises what one of them raised.
        list(pool.map(self._ask, asked))
        self._label(pool, now_ns, stop)
        for body in self._told.outcomes(now_ns):
            self._transport.event("outcomes", body)
        self._transport.move_clock(now_ns)

    def _label(self, pool: ThreadPoolExecutor, now_ns: int, stop: int) -> None:
        list(pool.map(self._transport.label, self._told.labels(now_ns, stop=stop)))

    def _ask(self, asked: tuple[int, bytes]) -> None:
        row, body = asked
        began_ns = self._clock.now_ns()
        answers = self._transport.predict(body)
        took_ms = (self._clock.now_ns() - began_ns) / 1e6
        self.answers.keep(row - self.answers.first, answers, took_ms)

    def _moment(self, now_ns: int, took_s: float) -> Moment:
        history = self._told.history
        rows = self._told.next_row - history.first
        return Moment(
            now_ns=now_ns,
            rows=rows,
            rows_total=len(history) - history.first,
            per_second=rows / max(took_s, 1e-9),
        )

    def _keep_pace(self, now_ns: int, took_s: float) -> None:
        if self._speed <= 0:
            return
        ahead_s = (now_ns - self._told.history.start_ns) / SECOND_NS / self._speed - took_s
        if ahead_s > 0:
            self._sleep(ahead_s)
