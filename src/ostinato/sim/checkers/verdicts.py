"""Nothing is released without a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.sim.checkers.journal_view import decisions
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "no release without a verdict"


_CHAMPION: Final = {"promoted": "subject", "rolled_back": "previous"}
"""Decisions after which another version serves, and where they name it."""


@dataclass(slots=True)
class _Candidate:
    trained: bool = False
    passed: set[str] = field(default_factory=set)
    refused: bool = False
    accepted: bool = False
    known: bool = False

    def learn(self, kind: str, body: dict[str, Any]) -> None:
        """Take note of a decision about this candidate."""
        if kind == "candidate_trained":
            self.trained = True
        elif kind == "gate_judged" and body["verdict"] == "pass":
            self.passed.add(body["gate"])
        elif kind in {"gate_judged", "candidate_rejected"}:
            self.refused = True
        elif kind in {"candidate_accepted", "promoted", "rollout_ended"}:
            self.accepted = kind == "candidate_accepted"
            self.known |= self.accepted


def check(evidence: Evidence) -> Iterator[Finding]:
    """Trained, then every gate passed, then accepted, then rolled out, then promoted.

    Only the first champion, which has nothing to beat, needs no gate.
    """
    known: dict[str, _Candidate] = {}
    champion: str | None = None
    for tick, _, body in decisions(evidence):
        kind, version = body["kind"], body["subject"]
        candidate = known.setdefault(version, _Candidate())
        if kind == "candidate_accepted" and not candidate.trained:
            yield _finding(tick, f"{version} accepted, and never trained")
        if kind == "candidate_accepted" and champion is not None:
            missing = [gate for gate in evidence.promises.gates if gate not in candidate.passed]
            if missing or candidate.refused:
                yield _finding(tick, f"{version} accepted, passed only {sorted(candidate.passed)}")
        # A person may bring back a version that the gates let through before.
        by_hand = kind == "promoted" and "by" in body["evidence"]
        accepted = candidate.known if by_hand else candidate.accepted
        if kind in {"rollout_advanced", "promoted"} and not accepted:
            yield _finding(tick, f"{version} {kind} without being accepted")
        if kind == "promoted" and body["previous"] != champion:
            yield _finding(tick, f"{version} took the place of {body['previous']}")
        candidate.learn(kind, body)
        if kind in _CHAMPION:
            champion = body[_CHAMPION[kind]]


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)
