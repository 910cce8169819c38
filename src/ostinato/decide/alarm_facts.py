"""The alarms and their budget in plain values, for status, reports and metrics."""

from __future__ import annotations

import math
from typing import Any, Final

from ostinato.core.units import DAY_NS, format_time
from ostinato.core.watched import SEVERITIES
from ostinato.decide.alarm_acts import is_silenced, open_silences
from ostinato.decide.alarms import AlarmBook, AlarmRule
from ostinato.decide.standing_alarm import Standing


def alarm_facts(book: AlarmBook, rule: AlarmRule | None, now_ns: int) -> dict[str, Any] | None:
    """Return what is watched, how much of the budget is spent, and which alarms stand.

    Returns
    -------
    dict or None
        None where nothing is watched. Times are text. ``budget``: `declared` false alarms per
        `days`, `expected` so far if nothing moved, `raised` within the last `days`, `since`.
        ``streams`` counts what is watched; ``monitors`` has a row each: `monitor, family, share,
        streams, measured_to, unmeasured, unmeasured_total`. ``standing`` has a row per alarm, the
        most severe first, None for what is no finite number; ``by_severity`` counts them.
        ``silences`` gives ends by pattern.
    """
    if rule is None:
        return None
    declared = math.fsum(rule.shares.values())
    elapsed = 0 if book.began_ns is None else max(now_ns - book.began_ns, 0)
    standing = sorted(
        book.standing.values(),
        key=lambda each: (-SEVERITIES.index(each.severity), each.raised_ns, each.name),
    )
    return {
        "budget": {
            "declared": declared,
            "days": rule.per_ns / DAY_NS,
            "expected": declared * elapsed / rule.per_ns,
            "raised": sum(at > now_ns - rule.per_ns for at in book.raised_ns),
            "since": None if book.began_ns is None else format_time(book.began_ns),
        },
        "streams": sum(each.streams for each in book.monitors.values()),
        "monitors": [_monitor(book, rule, name) for name in rule.shares],
        "by_severity": {
            severity: sum(each.severity == severity for each in standing) for severity in SEVERITIES
        },
        "standing": [_alarm(book, each, now_ns) for each in standing],
        "silences": {
            pattern: format_time(until) for pattern, until in open_silences(book, now_ns).items()
        },
    }


_NUMBERS: Final = ("value", "reference", "low", "high", "floor", "log10_e")


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _monitor(book: AlarmBook, rule: AlarmRule, name: str) -> dict[str, Any]:
    own = book.monitors.get(name)
    return {
        "monitor": name,
        "family": None if own is None else own.family,
        "share": rule.shares[name],
        "streams": 0 if own is None else own.streams,
        "measured_to": None if own is None or own.to_ns is None else format_time(own.to_ns),
        "unmeasured": {} if own is None else dict(own.unmeasured),
        "unmeasured_total": 0 if own is None else own.unmeasured_total,
    }


def _alarm(book: AlarmBook, alarm: Standing, now_ns: int) -> dict[str, Any]:
    return {
        "stream": alarm.name,
        "family": alarm.family,
        "monitor": alarm.monitor,
        "severity": alarm.severity,
        "raised": format_time(alarm.raised_ns),
        "since": format_time(alarm.since_ns),
        **{name: _finite(getattr(alarm.last, name)) for name in _NUMBERS},
        "told": alarm.told,
        "acknowledged_by": alarm.acknowledged_by,
        "silenced": is_silenced(book, alarm.name, now_ns),
    }
