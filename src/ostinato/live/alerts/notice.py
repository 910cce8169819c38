"""What people are told: one thing each, with how bad it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.core.ports import Entry
from ostinato.core.units import format_time
from ostinato.core.watched import SEVERITIES

KINDS: Final = {
    "training_failed": "warning",
    "candidate_rejected": "info",
    "promoted": "info",
    "rolled_back": "warning",
    "rollout_ended": "warning",
    "rollout_frozen": "warning",
    "rollout_held": "warning",
    "serving_fault": "critical",
    "labels_unusable": "warning",
    "parity_broken": "critical",
    "parity_restored": "info",
    "action_proposed": "warning",
    "act_refused": "warning",
    "diagnosis_made": "warning",
}
"""Decisions that are told, and their severity: ``info`` is what the loop did by itself and is well,
``warning`` what somebody should look at, ``critical`` what harms now. Of triggers those that act or
are held back are told as well, and alarms by their own severity."""

_TOLD: Final = ("stance", "outcome", "action", "proposal", "act", "cause", "previous")
_NOTHING_FOUND: Final = "none found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell.

    Parameters
    ----------
    what
        ``"raised"``, ``"worse"``, ``"reminder"``, ``"resolved"``, ``"passed"`` (an alarm that was
        resolved before it was told) or ``"decision"``.
    severity
        One of `core.watched.SEVERITIES`.
    name
        The alarm's stream, or the subject of the decision.
    text
        One line for people.
    facts
        The same for programs, as JSON types.
    """

    what: str
    severity: str
    name: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_alarm(self) -> bool:
        """Whether it says that an alarm stands."""
        return self.what in {"raised", "worse", "reminder"}


def worst(severities: list[str]) -> str:
    """Return the highest of some severities; ``"info"`` of none.

    >>> worst(["info", "critical", "warning"])
    'critical'
    """
    return max(severities, key=SEVERITIES.index, default=SEVERITIES[0])


def decision_notice(entry: Entry) -> Notice | None:
    """Return what to tell of an entry of the journal that is no alarm; None: nothing."""
    if entry.kind not in KINDS and entry.kind != "trigger_changed":
        return None
    body = json.loads(entry.body)
    severity = _severity(entry.kind, body)
    if severity is None:
        return None
    cause = f": {body['cause']}" if "cause" in body and entry.kind == "diagnosis_made" else ""
    does = f" {body['action']}" if entry.kind == "diagnosis_made" and body.get("action") else ""
    what = f"{entry.kind.replace('_', ' ')} ({body['subject']}){cause}"
    return Notice(
        what="decision",
        severity=severity,
        name=body["subject"],
        text=f"{what}. {body['reason']}{does}{_listed(body)}",
        facts={
            "what": "decision",
            "severity": severity,
            "seq": entry.seq,
            "time": format_time(entry.ts_event_ns),
            "kind": entry.kind,
            "subject": body["subject"],
            "reason": body["reason"],
            **{name: body[name] for name in _TOLD if name in body},
        },
    )


def _listed(body: dict[str, Any]) -> str:
    """Count labels that could not be used, and name the first, where their ids are known."""
    if body["kind"] != "labels_unusable":
        return ""
    evidence = body["evidence"]
    ids = ", ".join(evidence.get("ids", ()))
    return f" {evidence['rows']:,} of them{': ' + ids if ids else ''}."


def _severity(kind: str, body: dict[str, Any]) -> str | None:
    if kind == "trigger_changed":
        return {"act": "info", "held": "warning"}.get(body["stance"])
    if kind == "diagnosis_made" and body.get("cause") == _NOTHING_FOUND:
        return "info"
    return KINDS[kind]
