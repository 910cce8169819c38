"""Raise alarms: weigh what a monitor measured against its share of the budget.

In: `WindowMeasured`. Out: `AlarmRaised`, and what `resolving` makes of it. State: the evidence that
speaks against streams, and the alarms that stand (`AlarmBook`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ostinato.core.records import Record
from ostinato.core.watched import SEVERITIES, AlarmRaised, WindowMeasured
from ostinato.decide.alarm_budget import reported
from ostinato.decide.alarm_words import (
    evidence_of,
    floors_apart,
    measured,
    severity_of,
    surely_severe,
    why_raised,
)
from ostinato.decide.alarms import AlarmBook, AlarmRule, MonitorBook, Speaking
from ostinato.decide.resolving import is_watched, resolve
from ostinato.decide.standing_alarm import Standing, version_of

TOLD: Final = 20
"""Alarms of one monitor at one moment that get an entry of the journal each. Fewer: what is told of
a great fault hides what it began with; more: nobody reads the journal after one."""

EVERYWHERE: Final = 0.5
"""Share of a slice's drift by which all rows must have moved for it to be theirs. Smaller: a slice
that drifts alone stays untold where all rows drift a little; larger: weather alarms per slice."""

UNMEASURED: Final = 50
"""Of so many streams that could not be measured the reason is kept, by monitor."""


def judge_window(
    book: AlarmBook, rule: AlarmRule, window: WindowMeasured, now_ns: int
) -> list[Record]:
    """Take in what a monitor measured; return the alarms that it raises and resolves.

    Evidence of long windows is the monitor's, which adds it up; that of a short window stands by
    itself. A stream whose alarm is resolved begins anew (`StreamsRestarted`).
    """
    if book.began_ns is None:
        book.began_ns = window.from_ns
    own = book.monitors.setdefault(window.monitor, MonitorBook(window.family))
    places = {name: at for at, name in enumerate(window.streams)}
    out: list[Record] = []
    if window.slow:
        _note(own, window)
        _gather(own, window, places, now_ns)
        out += resolve(book, own, window, places, now_ns)
    names, threshold = _reported(own, rule, window)
    raised = [
        places[name]
        for name in names
        if name in places and name not in book.standing and version_of(name) not in book.retired
    ]
    raised.sort(key=lambda at: (-floors_apart(window, at), window.streams[at]))
    out += _raise(book, rule, window, raised, threshold, now_ns)
    return out + list(_worsened(book, window, places, threshold, now_ns))


# ---------------------------------------------------------------- evidence


def _note(own: MonitorBook, window: WindowMeasured) -> None:
    own.family, own.streams, own.to_ns = window.family, window.streams_total, window.to_ns
    own.unmeasured_total = len(window.unmeasured)
    own.unmeasured = dict(sorted(window.unmeasured.items())[:UNMEASURED])


def _gather(
    own: MonitorBook, window: WindowMeasured, places: Mapping[str, int], now_ns: int
) -> None:
    """Follow the evidence of each stream, and since when it gathers.

    In a tick of many windows they were all weighed before any alarm ended: a stream that is to
    begin anew does so with the next tick, and what it has until then is the old alarm's.
    """
    old = own.restarted if own.restarted_ns == now_ns else ()
    kept = {
        name: before
        for name, before in own.speaking.items()
        if name not in places and is_watched(name, window)
    }
    for at in np.flatnonzero(window.log_e > 0.0).tolist():
        name, log_e = window.streams[at], float(window.log_e[at])
        if name in old:
            continue
        before = own.speaking.get(name)
        # A Shiryaev-Roberts detector goes from M to (M + 1) e.
        step = log_e - (float(np.logaddexp(before.log_e, 0.0)) if before else 0.0)
        if before is not None and before.charge > 0.0:
            charge, since_ns = before.charge + step, before.since_ns
        else:
            charge, since_ns = step, window.from_ns
        kept[name] = Speaking(log_e=log_e, charge=charge, since_ns=since_ns)
    own.speaking = kept


def _reported(own: MonitorBook, rule: AlarmRule, window: WindowMeasured) -> tuple[list[str], float]:
    """Return the streams that the budget lets report now, and the log of the evidence it took."""
    if window.slow:
        names = list(own.speaking)
        log_e = np.array([each.log_e for each in own.speaking.values()], dtype=np.float64)
    else:
        loud = np.flatnonzero(window.log_e > 0.0)
        names, log_e = [window.streams[at] for at in loud.tolist()], window.log_e[loud]
    found, threshold = reported(
        log_e,
        streams=max(window.streams_total, len(log_e)),
        q=rule.shares[window.monitor] / 2.0,
        patience=rule.slow_windows if window.slow else rule.fast_windows,
    )
    return [names[at] for at in np.flatnonzero(found).tolist()], threshold


# ---------------------------------------------------------------- raised


def _raise(
    book: AlarmBook,
    rule: AlarmRule,
    window: WindowMeasured,
    places: list[int],
    threshold: float,
    now_ns: int,
) -> Iterator[Record]:
    """Enter alarms, the largest first, and tell of as many as can be read."""
    entered = [_entered(book, window, at, now_ns) for at in places]
    book.standing |= {each.name: each for each in entered}
    told = [at for at, each in enumerate(entered) if not _covered(each, book, window)][:TOLD]
    for at in range(len(entered)):
        if at not in told:
            book.standing[entered[at].name] = replace(entered[at], told=False)
    since_ns = now_ns - rule.per_ns
    book.raised_ns = [at for at in book.raised_ns if at > since_ns] + [now_ns] * len(told)
    more = len(entered) - len(told)
    for number, at in enumerate(told):
        alarm = entered[at]
        untold = f" {more} more streams of {window.monitor} alarm with it." if more else ""
        evidence = evidence_of(window, places[at], log_threshold=threshold)
        first = bool(untold) and number == 0
        yield AlarmRaised(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject=alarm.name,
            reason=why_raised(window, places[at]) + (untold if first else ""),
            evidence={**evidence, "untold": more} if first else evidence,
            family=alarm.family,
            severity=alarm.severity,
            since_ns=alarm.since_ns,
        )


def _covered(alarm: Standing, book: AlarmBook, window: WindowMeasured) -> bool:
    """Say whether an alarm tells nothing new: a column that has drifted has so on its slices.

    A column that moved in the same window about as far on all rows, and does not alarm yet, has
    moved everywhere, as the weather does: that is the column's to tell.
    """
    if alarm.family != "drift" or not alarm.group:
        return False
    name = f"{alarm.family}/{alarm.subject}"
    whole = book.standing.get(name)
    if whole is not None or name not in window.streams:
        return whole is not None and whole.is_at_least(alarm.severity)
    at = window.streams.index(name)
    moved = abs(float(window.value[at] - window.reference[at]))
    return moved >= EVERYWHERE * abs(alarm.last.value - alarm.last.reference)


def _entered(book: AlarmBook, window: WindowMeasured, at: int, now_ns: int) -> Standing:
    name = window.streams[at]
    speaking = book.monitors[window.monitor].speaking.get(name) if window.slow else None
    found = measured(window, at)
    gathers = speaking is not None and speaking.charge > 0.0
    return Standing(
        name=name,
        family=window.family,
        monitor=window.monitor,
        severity=severity_of(window, at),
        raised_ns=now_ns,
        since_ns=speaking.since_ns if speaking is not None and gathers else window.from_ns,
        side=1 if window.value[at] >= window.reference[at] else -1,
        last=found,
        peak=found.log10_e if window.slow else -math.inf,
    )


def _worsened(
    book: AlarmBook,
    window: WindowMeasured,
    places: Mapping[str, int],
    threshold: float,
    now_ns: int,
) -> Iterator[Record]:
    """Raise alarms again that are beyond doubt more severe by now."""
    for name, alarm in list(book.standing.items()):
        if name not in places or alarm.monitor != window.monitor:
            continue
        if alarm.severity == "info" and not window.slow:
            continue  # only long windows tell of the same season
        severity = surely_severe(window, places[name])
        if SEVERITIES.index(severity) <= SEVERITIES.index(alarm.severity):
            continue
        book.standing[name] = replace(alarm, severity=severity)
        if not alarm.told:
            continue
        evidence = evidence_of(window, places[name], log_threshold=threshold)
        yield AlarmRaised(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject=name,
            reason=f"It is {severity} now. {why_raised(window, places[name])}",
            evidence={**evidence, "was": alarm.severity},
            family=alarm.family,
            severity=severity,
            since_ns=alarm.since_ns,
        )
