"""Have rows examined: after an alarm that asks why, and now and then though nothing alarms.

In: alarms as they are raised, `DiagnosisMade`. Out: `ExaminationRequested`. State: what is wanted,
what is under way, and the last diagnosis. One examination at a time; alarms of families that were
examined before, and are no worse now, wait until `APART` long windows have passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ostinato.core.ids import content_id
from ostinato.core.records import Record
from ostinato.core.units import format_time
from ostinato.core.watched import (
    NONE_FOUND,
    SEVERITIES,
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

APART: Final = 7
"""Long windows between examinations of one champion that alarms of the same kind ask for. Fewer: a
year of seasons is examined every day, with one answer; more: a second cause is named later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An examination to be asked for: of the rows [from_ns, to_ns), by `subject`.

    `urgent`: an alarm asks that is of another family than those before it, or worse.
    """

    subject: str
    since_ns: int
    from_ns: int
    to_ns: int
    urgent: bool = False


@dataclass(slots=True)
class Examining:
    """What is wanted and what is under way.

    `wanted` waits for its turn; `labelled` for the labels of its rows, which `matured_to_ns` tells.
    `open` is the request under way and `under` what it asks for; `asked_ns` when the last one was
    made, `turn` its champion and long window; `diagnosis` what was found last about the champion;
    `asked` the worst severity of alarms that asked about it, by family.
    """

    wanted: Wanted | None = None
    labelled: Wanted | None = None
    open: str = ""
    under: Wanted | None = None
    asked_ns: int | None = None
    turn: tuple[str, int] | None = None
    matured_to_ns: int | None = None
    diagnosis: Diagnosis | None = None
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def since_ns(self) -> int | None:
        """Since when one is urgently wanted, or under way; None when none is."""
        if self.open:
            return self.asked_ns
        wanted = self.wanted
        return wanted.since_ns if wanted is not None and wanted.urgent else None


def want(
    state: Examining,
    raised: Iterable[Record],
    window: WindowMeasured,
    now_ns: int,
    *,
    policy: Callable[[], Mapping[str, Any]],
) -> None:
    """Ask for an examination on account of alarms of a window.

    What moved without labels is examined at once, and once more when its labels are there: only
    they tell whether the same inputs have other labels now. `policy` as in `examinations`.
    """
    alarms = [each for each in raised if isinstance(each, AlarmRaised) and each.family in ASKING]
    if not alarms:
        return
    news = [each for each in alarms if _is_news(state, each)]
    asked = Wanted(
        subject=alarms[0].subject,
        since_ns=now_ns,
        from_ns=min(each.since_ns for each in alarms),
        to_ns=window.to_ns,
        urgent=bool(news) or _awaited(alarms, policy),
    )
    state.wanted = _together(state.wanted, asked)
    if state.matured_to_ns is None or state.matured_to_ns < window.to_ns:
        state.labelled = _together(state.labelled, asked)


def _awaited(alarms: Iterable[AlarmRaised], policy: Callable[[], Mapping[str, Any]]) -> bool:
    """Say whether a trigger waits to be told which of the columns matter."""
    return any(each.family == "drift" for each in alarms) and bool(policy()["by_inputs"])


def _is_news(state: Examining, alarm: AlarmRaised) -> bool:
    """Say whether an alarm is of another family than those before, or worse; remember it."""
    worst = state.asked.get(alarm.family)
    if worst is not None and SEVERITIES.index(alarm.severity) <= SEVERITIES.index(worst):
        return False
    state.asked[alarm.family] = alarm.severity
    return True


def _together(earlier: Wanted | None, later: Wanted) -> Wanted:
    if earlier is None:
        return later
    return Wanted(
        # Of alarms that are examined together, one of all rows speaks for those of slices.
        subject=later.subject if _only_later_is_of_all(earlier, later) else earlier.subject,
        since_ns=earlier.since_ns,
        from_ns=min(earlier.from_ns, later.from_ns),
        to_ns=max(earlier.to_ns, later.to_ns),
        urgent=earlier.urgent or later.urgent,
    )


def _only_later_is_of_all(earlier: Wanted, later: Wanted) -> bool:
    return bool(group_of(earlier.subject)) and not group_of(later.subject)


def renew_examining(state: Examining) -> None:
    """Forget what was wanted of the champion before, and what was found about it."""
    state.wanted = state.labelled = state.diagnosis = None
    state.asked = {}


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
    """Say whether nothing is known: for want of rows or labels, or as the examination was ended."""
    return any(name in made.evidence.get("unmeasured", {}) for name in ("parts", "all"))


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
    due = _asked_for(state, turn) or _scheduled(state, rule, now_ns)
    if due is None:
        return []
    if due is state.wanted:
        state.wanted = None
    else:
        state.labelled = None
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


def _asked_for(state: Examining, turn: tuple[str, int]) -> Wanted | None:
    """Return what alarms ask for, where it is its turn."""
    last = state.turn
    again = last is None or last[0] != turn[0] or turn[1] - last[1] >= APART
    for wanted in (state.wanted, _with_labels(state)):
        if wanted is not None and (wanted.urgent or again):
            return wanted
    return None


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
