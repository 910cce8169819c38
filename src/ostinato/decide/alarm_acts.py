"""What people do about alarms: look after one, be told of some no more, or again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ostinato.core.records import OperatorActed, Record
from ostinato.core.units import format_time
from ostinato.core.watched import AlarmAcknowledged, AlarmsSilenced
from ostinato.decide.alarms import AlarmBook
from ostinato.decide.standing_alarm import matcher

_LISTED: Final = 5  # names that a refusal lists


def acknowledge(book: AlarmBook, act: OperatorActed, now_ns: int) -> list[Record] | str:
    """Note who looks after the standing alarms of a name or pattern; say why not."""
    fits = matcher(act.subject).fullmatch
    chosen = [each for name, each in book.standing.items() if fits(name)]
    if not chosen:
        return f"No alarm {act.subject} stands. {_there_are('stand', list(book.standing))}"
    anew = [each for each in chosen if not each.acknowledged_by]
    if not anew:
        return f"{chosen[0].name} is acknowledged already, by {chosen[0].acknowledged_by}."
    if not any(each.told for each in anew):
        return f"{anew[0].name} was told with other alarms of {anew[0].monitor}: name one of those."
    who = act.who or "somebody"
    for each in anew:
        book.standing[each.name] = replace(each, acknowledged_by=who)
    return [
        AlarmAcknowledged(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject=each.name,
            reason=act.reason,
            who=who,
            act_id=act.act_id,
        )
        for each in anew
        if each.told
    ]


def silence(book: AlarmBook, act: OperatorActed, now_ns: int) -> list[Record] | str:
    """Tell people nothing of alarms whose name fits a pattern, until a moment; say why not."""
    if not act.subject:
        return "It is not said which alarms to silence: give a name, or a pattern with *."
    if act.until_ns is None:
        return f"It is not said until when {act.subject} is to be silenced."
    if act.until_ns <= now_ns:
        return f"{format_time(act.until_ns)} is not after now, {format_time(now_ns)}."
    book.silences = open_silences(book, now_ns) | {act.subject: act.until_ns}
    return [_silenced(act, act.until_ns, now_ns)]


def unsilence(book: AlarmBook, act: OperatorActed, now_ns: int) -> list[Record] | str:
    """End the silence of a pattern; say why not."""
    book.silences = open_silences(book, now_ns)
    if act.subject not in book.silences:
        return f"{act.subject!r} is not silenced. {_there_are('are', list(book.silences))}"
    del book.silences[act.subject]
    return [_silenced(act, now_ns, now_ns)]


def open_silences(book: AlarmBook, now_ns: int) -> dict[str, int]:
    """Return the patterns that are silenced now, with the time at which that ends."""
    return {pattern: until for pattern, until in book.silences.items() if until > now_ns}


def is_silenced(book: AlarmBook, name: str, now_ns: int) -> bool:
    """Say whether people are told nothing of an alarm now."""
    return any(matcher(pattern).fullmatch(name) for pattern in open_silences(book, now_ns))


def _silenced(act: OperatorActed, until_ns: int, now_ns: int) -> AlarmsSilenced:
    return AlarmsSilenced(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=act.subject,
        reason=act.reason,
        who=act.who or "somebody",
        until_ns=until_ns,
        act_id=act.act_id,
    )


def _there_are(verb: str, names: list[str]) -> str:
    if not names:
        return f"There {verb} none."
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"There {verb} {', '.join(names[:_LISTED])}{more}."
