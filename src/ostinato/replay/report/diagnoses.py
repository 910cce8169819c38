"""Diagnoses of a journal, prepared for the page as cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

CARDS_MAX: Final = 6
"""Diagnoses shown as cards, the newest first; all are in the journal."""

ROWS_MAX: Final = 3
"""Columns, slices and broken columns named on a card; all are among its numbers."""


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
        "columns": [_carrier(each, "column") for each in _rows(_moved(evidence), "column")],
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


def _moved(evidence: Mapping[str, Any]) -> Any:
    """Return the columns that moved: others are told for where they are uneven."""
    found = evidence.get("columns") or ()
    if isinstance(found, Mapping):
        return found
    return [each for each in found if each.get("verdict") != "did not move"]


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
