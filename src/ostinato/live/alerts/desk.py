"""What one address was told, and what there is to tell it: a fold of the journal.

Alarms are told by how they stand, not by the entries about them: one that stands is told once,
again when it grows worse, and as a reminder while nobody looks after it. So whatever keeps messages
back (silence, too many of them, an address that is away), what stands is told in the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ostinato.core.ports import Entry
from ostinato.core.units import DAY_NS, format_time
from ostinato.core.watched import SEVERITIES
from ostinato.decide.standing_alarm import matcher
from ostinato.live.alerts.address import Address
from ostinato.live.alerts.notice import Notice, decision_notice
from ostinato.live.alerts.words import how_sure

REMIND_NS: Final = DAY_NS
"""After so long people are reminded of an alarm that stands, unless somebody acknowledged it.
Shorter: they stop to read; longer: what everybody left to the others is forgotten."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that stands.

    `told` is the severity at which it was told, empty: it was not; `told_ns`: when, on the wall
    clock. `by` acknowledged it.
    """

    name: str
    family: str
    severity: str
    since_ns: int
    reason: str
    evidence: dict[str, Any] = {}
    told: str = ""
    told_ns: int = 0
    by: str = ""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one address.

    `next_seq`: the first entry of the journal that is not taken in; `alarms` that stand then, by
    name; `silences`: until when, by pattern. `sent_ns`: when messages of the last hour went out;
    `tries`, `retry_ns`, `trouble`: of a message that is not taken, how often, when again, and why;
    `untold`: notices that were given up, since `untold_since_ns`.
    """

    next_seq: int = 0
    alarms: dict[str, Alarm] = {}
    silences: dict[str, int] = {}
    sent_ns: tuple[int, ...] = ()
    tries: int = 0
    retry_ns: int = 0
    trouble: str = ""
    untold: int = 0
    untold_since_ns: int = 0


@dataclass(slots=True)
class _Reading:
    """A desk while the journal is read on."""

    address: Address
    alarms: dict[str, Alarm]
    silences: dict[str, int]
    raised: dict[str, int] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        match entry.kind:
            case "alarm_raised":
                self._raise(json.loads(entry.body), entry)
            case "alarm_resolved":
                self._resolve(json.loads(entry.body), entry)
            case "alarm_acknowledged":
                self._acknowledge(json.loads(entry.body))
            case "alarms_silenced":
                self._silence(json.loads(entry.body))
            case _:
                notice = decision_notice(entry)
                if notice is not None and self.address.hears(notice.severity):
                    self.notices.append(notice)

    def _raise(self, body: dict[str, Any], entry: Entry) -> None:
        name, before = body["subject"], self.alarms.get(body["subject"])
        worse = before is not None and _higher(body["severity"], before.severity)
        self.alarms[name] = Alarm(
            name=name,
            family=body["family"],
            severity=body["severity"],
            since_ns=body["since_ns"],
            reason=body["reason"],
            evidence=body["evidence"],
            told="" if before is None else before.told,
            told_ns=0 if before is None else before.told_ns,
            by="" if before is None or worse else before.by,
        )
        if before is None and not silenced(self.silences, name, entry.ts_record_ns):
            self.raised[name] = entry.seq

    def _resolve(self, body: dict[str, Any], entry: Entry) -> None:
        name = body["subject"]
        alarm, fresh = self.alarms.pop(name, None), self.raised.pop(name, None)
        if alarm is None or silenced(self.silences, name, entry.ts_record_ns):
            return
        if alarm.told:
            self.notices.append(_over("resolved", alarm, body["reason"], entry))
        elif fresh is not None and self.address.hears(alarm.severity):
            self.notices.append(_over("passed", alarm, body["reason"], entry))

    def _acknowledge(self, body: dict[str, Any]) -> None:
        alarm = self.alarms.get(body["subject"])
        if alarm is not None:
            self.alarms[alarm.name] = replace(alarm, by=body["who"] or "somebody")

    def _silence(self, body: dict[str, Any]) -> None:
        if body["until_ns"] > body["ts_event_ns"]:
            self.silences[body["subject"]] = body["until_ns"]
        else:
            self.silences.pop(body["subject"], None)


