"""The same seed in another process, where sets and dictionaries hash text in another order."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Final

from ostinato.sim.verdict import Finding, Verdict

HASH_SEED: Final = "4711"


def elsewhere(verdict: Verdict, *, ticks: int, fault: str) -> Verdict:
    """Run a seed again under another ``PYTHONHASHSEED``; add a finding if the journal differs."""
    command = [sys.executable, "-m", "ostinato.sim", "--head"]
    command += ["--seed", str(verdict.seed), "--ticks", str(ticks)]
    command += ["--fault", fault] if fault else []
    asked = subprocess.run(  # noqa: S603 - our own command
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": HASH_SEED},
    )
    head = asked.stdout.strip()
    if head == verdict.head:
        return verdict
    text = f"in another process the journal ends with {head[:16] or asked.stderr[-200:]!r}"
    last = verdict.counts.get("ticks", 0) - 1
    finding = Finding(checker="same again", tick=last, text=text)
    return replace(verdict, outcome="wrong", findings=(*verdict.findings, finding))
