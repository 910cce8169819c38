"""Rounds of single-row requests: each server started, loaded at two concurrencies, stopped.

Only one server is up at a time, so that what it does later than its answers (a log that is folded,
a batch that is written) takes from nobody else; it is waited for, and counted in its processor
seconds. The quick servers are asked anew in every round, within a minute of each other and in an
order that turns; the slow ones in the first rounds only. Ratios are taken within a round.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from servers.calls import Failed
from servers.commit import commit_ms
from servers.environments import Environments, NotInstalled
from servers.load import Ask
from servers.machine import share_of_a_core
from servers.peers import prepare
from servers.processes import Running, running
from servers.server import OURS, PEER, Server, Site
from servers.world import World

MANY, ONE = 64, 1
BODIES = 512
WARM_CONNECTIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure; seconds are those of one window."""

    rounds: int = 5
    peer_rounds: int = 3
    seconds: float = 5.0
    warm_seconds: float = 2.0


QUICK = Effort(rounds=1, peer_rounds=1, seconds=2.0, warm_seconds=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One window at one concurrency.

    per_cpu_second: requests per processor second of the server's processes.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    per_cpu_second: float
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One server in one round. share_of_a_core: what a busy thread got just before the windows."""

    server: str
    kind: str
    round: int
    points: dict[int, Point]
    memory_mib: float
    started_seconds: float
    share_of_a_core: float
    commit_ms: float | None = None


@dataclass(slots=True)
class Results:
    """All readings; `failures` says why a server has none."""

    readings: list[Reading] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> dict[int, Reading]:
        """Readings of one server, by round."""
        return {each.round: each for each in self.readings if each.server == name}

    def plain(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rounds share."""

    environments: Environments
    world: World
    work: Path
    ask: Ask
    effort: Effort

    def site(self, server: Server) -> Site:
        folder = self.work / server.name.replace(" ", "-").replace(",", "")
        return Site(self.environments, self.world, folder)


def schedule(servers: Sequence[Server], effort: Effort) -> Iterable[tuple[int, Server]]:
    """Who is asked in which round, in order."""
    quick = [server for server in servers if server.kind != PEER]
    slow = [server for server in servers if server.kind == PEER]
    for number in range(max(effort.rounds if quick else 0, effort.peer_rounds if slow else 0)):
        if number < effort.rounds:
            turn = number % max(len(quick), 1)
            yield from ((number, server) for server in quick[turn:] + quick[:turn])
        if number < effort.peer_rounds:
            yield from ((number, server) for server in slow)


def measure(servers: Sequence[Server], bench: Bench) -> Results:
    """Run all rounds; a server that fails is told and left out of later rounds."""
    results = Results()
    for number, server in schedule(servers, bench.effort):
        if server.name in results.failures:
            continue
        try:
            prepare(server, bench.site(server))
            results.versions.setdefault(server.name, server.version(bench.site(server)))
            reading = read(server, number, bench)
        except (Failed, NotInstalled) as error:
            results.failures[server.name] = str(error)
            _tell(f"round {number + 1}: {server.name} failed: {error}")
            continue
        results.readings.append(reading)
        told = (
            f"{connections}: {point.rate:,.0f}/s, p99 {point.p99_ms:.1f} ms"
            for connections, point in reading.points.items()
        )
        _tell(f"round {number + 1}: {server.name}: {'; '.join(told)}")
    return results


def read(server: Server, number: int, bench: Bench) -> Reading:
    """Start a server, warm it, load it, stop it."""
    bodies = server.bodies(bench.world.rows[:BODIES].tolist())
    commit = commit_ms(bench.work / "commit") if server.kind == OURS else None
    with running(server, bench.site(server)) as found:
        bench.ask(found.port, server.path, bodies, WARM_CONNECTIONS, bench.effort.warm_seconds)
        found.settle()
        share = share_of_a_core()
        # One first: adaptive batching that has learned to wait for many is slow with one.
        points = {count: window(found, bodies, count, bench) for count in (ONE, MANY)}
        return Reading(
            server=server.name,
            kind=server.kind,
            round=number,
            points=points,
            memory_mib=found.memory_mib(),
            started_seconds=found.started_seconds,
            share_of_a_core=share,
            commit_ms=commit,
        )


def window(found: Running, bodies: Sequence[bytes], connections: int, bench: Bench) -> Point:
    """Load a started server once and wait until it has nothing left to do."""
    used = found.processor_seconds()
    seen = bench.ask(found.port, found.server.path, bodies, connections, bench.effort.seconds)
    found.settle()
    used = found.processor_seconds() - used
    return Point(
        rate=seen.rate,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        per_cpu_second=seen.requests / used if used else float("nan"),
        failed=seen.failed,
    )


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
