"""Have rows examined: after an alarm that asks why, and now and then though nothing alarms.

In: alarms as they are raised, `DiagnosisMade`. Out: `ExaminationRequested`. State: what is wanted,
what is under way, and the last diagnosis. One examination at a time, and one per long window and
champion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ostinato.core.ids import content_id
from ostinato.core.records import Record
from ostinato.core.units import format_time
from ostinato.core.watched import (
    NONE_FOUND,
    AlarmRaised,
    DiagnosisMade,
    ExaminationRequested,
    WindowMeasured,
)
from ostinato.decide.alarms import AlarmRule
from ostinato.decide.standing_alarm import group_of
from ostinato.decide.trigger import Diagnosis

ASKING: Final = ("performance", "estimate", "drift")
"""Families whose alarms say that something moved, and not why."""

SCHEDULE: Final = "schedule"
"""Subject of an examination for which no alarm asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An examination to be asked for: of the rows [from_ns, to_ns), by `subject`."""

    subject: str
    since_ns: int
    from_ns: int
    to_ns: int


@dataclass(slots=True)
class Examining:
    """What is wanted and what is under way.

    `wanted` waits for its turn; `labelled` for the labels of its rows, which `matured_to_ns` tells.
    `open` is the request under way and `under` what it asks for; `asked_ns` when the last one was
    made, `turn` its champion and long window; `diagnosis` what was found last about the champion.
    """

    wanted: Wanted | None = None
    labelled: Wanted | None = None
    open: str = ""
    under: Wanted | None = None
    asked_ns: int | None = None
    turn: tuple[str, int] | None = None
    matured_to_ns: int | None = None
    diagnosis: Diagnosis | None = None

    @property
    def since_ns(self) -> int | None:
        """Since when one is wanted on account of an alarm, or under way; None when none is."""
        if self.open:
            return self.asked_ns
        return None if self.wanted is None else self.wanted.since_ns


def want(
    state: Examining,
    raised: Iterable[Record],
    window: WindowMeasured,
    now_ns: int,
) -> None:
    """Ask for an examination on account of alarms of a window.

    What moved without labels is examined at once, and once more when its labels are there: only
    they tell whether the same inputs have other labels now.
    """
    alarms = [each for each in raised if isinstance(each, AlarmRaised) and each.family in ASKING]
    if not alarms:
        return
    asked = Wanted(
        subject=alarms[0].subject,
        since_ns=now_ns,
        from_ns=min(each.since_ns for each in alarms),
        to_ns=window.to_ns,
    )
    state.wanted = _together(state.wanted, asked)
    if state.matured_to_ns is None or state.matured_to_ns < window.to_ns:
        state.labelled = _together(state.labelled, asked)


def _together(earlier: Wanted | None, later: Wanted) -> Wanted:
    if earlier is None:
        return later
    return Wanted(
        # Of alarms that are examined together, one of all rows speaks for those of slices.
        subject=later.subject if _only_later_is_of_all(earlier, later) else earlier.subject,
        since_ns=earlier.since_ns,
        from_ns=min(earlier.from_ns, later.from_ns),
        to_ns=max(earlier.to_ns, later.to_ns),
    )


def _only_later_is_of_all(earlier: Wanted, later: Wanted) -> bool:
    return bool(group_of(earlier.subject)) and not group_of(later.subject)


def renew_examining(state: Examining) -> None:
    """Forget what was wanted of the champion before, and what was found about it."""
    state.wanted = state.labelled = state.diagnosis = None


def take_diagnosis(
    state: Examining, made: DiagnosisMade, champion: str | None, *, least_ns: int = 0
) -> None:
    """Keep what an examination found, if it is about the champion.

    Where an alarm asked and labels were too few to tell, or to find anything, rows of twice the
    time are examined once they have matured, and of no less than `least_ns`: an alarm may rest on
    an hour. Until then a cause that is known stays known.
    """
    under = state.under
    if made.request == state.open:
        state.open, state.under = "", None
    if made.subject != champion:
        return
    if under is not None and under.subject != SCHEDULE and _lacks_rows(made):
        to_ns = max(2 * under.to_ns - under.from_ns, under.from_ns + least_ns)
        longer = replace(under, to_ns=to_ns)
        state.labelled = _together(state.labelled, longer)
    known = state.diagnosis is not None and state.diagnosis.cause != NONE_FOUND
    if not (known and _is_open(made)):
        state.diagnosis = Diagnosis(
            cause=made.cause,
            action=made.action,
            champion=made.subject,
            made_ns=made.ts_event_ns,
            # What moves on a slice and costs nothing there may cost elsewhere.
            harmless=() if made.evidence.get("slice") else harmless_columns(made.evidence),
        )


def _lacks_rows(made: DiagnosisMade) -> bool:
    """Say whether more rows may find what these did not."""
    why = made.evidence.get("unmeasured", {})
    few = any("that are needed" in why.get(what, "") for what in ("slices", "slice"))
    return _is_open(made) or (made.cause == NONE_FOUND and few)


def _is_open(made: DiagnosisMade) -> bool:
    """Say whether the parts of the change in loss could not be told for want of labels."""
    return "parts" in made.evidence.get("unmeasured", {})


def examinations(
    state: Examining,
    rule: AlarmRule,
    champion: str,
    now_ns: int,
    *,
    policy: Callable[[], Mapping[str, Any]],
) -> list[Record]:
    """Return the request to examine, when one is due and none is under way.

    Parameters
    ----------
    policy
        Tells what the policy does about a diagnosis (`ostinato.decide.actions.policy_facts`).
    """
    if state.asked_ns is None:
        state.asked_ns = now_ns  # the schedule begins with the first champion
    turn = (champion, now_ns // rule.slow_ns)
    if state.open or turn == state.turn:
        return []
    due = state.wanted or _with_labels(state) or _scheduled(state, rule, now_ns)
    if due is None:
        return []
    if state.wanted is None:
        state.labelled = None
    state.wanted = None
    state.open = content_id("e", champion, due.subject, now_ns)
    state.asked_ns, state.turn, state.under = now_ns, turn, due
    request = ExaminationRequested(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=due.subject,
        reason=_why(due),
        evidence={"policy": dict(policy())},
        request=state.open,
        champion=champion,
        from_ns=due.from_ns,
        to_ns=due.to_ns,
    )
    return [request]


def _with_labels(state: Examining) -> Wanted | None:
    """Return what waited for labels, now that they are there."""
    wanted, to_ns = state.labelled, state.matured_to_ns
    return wanted if wanted is not None and to_ns is not None and to_ns >= wanted.to_ns else None


def _scheduled(state: Examining, rule: AlarmRule, now_ns: int) -> Wanted | None:
    assert state.asked_ns is not None, "the schedule has begun"
    every_ns, to_ns = rule.examine_ns, state.matured_to_ns
    if every_ns is None or to_ns is None or now_ns - state.asked_ns < every_ns:
        return None
    return Wanted(subject=SCHEDULE, since_ns=now_ns, from_ns=to_ns - every_ns, to_ns=to_ns)


def _why(due: Wanted) -> str:
    span = f"rows from {format_time(due.from_ns)} to {format_time(due.to_ns)}"
    if due.subject == SCHEDULE:
        return f"It is time to examine the {span}."
    return f"{due.subject} alarms: the {span} are examined for the cause."


def harmless_columns(evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns of a diagnosis whose move changed the loss by nothing that can be told."""
    rows = evidence.get("columns", ())
    return tuple(str(row["column"]) for row in rows if row.get("matters") is False)
