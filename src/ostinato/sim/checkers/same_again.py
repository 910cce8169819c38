"""The event log folded anew gives the journal, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "same again"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Crashes, snapshots and second tries leave no trace in what is decided."""
    last = len(evidence.steps) - 1
    for first, again in zip(evidence.journal, evidence.derived, strict=False):
        if (first.body, first.hash) != (again.body, again.hash):
            text = f"decision {first.seq} was {first.kind}, is {again.kind} when folded anew"
            yield Finding(checker=NAME, tick=last, text=text)
            return
    if len(evidence.journal) != len(evidence.derived):
        text = f"{len(evidence.journal)} decisions, {len(evidence.derived)} when folded anew"
        yield Finding(checker=NAME, tick=last, text=text)
