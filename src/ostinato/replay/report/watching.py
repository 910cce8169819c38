"""What was watched, prepared for the page: budget, alarms, lines of streams, diagnoses.

In: replay documents (`watch`, `alarms`, `monitors`, and where they are there `estimates`,
`verdicts`, `feedback` and `fairness`; diagnoses from the journal). Out: one entry per policy for
`watch.js`, None where nothing was watched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ostinato.replay.report.diagnoses import diagnoses
from ostinato.replay.report.figures import number
from ostinato.replay.report.timeline import POINTS_MAX
from ostinato.watch.monitors.fairness import gap_of

SEVERITIES: Final = ("critical", "warning", "info")
"""From the worst on; alarms are listed in this order."""

LANES_MAX: Final = 24
"""Alarmed streams on the time line. More do not fit a screen; all are in the table."""

_MEASURED: Final = ("value", "reference", "low", "high", "floor")
_ESTIMATED: Final = ("estimate", "low", "high", "realised")
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
        "estimates": _estimates(replay),
        "diagnoses": diagnoses(replay["decisions"]),
        "diagnosed": sum(each["kind"] == "diagnosis_made" for each in replay["decisions"]),
        "verdicts": _verdicts(replay),
        "fairness": _gaps(replay.get("fairness") or []),
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


def _estimates(replay: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was estimated of whoever served at the time, beside what labels said."""
    served = [
        (str(each["version"]), str(each["serving_from"]), each["serving_to"])
        for each in replay["versions"]
        if each["serving_from"] is not None
    ]
    found = []
    for row in replay.get("estimates") or []:
        time, version = str(row["time"]), str(row["version"])
        if any(v == version and since < time <= (to or time) for v, since, to in served):
            numbers = {name: short(row[name]) for name in _ESTIMATED}
            found.append({"time": time, "covered": row["covered"], **numbers})
    return found[:: max(1, -(-len(found) // POINTS_MAX))]


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


def _verdicts(replay: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what monitors judged in words; feedback with its figures of the last window."""
    figures = {
        str(row["figure"]).replace("_", " "): short(row["value"])
        for row in replay.get("feedback") or []
        if " " not in str(row["figure"])
    }
    return [
        {"about": str(about), **told, "figures": figures if about == "feedback" else {}}
        for about, told in (replay.get("verdicts") or {}).items()
    ]


def _gaps(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the gaps between groups of people as of the last window, with what each group has."""
    own = [row for row in rows if row["version"] is None]
    gaps = []
    for row in own:
        if row["group"] is None:
            of_groups = [
                {"group": str(each["group"]).partition("=")[2], "value": short(each["value"])}
                for each in own
                if each["group"] is not None
                and each["column"] == row["column"]
                and gap_of(str(each["measure"])) == row["measure"]
            ]
            numbers = {name: short(row[name]) for name in ("value", "low", "high", "ratio")}
            names = {"column": str(row["column"]), "measure": str(row["measure"])}
            gaps.append({**names, **numbers, "groups": of_groups})
    return gaps
