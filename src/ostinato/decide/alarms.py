"""Alarms of monitors: raised when evidence exceeds the budget, resolved when it is over.

In: `WindowMeasured`, `ReferenceRenewed`. Out: `AlarmRaised`, `AlarmResolved`, `StreamsRestarted`.
State: the evidence that speaks against streams, and the alarms that stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ostinato.core.records import Record
from ostinato.core.units import DAY_NS
from ostinato.core.watched import (
    SEVERITIES,
    AlarmRaised,
    AlarmResolved,
    ReferenceRenewed,
    StreamsRestarted,
    WindowMeasured,
)
from ostinato.decide.alarm_budget import reported
from ostinato.decide.alarm_words import (
    evidence_left,
    evidence_of,
    floors_apart,
    measured,
    severity_of,
    surely_severe,
    why_raised,
)
from ostinato.decide.standing_alarm import Standing, subject_of, version_of

TOLD: Final = 20
"""Alarms of one monitor at one moment that get an entry of the journal each. Fewer: what is told of
a great fault hides what it began with; more: nobody reads the journal after one."""

CALM: Final = 2
"""Long windows in a row within the floor after which an alarm is over. One is chance; with more a
fault that was repaired keeps its alarm, and whatever that holds back."""

SILENT: Final = 7
"""Long windows in a row without evidence after which an alarm is over, though what was measured is
not within the floor: of few rows it hardly ever is. Fewer: small faults flap."""

GONE: Final = 40
"""Long windows in a row without a stream after which it counts as gone: the watch stage forgets it
then, too. Fewer: the alarm of a slice that comes seldom ends before its next window."""

RETIRED: Final = 20
"""So many versions that left are known. Fewer: one alarms after its end, where labels are late
and rollouts short."""

UNMEASURED: Final = 50
"""Of so many streams that could not be measured the reason is kept, by monitor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """By what alarms are raised.

    Parameters
    ----------
    shares
        By monitor: how many false alarms it may raise within the budget's time on average, > 0.
        Short windows get half of it, long ones the other half.
    fast_windows, slow_windows
        Short and long windows within the budget's time, > 0.
    per_ns
        The budget's time.
    slow_ns
        Length of a long window.
    examine_ns
        How often rows are examined though nothing alarms; None: only after alarms.
    """

    shares: Mapping[str, float]
    fast_windows: float
    slow_windows: float
    per_ns: int = 30 * DAY_NS
    slow_ns: int = DAY_NS
    examine_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """Evidence against a stream in long windows.

    `log_e` is the log of its e-detector; `charge` the log of the evidence since `since_ns`, where
    the change most likely began (Page 1954).
    """

    log_e: float
    charge: float
    since_ns: int


@dataclass(slots=True)
class MonitorBook:
    """What is known of one monitor.

    `family` and `streams` (how many there are) as its last window said, which ended at `to_ns`;
    `unmeasured`: why others could not be measured, of `unmeasured_total` in all; `speaking`: the
    evidence against streams, as far as any speaks.
    """

    family: str
    streams: int = 0
    to_ns: int | None = None
    unmeasured: dict[str, str] = field(default_factory=dict)
    unmeasured_total: int = 0
    speaking: dict[str, Speaking] = field(default_factory=dict)


@dataclass(slots=True)
class AlarmBook:
    """All alarms.

    `began_ns` is when watching began, `standing` the alarms that stand by the name of their stream,
    `raised_ns` the times of those of the last budget's time, `silences` patterns of names that are
    not told to people, with the time at which that ends; `retired` are the versions that left last,
    whose predictions may still mature.
    """

    began_ns: int | None = None
    monitors: dict[str, MonitorBook] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    raised_ns: list[int] = field(default_factory=list)
    silences: dict[str, int] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)


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
        _gather(own, window, places)
        out += _resolve(book, own, window, places, now_ns)
    names, threshold = _reported(own, rule, window)
    raised = [
        places[name]
        for name in names
        if name in places and name not in book.standing and version_of(name) not in book.retired
    ]
    raised.sort(key=lambda at: (-floors_apart(window, at), window.streams[at]))
    out += _raise(book, rule, window, raised, threshold, now_ns)
    return out + list(_worsened(book, window, places, threshold, now_ns))


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


# ---------------------------------------------------------------- evidence


def _note(own: MonitorBook, window: WindowMeasured) -> None:
    own.family, own.streams, own.to_ns = window.family, window.streams_total, window.to_ns
    own.unmeasured_total = len(window.unmeasured)
    own.unmeasured = dict(sorted(window.unmeasured.items())[:UNMEASURED])


