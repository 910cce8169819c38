"""How severe an alarm is, and what the journal says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from ostinato.core.units import format_duration, format_time
from ostinato.core.watched import WindowMeasured
from ostinato.decide.standing_alarm import Measured, Standing, subject_of

CRITICAL_FLOORS: Final = 3.0
"""So many floors from the reference are critical. Fewer: people are woken for little; more:
learning goes on from data that are plainly broken."""

GRAVE: Final = ("quality", "performance", "label")
"""Families whose alarms can be critical: what they show is harm already."""

UNSEEN: Final = (":out of range", ":new values")
"""Measures that are never critical: a world that goes where the reference never was, as the first
warm day after a winter does, looks like a fault and is mostly none. Learning is what mends it."""


def severity_of(window: WindowMeasured, at: int) -> str:
    """Return how severe it is that a stream is where this window found it."""
    return graded(window, at, abs(float(window.value[at] - window.reference[at])))


def surely_severe(window: WindowMeasured, at: int) -> str:
    """Return how severe it is at least: by the end of the interval nearer to the reference."""
    return graded(window, at, max(float(window.low[at]), -float(window.high[at])))


def graded(window: WindowMeasured, at: int, apart: float) -> str:
    """Return how severe it is that a stream of this family is so far from its reference."""
    name = window.streams[at]
    grave = window.family in GRAVE and not subject_of(name).endswith(UNSEEN)
    if grave and apart > CRITICAL_FLOORS * float(window.floor[at]):
        return "critical"
    details = window.details.get(name, {})
    if window.family == "drift" and bool(details.get("season_agrees")):
        return "info"
    return "warning"


def floors_apart(window: WindowMeasured, at: int) -> float:
    """Return how far a stream is from its reference, in floors; to tell large alarms from small."""
    apart, floor = abs(float(window.value[at] - window.reference[at])), float(window.floor[at])
    return apart / floor if floor > 0 else math.inf if apart > 0 else 0.0


def measured(window: WindowMeasured, at: int) -> Measured:
    """Return what a window says of a stream."""
    return Measured(
        value=float(window.value[at]),
        reference=float(window.reference[at]),
        low=float(window.low[at]),
        high=float(window.high[at]),
        floor=float(window.floor[at]),
        log10_e=float(window.log_e[at]) / math.log(10.0),
    )


def why_raised(window: WindowMeasured, at: int) -> str:
    """Tell in a sentence what was found."""
    found = measured(window, at)
    width = format_duration(window.to_ns - window.from_ns)
    return (
        f"{window.streams[at]} was {found.value:.4g} in the {width} from "
        f"{format_time(window.from_ns)}, beside {found.reference:.4g} expected: a difference "
        f"from {found.low:.3g} to {found.high:.3g}, where up to {found.floor:.3g} does not matter."
    )


def evidence_of(window: WindowMeasured, at: int, *, log_threshold: float) -> dict[str, Any]:
    """Return the numbers that an alarm rests on."""
    details: Mapping[str, Any] = window.details.get(window.streams[at], {})
    return {
        **asdict(measured(window, at)),
        "threshold": log_threshold / math.log(10.0),
        "monitor": window.monitor,
        "streams": window.streams_total,
        "window": {
            "from": format_time(window.from_ns),
            "to": format_time(window.to_ns),
            "long": window.slow,
        },
        "details": {name: each for name, each in details.items() if name != "since_ns"},
    }


def evidence_left(alarm: Standing, now_ns: int) -> dict[str, Any]:
    """Return the numbers with which an alarm is resolved."""
    return {
        **asdict(alarm.last),
        "raised": format_time(alarm.raised_ns),
        "stood_for": format_duration(now_ns - alarm.raised_ns),
        "monitor": alarm.monitor,
    }