def read_on(desk: Desk, address: Address, entries: Iterable[Entry]) -> tuple[Desk, list[Notice]]:
    """Take in what was decided since; return the desk and what of it is over, or was decided."""
    reading = _Reading(address, dict(desk.alarms), dict(desk.silences))
    next_seq = desk.next_seq
    for entry in entries:
        reading.take(entry)
        next_seq = entry.seq + 1
    after = replace(
        desk,
        next_seq=next_seq,
        alarms=reading.alarms,
        silences=reading.silences,
    )
    return after, reading.notices


def standing_notices(
    desk: Desk, address: Address, *, now_ns: int, tick_ns: int
) -> Iterator[Notice]:
    """Yield which of the alarms that stand are to be told now.

    Parameters
    ----------
    desk, address
        Of whom.
    now_ns
        By the clock of people, for reminders.
    tick_ns
        By the loop's clock, for silences.
    """
    for alarm in desk.alarms.values():
        if not address.hears(alarm.severity) or silenced(desk.silences, alarm.name, tick_ns):
            continue
        if not alarm.told:
            yield _stands("raised", alarm)
        elif _higher(alarm.severity, alarm.told):
            yield _stands("worse", alarm)
        elif not alarm.by and now_ns - alarm.told_ns >= REMIND_NS:
            yield _stands("reminder", alarm)


def when_due(desk: Desk, *, now_ns: int) -> int | None:
    """Return when the next reminder is due by itself; None: never, or it is kept back."""
    due = (a.told_ns + REMIND_NS for a in desk.alarms.values() if a.told and not a.by)
    return min((each for each in due if each > now_ns), default=None)


def mark_told(desk: Desk, notices: Iterable[Notice], now_ns: int) -> Desk:
    """Note that notices were told."""
    alarms = dict(desk.alarms)
    for notice in notices:
        if notice.is_alarm:
            alarm = alarms[notice.name]
            alarms[notice.name] = replace(alarm, told=alarm.severity, told_ns=now_ns)
    return replace(desk, alarms=alarms)


def silenced(silences: dict[str, int], name: str, at_ns: int) -> bool:
    """Whether a name is silenced at a moment of the loop."""
    return any(
        at_ns < until_ns and matcher(pattern).fullmatch(name)
        for pattern, until_ns in silences.items()
    )


def _higher(one: str, other: str) -> bool:
    return SEVERITIES.index(one) > SEVERITIES.index(other)


_SAID: Final = {"raised": "", "worse": "worse: ", "reminder": "still: "}


def _stands(what: str, alarm: Alarm) -> Notice:
    facts = (f"since {format_time(alarm.since_ns)}", how_sure(alarm.evidence))
    return Notice(
        what=what,
        severity=alarm.severity,
        name=alarm.name,
        text=f"{alarm.severity}: {_SAID[what]}{alarm.name}. {alarm.reason} "
        f"({'; '.join(fact for fact in facts if fact)})",
        facts={
            "what": what,
            "severity": alarm.severity,
            "name": alarm.name,
            "family": alarm.family,
            "since": format_time(alarm.since_ns),
            "reason": alarm.reason,
            "evidence": alarm.evidence,
            "acknowledged_by": alarm.by,
        },
    )


def _over(what: str, alarm: Alarm, reason: str, entry: Entry) -> Notice:
    before = "" if what == "resolved" else " (raised and resolved before it was told)"
    return Notice(
        what=what,
        severity="info" if what == "resolved" else alarm.severity,
        name=alarm.name,
        text=f"resolved: {alarm.name}{before}. {reason}".rstrip(),
        facts={
            "what": what,
            "severity": alarm.severity,
            "name": alarm.name,
            "family": alarm.family,
            "since": format_time(alarm.since_ns),
            "time": format_time(entry.ts_event_ns),
            "reason": reason,
        },
    )
