"""What answering took of a gateway, told through the log once a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.ports import Clock
from ostinato.core.units import SECOND_NS
from ostinato.live.events import ResourcesGiven, encode
from ostinato.live.gateway.meters import Meters
from ostinato.live.usage import Usage
from ostinato.stores.events import Event

EVERY_NS: Final = 60 * SECOND_NS
"""How long one report tells of. Shorter: more in the log; longer: faults are seen later."""

_MS: Final = 1000.0


@dataclass(slots=True, kw_only=True)
class ResourceMeter:
    """Sums up what answering took; used by the event loop alone.

    Parameters
    ----------
    meters
        What the gateway counts with.
    source
        Its name.
    instance
        What its keys begin with: no two lives of a gateway share it.
    clock
        The wall clock.
    waiting
        Says how many rows wait to be scored.
    submit
        Takes events for the log.
    """

    meters: Meters
    source: str
    instance: str
    clock: Clock
    waiting: Callable[[], int]
    submit: Callable[[list[Event]], None]
    usage: Usage = field(default_factory=Usage)
    _from_ns: int = field(init=False)
    _rows: int = 0
    _looks: int = 0
    _waited: int = 0
    _told: int = 0

    def __post_init__(self) -> None:
        self._from_ns = self.clock.now_ns()

    def look(self) -> None:
        """Look at the queue; once a minute, tell. Called several times a second."""
        self._looks += 1
        self._waited += self.waiting()
        now_ns = self.clock.now_ns()
        if now_ns - self._from_ns >= EVERY_NS:
            self._tell(now_ns)

    def _tell(self, now_ns: int) -> None:
        seconds = (now_ns - self._from_ns) / SECOND_NS
        latencies, errors = self.meters.answered.hand_over()
        rows = self.meters.rows_answered
        values = {
            "queue": self._waited / self._looks,
            "rows_per_second": (rows - self._rows) / seconds,
            **self.usage.since(seconds),
        }
        if len(latencies):
            p50, p99 = np.quantile(latencies.seconds(), (0.5, 0.99)).tolist()
            values |= {"latency_p50_ms": p50 * _MS, "latency_p99_ms": p99 * _MS}
        given = ResourcesGiven(
            source=self.source,
            from_ns=self._from_ns,
            to_ns=now_ns,
            requests=latencies.count,
            errors=errors,
            values=values,
        )
        self.submit([(f"u/{self.instance}/{self._told}", encode(given))])
        self._told += 1
        self._from_ns, self._rows, self._looks, self._waited = now_ns, rows, 0, 0
