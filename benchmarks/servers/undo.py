"""How soon does `undo` take effect while the service is loaded to its limit, and what does it cost?

A version is learned and released without proof, the load begins, every answer is looked at, and in
the middle of it `undo` is posted. The time counts from then to the last answer that still carried
the version that was undone.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from statistics import median

import uvloop

from acceptance.check import Check, at_most, told
from servers.calls import Failed
from servers.client import Answer, Load, Tally
from servers.live import (
    LABELS,
    LOOP,
    collect,
    label_bodies,
    read_prediction,
    requests,
    serving,
    wait_for_other,
)
from servers.processes import Running
from servers.world import World

CONNECTIONS = 64
TARGET_MS = 100.0
LABELLED_SECONDS, PATIENCE_SECONDS = 2.0, 60.0
REASON = {"reason": "benchmark"}


@dataclass(slots=True)
class Versions:
    """When each version was last, and first, in an answer; seconds of the monotonic clock."""

    last: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def __call__(self, answer: Answer) -> None:
        if answer.status == 200:
            version = read_prediction(answer.body).version
            self.last[version] = answer.received
            self.first.setdefault(version, answer.received)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """One undo. effect_ms: to the last answer of the undone version; answered_ms: of the call."""

    effect_ms: float
    answered_ms: float
    rate: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class Undos:
    """All of a run."""

    each: list[Undone]

    def checks(self) -> list[Check]:
        slowest = max(one.effect_ms for one in self.each)
        return [
            at_most(
                "slowest undo until no answer is of the undone version (ms)", slowest, TARGET_MS
            ),
            at_most("requests failed while undoing", sum(one.failed for one in self.each), 0.0),
            told("answers/s while undoing", median(one.rate for one in self.each)),
            told("p99 while undoing (ms)", max(one.p99_ms for one in self.each)),
        ]


def measure(found: Running, world: World, *, times: int, seconds: float) -> Undos:
    """Learn, release and undo so many times, each under `seconds` of load."""
    return Undos([_once(found, world, seconds) for _ in range(times)])


def _once(found: Running, world: World, seconds: float) -> Undone:
    before = serving(found, world).version
    _learn(found, world)
    after = wait_for_other(found, world, than=before)
    found.settle()
    return uvloop.run(_undo(found, world, seconds, undone=after, back=before))


def _learn(found: Running, world: World) -> None:
    """Give new labels to learn from and ask for a new version."""
    given = collect(found, world, seconds=LABELLED_SECONDS).given
    for body in label_bodies(given, world):
        found.post_bytes(LABELS, body)
    found.post(f"{LOOP}/retrain", REASON)


async def _undo(found: Running, world: World, seconds: float, *, undone: str, back: str) -> Undone:
    seen = Versions()
    load = Load(
        found.port,
        requests(found, world),
        connections=CONNECTIONS,
        seconds=PATIENCE_SECONDS,
        on_answer=seen,
    )
    loaded = asyncio.create_task(load.run())
    await asyncio.sleep(seconds / 2)
    asked = time.monotonic()
    await asyncio.to_thread(found.post, f"{LOOP}/undo", REASON)
    answered = time.monotonic()
    load.until = answered + seconds / 2
    tally: Tally = await loaded
    if seen.first.get(back, asked) < asked or seen.last.get(back, 0.0) < asked:
        raise Failed(f"undo of {undone} was not followed by answers of {back}: {sorted(seen.last)}")
    return Undone(
        effect_ms=max(0.0, seen.last.get(undone, asked) - asked) * 1e3,
        answered_ms=(answered - asked) * 1e3,
        rate=tally.rate,
        p99_ms=tally.percentile(99) * 1e3,
        failed=tally.failed,
    )
