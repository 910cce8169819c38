"""What was watched, prepared for the page: budget, alarms, lines of streams, diagnoses.

In: the replay document, with what `ostinato.replay.watched` adds to it for the page. Out: one entry
per policy for `watch.js`, None where nothing was watched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SEVERITIES: Final = ("critical", "warning", "info")
"""From the worst on; alarms are listed in this order."""

LANES_MAX: Final = 24
"""Alarmed streams on the time line. More do not fit a screen; all are in the table."""

CARDS_MAX: Final = 12
"""Diagnoses shown as cards, the newest first; all are in the journal."""


def watch_data(replays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the page's scripts get of watching, by policy."""
    return {name: _of_replay(replay) for name, replay in replays.items()}


def _of_replay(replay: Mapping[str, Any]) -> dict[str, Any] | None:
    watch = replay.get("watch")
    if not watch:
        return None
    alarms = sorted(watch["alarms"], key=_worst_first)
    return {
        "end": str(replay["end"]),
        "budget": watch["facts"]["budget"],
        "streams": int(watch["facts"]["streams"]),
        "monitors": [_monitor(each) for each in watch["facts"]["monitors"]],
        "unmeasured": _unmeasured(watch["facts"]["monitors"]),
        "alarms": alarms,
        "lanes": _lanes(alarms),
        "lines": watch["lines"],
        "quiet": int(watch["quiet"]),
        "estimates": list(watch["estimates"]),
        "diagnoses": diagnoses(replay["decisions"]),
        "feedback": watch["feedback"],
    }


def _worst_first(alarm: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    over = alarm["resolved"] is not None
    severity = str(alarm["severity"])
    return over, SEVERITIES.index(severity), str(alarm["raised"]), str(alarm["stream"])


def _lanes(alarms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the streams of the time line, the one that alarmed first on top."""
    chosen = list(dict.fromkeys(str(each["stream"]) for each in alarms))[:LANES_MAX]
    first = {name: min(str(a["raised"]) for a in alarms if a["stream"] == name) for name in chosen}
    return sorted(chosen, key=lambda name: (first[name], name))


def _monitor(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("monitor", "family", "share", "streams", "measured_to")}


def _unmeasured(monitors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what could not be measured; streams of one monitor for one reason are one row."""
    rows: list[dict[str, str]] = []
    for each in monitors:
        by_reason: dict[str, list[str]] = {}
        for name, reason in each["unmeasured"].items():
            by_reason.setdefault(str(reason), []).append(str(name))
        for reason, names in by_reason.items():
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            rows.append(
                {
                    "monitor": str(each["monitor"]),
                    "what": ", ".join(names[:4]) + more,
                    "reason": reason,
                }
            )
    return rows


def diagnoses(decisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the diagnoses of a journal as cards, the newest first."""
    found = [(at, each) for at, each in enumerate(decisions) if each["kind"] == "diagnosis_made"]
    return [_card(each, at) for at, each in reversed(found[-CARDS_MAX:])]


def _card(decision: Mapping[str, Any], index: int) -> dict[str, Any]:
    evidence = decision["evidence"]
    return {
        "index": index,
        "time": str(decision["time"]),
        "version": str(decision["subject"]),
        "cause": str(evidence.get("cause") or "none found"),
        "reason": str(decision["reason"]),
        "action": str(evidence.get("action") or ""),
        "loss": _loss(evidence.get("loss") or {}),
        "parts": [_part(name, part) for name, part in (evidence.get("parts") or {}).items()],
        "columns": _ranked(evidence.get("columns")),
        "slices": [dict(each) for each in _rows(evidence.get("slices"))][:8],
        "broken": [_broken(each) for each in _rows(evidence.get("broken"))][:8],
        "domain": {
            name: value
            for name, value in (evidence.get("domain") or {}).items()
            if name != "columns"
        },
        "unmeasured": {str(k): str(v) for k, v in (evidence.get("unmeasured") or {}).items()},
    }


def _part(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "change": part.get("change"),
        "low": part.get("low"),
        "high": part.get("high"),
    }


def _loss(found: Mapping[str, Any]) -> dict[str, Any]:
    change = found.get("change")
    parts = change if isinstance(change, Mapping) else {"change": change}
    return {**found, **parts} if found else {}


def _broken(found: Mapping[str, Any]) -> dict[str, Any]:
    what = found.get("what") or []
    return {**found, "what": ", ".join(map(str, what)) if isinstance(what, list) else str(what)}


def _ranked(columns: Any) -> list[dict[str, Any]]:
    """Return the columns that carry most, in their order."""
    return [dict(each) for each in _rows(columns)][:8]


def _rows(found: Any) -> list[Mapping[str, Any]]:
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [each for each in found if isinstance(each, Mapping)]
