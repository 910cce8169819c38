"""Infrastructure: do answers take longer, fail more often, or cost more than they did?

Only a live service tells of it (`ResourcesObserved`); in a replay nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ostinato.core.records import Record
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.core.watched import ResourcesObserved
from ostinato.watch.monitor import NOW
from ostinato.watch.reading import Level, Reading, Readings, Shares, Stream, two_cells

RISE: Final = 0.25
"""Relative rise of a resource that is no news. Smaller: people hear of what no user feels; larger:
a slow leak is told late."""

ERRORS: Final = 0.005
"""Share of requests that may newly fail without an alarm."""

SERVING: Final = ("latency_p50_ms", "latency_p99_ms", "queue")
PROCESS: Final = ("cpu", "memory_mib", "gpu")
"""What is watched of all gateways together, and what by sort of process."""

_ENGINE: Final = "engine"


@dataclass(slots=True)
class Sums:
    """Readings of one number: how many, their sum, and the sum of their squares."""

    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count a reading."""
        self.count += 1.0
        self.total += value
        self.squares += value * value

    def level(self, stream: Stream, floor: float) -> Level:
        """Return the mean as a reading of its stream."""
        mean = self.total / self.count
        variance = max(self.squares / self.count - mean * mean, 0.0)
        return Level(
            stream=stream,
            rows=self.count,
            mean=mean,
            deviation=variance**0.5,
            floor=floor,
            falling=False,
        )


@dataclass(slots=True)
class Window:
    """What was told of one short window.

    `sums` by resource and sort of process, ``"cpu engine"``; `seconds` that each source told of;
    `rows` that were answered.
    """

    requests: float = 0.0
    errors: float = 0.0
    rows: float = 0.0
    sums: dict[str, Sums] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class InfrastructureState:
    """Open short windows by their start, and what the open long one has answered so far."""

    windows: dict[int, Window] = field(default_factory=dict)
    requests: float = 0.0
    errors: float = 0.0
    rows: float = 0.0
    begun: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """Latency, queue, errors, processor, memory, GPU, and the cost of a prediction.

    Parameters
    ----------
    fast_ns
        Length of the short windows.
    serve_hour
        Price of one hour of serving; 0: cost is not watched.
    cost_tolerance
        Relative rise of the cost of a prediction that is no news.
    """

    fast_ns: int
    serve_hour: float = 0.0
    cost_tolerance: float = 0.05

    family = "infrastructure"
    name = "infrastructure"
    clock = NOW
    wants = frozenset({"resources_observed"})

    def begin(self) -> InfrastructureState:
        return InfrastructureState()

    def take(self, state: InfrastructureState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - one signature for all monitors
        assert isinstance(record, ResourcesObserved), "nothing else is wanted"
        state.begun = True
        start_ns = max(record.to_ns - 1, 0) // self.fast_ns * self.fast_ns
        window = state.windows.setdefault(start_ns, Window())
        seconds = (record.to_ns - record.from_ns) / SECOND_NS
        window.requests += record.requests
        window.errors += record.errors
        window.rows += record.values.get("rows_per_second", 0.0) * seconds
        window.seconds[record.source] = window.seconds.get(record.source, 0.0) + seconds
        sort = _ENGINE if record.source == _ENGINE else "gateways"
        names = [(name, name) for name in SERVING] + [(n, f"{n} {sort}") for n in PROCESS]
        for name, key in names:
            if name in record.values:
                window.sums.setdefault(key, Sums()).add(record.values[name])

    def read(self, state: InfrastructureState, from_ns: int, to_ns: int) -> Readings:
        found: list[Reading] = []
        told = False
        for start_ns in sorted(start for start in state.windows if start < to_ns):
            window = state.windows.pop(start_ns)
            if start_ns >= from_ns:  # one that was told of too late is left out
                told = True
                found.extend(self._readings(window))
                state.requests += window.requests
                state.errors += window.errors
                state.rows += window.rows
        silent = state.begun and not told
        why = ((self.family, "No process told what it took."),) if silent else ()
        return Readings(from_ns=from_ns, to_ns=to_ns, found=tuple(found), unmeasured=why)

    def renew(self, state: InfrastructureState, champion: str) -> None:
        """Go on: another version on the same machines is compared with the one before."""

    def describe(
        self, state: InfrastructureState, from_ns: int, to_ns: int
    ) -> Mapping[str, Mapping[str, float | str]]:
        seconds = (to_ns - from_ns) / SECOND_NS
        told = {
            "requests": state.requests,
            "errors": state.errors,
            "rows_per_second": state.rows / seconds,
        }
        state.requests = state.errors = state.rows = 0.0
        return {_stream("errors").name: told} if told["requests"] or told["errors"] else {}

    def _readings(self, window: Window) -> Iterator[Reading]:
        for key, sums in sorted(window.sums.items()):
            name, _, sort = key.partition(" ")
            yield sums.level(_stream(name, sort), RISE)
        asked = window.requests + window.errors
        if asked:
            yield Shares(
                stream=_stream("errors"),
                counts=two_cells(asked, window.errors),
                floor=ERRORS,
                rising=True,
            )
        if self.serve_hour and window.rows:
            yield self._cost(window)

    def _cost(self, window: Window) -> Level:
        """Return what a prediction cost: the price of the time over what was answered in it."""
        hours = max(window.seconds.values()) * SECOND_NS / HOUR_NS
        return Level(
            stream=_stream("cost"),
            rows=1.0,
            mean=self.serve_hour * hours / window.rows,
            deviation=0.0,
            floor=self.cost_tolerance,
            falling=False,
        )


def _stream(subject: str, sort: str = "") -> Stream:
    group = f"process={sort}" if sort else ""
    return Stream(family="infrastructure", subject=subject, group=group)
