"""What was watched, prepared for the page: budget, alarms, lines of streams, diagnoses.

In: replay documents (`watch`, `alarms`, `monitors`, and where they are there `estimates` and
`feedback`; diagnoses from the journal). Out: one entry per policy for `watch.js`, None where
nothing was watched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ostinato.replay.report.figures import number
from ostinato.replay.report.timeline import POINTS_MAX

SEVERITIES: Final = ("critical", "warning", "info")
"""From the worst on; alarms are listed in this order."""

LANES_MAX: Final = 24
"""Alarmed streams on the time line. More do not fit a screen; all are in the table."""

ROWS_MAX: Final = 6
"""Columns, slices and broken columns named on a card; all are among its numbers."""

_MEASURED: Final = ("value", "reference", "low", "high", "floor")
_ALARM: Final = (
    "stream",
    "family",
    "severity",
    "raised",
    "resolved",
    "since",
    "value",
    "reference",
    "low",
    "high",
)

CARDS_MAX: Final = 12
"""Diagnoses shown as cards, the newest first; all are in the journal."""


def watch_data(replays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the page's scripts get of watching, by policy."""
    return {name: _of_replay(replay) for name, replay in replays.items()}


def _of_replay(replay: Mapping[str, Any]) -> dict[str, Any] | None:
    facts = replay.get("watch")
    if not facts:
        return None
    alarms = sorted(replay["alarms"], key=_worst_first)
    monitors = replay["monitors"]
    lines = _lines(monitors)
    return {
        "end": str(replay["end"]),
        "budget": facts["budget"],
        "streams": int(facts["streams"]),
        "monitors": len(facts["monitors"]),
        "unmeasured": _unmeasured(facts["monitors"]),
        "alarms": [_alarm(each) for each in alarms],
        "lanes": _lanes(alarms),
        "lines": lines,
        "quiet": len(monitors["streams"]) - len(lines),
        "estimates": list(replay.get("estimates") or []),
        "diagnoses": diagnoses(replay["decisions"]),
        "feedback": replay.get("feedback") or None,
    }


def _alarm(alarm: Mapping[str, Any]) -> dict[str, Any]:
    return {name: alarm.get(name) for name in _ALARM}


def _lines(monitors: Mapping[str, Any]) -> dict[str, Any]:
    """Return the course of each stream, with the family it belongs to."""
    families = {str(each["stream"]): str(each["family"]) for each in monitors["streams"]}
    # A stream that alarmed in its first hours has no long window yet.
    names = [name for name, line in monitors["lines"].items() if line["time"] and name in families]
    names.sort(key=lambda name: (families[name], name))
    return {name: {"family": families[name], **_line(monitors["lines"][name])} for name in names}


def _line(line: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    kept = _places(line)
    found = {name: [short(line[name][at]) for at in kept] for name in _MEASURED}
    return {"time": [str(line["time"][at]) for at in kept], **found}


def _places(line: Mapping[str, Sequence[Any]]) -> list[int]:
    """Return the windows that are drawn: of neighbours too many for a screen, what moved most."""
    count = len(line["time"])
    width = -(-count // POINTS_MAX)
    if width <= 1:
        return list(range(count))
    apart = [_apart(line["value"][at], line["reference"][at]) for at in range(count)]
    runs = [range(start, min(start + width, count)) for start in range(0, count, width)]
    return [max(run, key=apart.__getitem__) for run in runs]


def _apart(value: Any, reference: Any) -> float:
    found = abs(number(value) - number(reference))
    return found if math.isfinite(found) else -1.0


def short(value: Any) -> float | None:
    """Return a number with six digits: enough for any screen, a third of the bytes.

    >>> short(1 / 3), short(None)
    (0.333333, None)
    """
    x = number(value)
    return float(f"{x:.6g}") if math.isfinite(x) else None


def _worst_first(alarm: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    over = alarm["resolved"] is not None
    severity = str(alarm["severity"])
    return over, SEVERITIES.index(severity), str(alarm["raised"]), str(alarm["stream"])


def _lanes(alarms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the streams of the time line, the one that alarmed first on top."""
    chosen = list(dict.fromkeys(str(each["stream"]) for each in alarms))[:LANES_MAX]
    first = {name: min(str(a["raised"]) for a in alarms if a["stream"] == name) for name in chosen}
    return sorted(chosen, key=lambda name: (first[name], name))


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
        "columns": [_carrier(each, "column") for each in _rows(evidence.get("columns"), "column")],
        "slices": [_carrier(each, "slice") for each in _rows(evidence.get("slices"), "slice")],
        "broken": [_broken(each) for each in _rows(evidence.get("broken"), "column")],
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


_CHANGES: Final = {"column": ("loss",), "slice": ("rise", "excess")}
"""What says how much of the loss a row of a diagnosis carries."""


def _carrier(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what carries a change: its name, by how much, and what was said of it."""
    known = [row[each] for each in _CHANGES[name] if row.get(each) is not None]
    change = known[0] if known else None
    return {
        name: str(row[name]),
        "change": change.get("change") if isinstance(change, Mapping) else change,
        "verdict": str(row.get("verdict") or ""),
    }


def _rows(found: Any, name: str) -> list[Mapping[str, Any]]:
    """Return rows, those of a mapping with their key as `name`; as many as a card has room for."""
    rows: list[Mapping[str, Any]]
    if isinstance(found, Mapping):
        rows = [{name: key, **each} for key, each in found.items() if isinstance(each, Mapping)]
    else:
        rows = [dict(each) for each in found or () if isinstance(each, Mapping)]
    return rows[:ROWS_MAX]
