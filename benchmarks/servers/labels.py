"""How many labels a second are taken in durably, in batches of a thousand?"""

from __future__ import annotations

from dataclasses import dataclass

from acceptance.check import Check, at_least, at_most, told
from servers.calls import Failed
from servers.client import Load, packed, run
from servers.live import LABELS, collect, label_bodies
from servers.processes import Running
from servers.world import World

BATCH, CONNECTIONS = 1_000, 4
TARGET = 100_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """One run. labels_a_second counts only batches that were acknowledged."""

    labels: int
    labels_a_second: float
    p50_ms: float
    p99_ms: float
    failed: int

    def checks(self) -> list[Check]:
        return [
            at_least("labels/s, durable", self.labels_a_second, TARGET),
            at_most("failed batches of labels", self.failed, 0.0),
            told("p99 of a batch of 1,000 labels (ms)", self.p99_ms),
        ]


def measure(found: Running, world: World, *, seconds: float) -> Ingest:
    """Ask for predictions for so many seconds, let them be folded, then label each once."""
    given = collect(found, world, seconds=seconds).given
    whole = given[: len(given) // BATCH * BATCH]
    if not whole:
        raise Failed(f"only {len(given)} predictions in {seconds:g} s: not one batch of labels")
    found.settle()
    bodies = label_bodies(whole, world, BATCH)
    tally = run(
        Load(
            found.port,
            packed(LABELS, bodies),
            connections=CONNECTIONS,
            seconds=120.0,
            limit=len(bodies),
        )
    )
    taken = len(tally.latencies) * BATCH
    return Ingest(
        labels=taken,
        labels_a_second=taken / tally.seconds,
        p50_ms=tally.percentile(50) * 1e3,
        p99_ms=tally.percentile(99) * 1e3,
        failed=tally.failed,
    )
