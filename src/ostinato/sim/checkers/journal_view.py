"""The journal as plain dictionaries, with the tick each decision was made in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ostinato.core.records import Decision
from ostinato.sim.observe import Evidence


def decisions(evidence: Evidence) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield (tick, now_ns, body) of every decision in the journal, in order.

    The bodies are read from the journal, not from what the kernel handed out.
    """
    ticks = {
        record.seq: (step.tick, step.now_ns)
        for step in evidence.steps
        for record in step.made
        if isinstance(record, Decision)
    }
    for entry in evidence.journal:
        tick, now_ns = ticks.get(entry.seq, (len(evidence.steps) - 1, entry.ts_record_ns))
        yield tick, now_ns, json.loads(entry.body)
