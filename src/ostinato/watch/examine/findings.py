"""What an examination found, in plain values that a journal can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.influence import Estimate
from ostinato.watch.examine.change import Change
from ostinato.watch.examine.faults import Fault
from ostinato.watch.examine.verdict import LEVEL

DIGITS = 6
"""Significant digits that are told. More would tell the rounding of one processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The result: main cause, sentences, and the evidence as `DiagnosisMade` holds it."""

    cause: str
    reason: str
    evidence: Mapping[str, Any]


def told(value: Any) -> Any:
    """Write values as plain ones with `DIGITS` digits; estimates as value, low and high."""
    if isinstance(value, Estimate):
        low, high = value.interval(LEVEL)
        return {"change": told(value.value), "low": told(low), "high": told(high)}
    if isinstance(value, Mapping):
        return {str(name): told(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return [told(each) for each in value.tolist()]
    if isinstance(value, list | tuple):
        return [told(each) for each in value]
    if isinstance(value, float | np.floating):
        number = float(value)
        return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
    return value


def told_change(change: Change | str, faults: Sequence[Fault]) -> dict[str, Any]:
    """Return the entries of the evidence that tell of the change in loss."""
    if isinstance(change, str):
        return {"parts": {}, "broken": _broken(faults, {})}
    costs = {each.column: each.cost for each in change.repairs}
    found: dict[str, Any] = {
        "loss": {"reference": change.before, "current": change.now, "change": change.total},
        "foreseen": change.foreseen,
        "parts": change.parts,
        "level": LEVEL,
        "shared_rows": change.effective,
        "broken": _broken(faults, costs),
    }
    if change.shift is not None:
        found["classes"] = {
            "before": change.shift.before,
            "now": change.shift.now,
            "told_by_class": change.shift.told_by_class,
            "told_by_score": change.shift.told_by_score,
            "holds": change.shift.holds,
            "cost": change.shift.cost,
        }
    return found


def _broken(faults: Sequence[Fault], costs: Mapping[str, Estimate | None]) -> list[dict[str, Any]]:
    return [
        {
            "column": each.column,
            "what": each.what,
            "before": each.before,
            "now": each.now,
            "cost": costs.get(each.column),
        }
        for each in faults
    ]
