"""The journal's chain holds, recomputed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "chain"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Each entry's hash covers the one before and its body; its columns repeat the body."""
    previous, last = "", len(evidence.steps) - 1
    for seq, entry in enumerate(evidence.journal):
        right = hashlib.sha256((previous + entry.body).encode()).hexdigest()
        body = json.loads(entry.body)
        if entry.hash != right:
            yield Finding(checker=NAME, tick=last, text=f"entry {seq} breaks the chain")
            return
        if (body["kind"], body["seq"]) != (entry.kind, seq):
            yield Finding(checker=NAME, tick=last, text=f"entry {seq} is not what its body says")
        if body["policy_digest"] != evidence.promises.policy_digest:
            yield Finding(checker=NAME, tick=last, text=f"entry {seq} is of another policy")
        previous = entry.hash
