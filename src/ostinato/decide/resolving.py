"""Resolve alarms: when a stream is back, gone, or compared with something else.

In: the standing alarms and the window of their monitor, `ReferenceRenewed`, versions that leave.
Out: `AlarmResolved`, `StreamsRestarted`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ostinato.core.records import Record
from ostinato.core.watched import (
    AlarmResolved,
    ReferenceRenewed,
    StreamsRestarted,
    WindowMeasured,
    windows_gone,
)
from ostinato.decide.alarm_words import evidence_left, measured
from ostinato.decide.alarms import AlarmBook, MonitorBook
from ostinato.decide.standing_alarm import Standing, subject_of

CALM: Final = 2
"""Long windows in a row within the floor after which an alarm is over. One is chance; with more a
fault that was repaired keeps its alarm, and whatever that holds back."""

FALLEN: Final = math.log10(20.0)
"""So far (as a power of ten) the evidence must have fallen from its peak, besides: windows of few
rows are within the floor by chance. Smaller: alarms on small slices flap; larger: they stand for
long after the fault."""

SILENT: Final = 7
"""Long windows in a row without evidence after which an alarm is over, though what was measured is
not within the floor: of few rows it hardly ever is. Fewer: small faults flap."""

RETIRED: Final = 20
"""So many versions that left are known. Fewer: one alarms after its end, where labels are late
and rollouts short."""


def resolve(
    book: AlarmBook,
    own: MonitorBook,
    window: WindowMeasured,
    places: Mapping[str, int],
    now_ns: int,
) -> list[Record]:
    """Follow the standing alarms of a monitor; end those that are over."""
    over: dict[str, str] = {}
    for name, alarm in list(book.standing.items()):
        if alarm.monitor != window.monitor:
            continue
        at = places.get(name)
        if at is not None:
            alarm = _followed(alarm, window, at)  # noqa: PLW2901 - the alarm as it is now
        elif len(window) and not is_watched(name, window):
            alarm = replace(alarm, absent=alarm.absent + 1)  # noqa: PLW2901 - as above
        book.standing[name] = alarm
        reason = _why_over(alarm, gone=windows_gone(window.to_ns - window.from_ns))
        if reason:
            over[name] = reason
            own.speaking.pop(name, None)
    if over:
        _restart(own, over, now_ns)
    return [*_end(book, over, now_ns), *_restarted(window.monitor, over, now_ns)]


def renew_reference(book: AlarmBook, renewed: ReferenceRenewed, now_ns: int) -> list[Record]:
    """Resolve the alarms of a monitor that compares with another reference now."""
    own = book.monitors.get(renewed.monitor)
    if own is not None:
        own.speaking.clear()
    over = [each for each in book.standing.values() if each.monitor == renewed.monitor]
    reason = f"It is compared with a new reference, since {renewed.champion} is champion."
    return [*_end(book, {each.name: reason for each in over}, now_ns)]


def retire_version(book: AlarmBook, version: str, now_ns: int) -> list[Record]:
    """Resolve the alarms on answers of a version that is not in play any more."""
    book.retired = [*book.retired, version][-RETIRED:]
    over = [each for each in book.standing.values() if each.version == version]
    reason = f"{version} is not in play any more."
    return [*_end(book, {each.name: reason for each in over}, now_ns)]


def is_watched(name: str, window: WindowMeasured) -> bool:
    """Say whether a stream that was not measured is still watched."""
    subject = subject_of(name)
    known = window.unmeasured
    return name in known or subject in known or subject.partition(":")[0] in known


def _followed(alarm: Standing, window: WindowMeasured, at: int) -> Standing:
    found = measured(window, at)
    apart, speaks = found.value - found.reference, found.log10_e > 0.0
    within = abs(apart) <= found.floor
    # A stream of which one side matters may end far on the other; nothing speaks against it then.
    within = within or (alarm.side * apart <= found.floor and not speaks)
    peak = max(alarm.peak, found.log10_e)
    within = within and (not speaks or peak - found.log10_e >= FALLEN)
    possible = found.low <= found.floor and found.high >= -found.floor
    silent = possible and not speaks
    return replace(
        alarm,
        last=found,
        peak=peak,
        within=alarm.within + 1 if within else 0,
        silent=alarm.silent + 1 if silent else 0,
        absent=0,
    )


def _why_over(alarm: Standing, *, gone: int) -> str:
    last = alarm.last
    if alarm.within >= CALM:
        back = abs(last.value - last.reference) <= last.floor
        how = (
            f"no further off than {last.floor:.3g}" if back else "off on the side that is no fault"
        )
        beside = f"{last.value:.4g} beside {last.reference:.4g} expected"
        return f"It is {beside}, and for {CALM} long windows {how}."
    if alarm.silent >= SILENT:
        return f"Nothing speaks for a difference beyond {last.floor:.3g} in {SILENT} long windows."
    return "It is not watched any more." if alarm.absent >= gone else ""


def _end(book: AlarmBook, over: Mapping[str, str], now_ns: int) -> Iterator[Record]:
    for name, reason in over.items():
        alarm = book.standing.pop(name)
        if alarm.told:
            yield AlarmResolved(
                ts_event_ns=now_ns,
                ts_record_ns=now_ns,
                subject=name,
                reason=reason,
                evidence=evidence_left(alarm, now_ns),
                family=alarm.family,
                severity=alarm.severity,
            )


def _restart(own: MonitorBook, over: Mapping[str, str], now_ns: int) -> None:
    """Note that further windows of this tick have the evidence from before the end of alarms."""
    own.restarted = [*(own.restarted if own.restarted_ns == now_ns else []), *over]
    own.restarted_ns = now_ns


def _restarted(monitor: str, over: Mapping[str, str], now_ns: int) -> Iterator[Record]:
    if over:
        yield StreamsRestarted(
            ts_event_ns=now_ns, ts_record_ns=now_ns, monitor=monitor, streams=tuple(over)
        )
