"""What is watched and how it stands, in plain values: for status, metrics and people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ostinato.core.canonical import plain
from ostinato.core.records import Record
from ostinato.core.units import format_time
from ostinato.core.watched import DiagnosisMade, WindowMeasured
from ostinato.decide.alarm_facts import alarm_facts
from ostinato.loop.kernel import LoopState


@dataclass(slots=True)
class Watched:
    """What monitors said last that no stage keeps, as JSON types.

    `estimates`: of each stream of estimated performance its last long window; `diagnosis`: the last
    one that was made, None: none was.
    """

    estimates: dict[str, dict[str, Any]] = field(default_factory=dict)
    diagnosis: dict[str, Any] | None = None

    def take(self, made: Sequence[Record]) -> None:
        """Take in what a tick made."""
        for record in made:
            if isinstance(record, WindowMeasured) and record.family == "estimate" and record.slow:
                self.estimates = _estimates(record)
            elif isinstance(record, DiagnosisMade):
                self.diagnosis = _diagnosis(record)


def watch_status(state: LoopState, watched: Watched, now_ns: int) -> dict[str, Any] | None:
    """Return what is watched and how it stands.

    Returns
    -------
    dict or None
        None where nothing is watched. What `decide.alarm_facts` tells, with ``estimates`` (a row
        per stream) and ``diagnosis``.
    """
    decide = state.stages["decide"]
    facts = alarm_facts(decide.alarms, decide.config_.alarms, now_ns)
    if facts is None:
        return None
    return {
        **facts,
        "estimates": [{"stream": name, **each} for name, each in watched.estimates.items()],
        "diagnosis": watched.diagnosis,
    }


def _estimates(window: WindowMeasured) -> dict[str, dict[str, Any]]:
    """Return what was estimated, with its own interval, as the monitor describes it."""
    return {name: _estimate(window, name, at) for at, name in enumerate(window.streams)}


def _estimate(window: WindowMeasured, name: str, at: int) -> dict[str, Any]:
    details = window.details.get(name, {})
    return {
        "estimated": _finite(details.get("estimate", window.value[at])),
        "reference": _finite(window.reference[at]),
        "low": _finite(details.get("low", window.reference[at] + window.low[at])),
        "high": _finite(details.get("high", window.reference[at] + window.high[at])),
        "assumption": str(details.get("assumption", "")),
        "from": format_time(window.from_ns),
        "to": format_time(window.to_ns),
        "details": plain(details),
    }


def _diagnosis(made: DiagnosisMade) -> dict[str, Any]:
    return {
        "time": format_time(made.ts_event_ns),
        "champion": made.subject,
        "cause": made.cause,
        "reason": made.reason,
        "action": made.action,
        "evidence": plain(made.evidence),
    }


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
