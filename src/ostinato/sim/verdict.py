"""What a run comes to, and the exit code of each outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Outcome = Literal["ok", "crash", "stuck", "wrong"]

EXIT_CODES: Final[dict[Outcome, int]] = {"ok": 0, "crash": 127, "stuck": 128, "wrong": 129}
"""The same codes as TigerBeetle's simulator, so that a script can tell them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one checker found: at which tick, and what was seen in place of what.

    `stuck`: the loop does not go on, as opposed to going on wrongly.
    """

    checker: str
    tick: int
    text: str
    stuck: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one seed.

    `head` is the hash of the journal's last entry: two runs are the same if their heads are.
    `counts` says what happened (ticks, decisions by kind, crashes ...), so that a verdict of "ok"
    over nothing is seen.
    """

    seed: int
    outcome: Outcome
    findings: Sequence[Finding] = ()
    head: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    error: str = ""

    @property
    def exit_code(self) -> int:
        """The code the process ends with."""
        return EXIT_CODES[self.outcome]

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as a JSON-ready object."""
        return {
            "seed": self.seed,
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "head": self.head,
            "findings": [
                {"checker": f.checker, "tick": f.tick, "text": f.text, "stuck": f.stuck}
                for f in self.findings
            ],
            "error": self.error,
            "counts": dict(self.counts),
        }


def outcome_of(findings: Sequence[Finding]) -> Outcome:
    """Name what findings come to; what is wrong is worse than what is stuck."""
    if not findings:
        return "ok"
    return "stuck" if all(finding.stuck for finding in findings) else "wrong"