def _gather(own: MonitorBook, window: WindowMeasured, places: Mapping[str, int]) -> None:
    """Follow the evidence of each stream, and since when it gathers."""
    kept = {
        name: before
        for name, before in own.speaking.items()
        if name not in places and _explained(name, window)
    }
    for at in np.flatnonzero(window.log_e > 0.0).tolist():
        name, log_e = window.streams[at], float(window.log_e[at])
        before = own.speaking.get(name)
        # A Shiryaev-Roberts detector goes from M to (M + 1) e.
        step = log_e - (float(np.logaddexp(before.log_e, 0.0)) if before else 0.0)
        if before is not None and before.charge > 0.0:
            charge, since_ns = before.charge + step, before.since_ns
        else:
            charge, since_ns = step, window.from_ns
        kept[name] = Speaking(log_e=log_e, charge=charge, since_ns=since_ns)
    own.speaking = kept


def _explained(name: str, window: WindowMeasured) -> bool:
    """Say whether a stream that was not measured is still watched."""
    subject = subject_of(name)
    known = window.unmeasured
    return name in known or subject in known or subject.partition(":")[0] in known


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
    since_ns = now_ns - rule.per_ns
    book.raised_ns = [at for at in book.raised_ns if at > since_ns] + [now_ns] * len(places)
    for number, at in enumerate(places):
        alarm = _entered(book, window, at, now_ns, told=number < TOLD)
        book.standing[alarm.name] = alarm
        if not alarm.told:
            continue
        more = len(places) - TOLD if number == 0 else 0
        untold = f" {more} more streams of {window.monitor} alarm with it." if more > 0 else ""
        evidence = evidence_of(window, at, log_threshold=threshold)
        yield AlarmRaised(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject=alarm.name,
            reason=why_raised(window, at) + untold,
            evidence={**evidence, "untold": more} if untold else evidence,
            family=alarm.family,
            severity=alarm.severity,
            since_ns=alarm.since_ns,
        )


def _entered(
    book: AlarmBook, window: WindowMeasured, at: int, now_ns: int, *, told: bool
) -> Standing:
    name = window.streams[at]
    speaking = book.monitors[window.monitor].speaking.get(name) if window.slow else None
    gathers = speaking is not None and speaking.charge > 0.0
    return Standing(
        name=name,
        family=window.family,
        monitor=window.monitor,
        severity=severity_of(window, at),
        raised_ns=now_ns,
        since_ns=speaking.since_ns if speaking is not None and gathers else window.from_ns,
        side=1 if window.value[at] >= window.reference[at] else -1,
        told=told,
        last=measured(window, at),
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


# ---------------------------------------------------------------- resolved


def _resolve(
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
        elif len(window) and not _explained(name, window):
            alarm = replace(alarm, absent=alarm.absent + 1)  # noqa: PLW2901 - as above
        book.standing[name] = alarm
        reason = _why_over(alarm)
        if reason:
            over[name] = reason
            own.speaking.pop(name, None)
    return [*_end(book, over, now_ns), *_restarted(window.monitor, over, now_ns)]


def _followed(alarm: Standing, window: WindowMeasured, at: int) -> Standing:
    found = measured(window, at)
    apart, speaks = found.value - found.reference, found.log10_e > 0.0
    within = abs(apart) <= found.floor
    # A stream of which one side matters may end far on the other; nothing speaks against it then.
    within = within or (alarm.side * apart <= found.floor and not speaks)
    possible = found.low <= found.floor and found.high >= -found.floor
    silent = possible and not speaks
    return replace(
        alarm,
        last=found,
        within=alarm.within + 1 if within else 0,
        silent=alarm.silent + 1 if silent else 0,
        absent=0,
    )


def _why_over(alarm: Standing) -> str:
    last = alarm.last
    if alarm.within >= CALM:
        return (
            f"It is {last.value:.4g} beside {last.reference:.4g} expected, and so for {CALM} long "
            f"windows no further off than {last.floor:.3g}."
        )
    if alarm.silent >= SILENT:
        return f"Nothing speaks for a difference beyond {last.floor:.3g} in {SILENT} long windows."
    return "It is not watched any more." if alarm.absent >= GONE else ""


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


def _restarted(monitor: str, over: Mapping[str, str], now_ns: int) -> Iterator[Record]:
    if over:
        yield StreamsRestarted(
            ts_event_ns=now_ns, ts_record_ns=now_ns, monitor=monitor, streams=tuple(over)
        )
