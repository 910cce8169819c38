"""Turn what the triggers want into a request, or into a question to whoever operates the loop."""

from __future__ import annotations

from ostinato.core.ids import content_id
from ostinato.core.records import ActionProposed, LearningRequested, ProposalLapsed, Record
from ostinato.decide.config import DecideConfig
from ostinato.decide.restraint import book
from ostinato.decide.state import DecideState, Wish
from ostinato.decide.trigger import Seen


def seen_of(state: DecideState, now_ns: int) -> Seen:
    """Return what a trigger is told when it is looked at."""
    last = now_ns if state.last_request_ns is None else state.last_request_ns
    return Seen(
        now_ns=now_ns,
        last_request_ns=last,
        labels_since=state.labels_since,
        champion_since_ns=state.champion_since_ns,
        alarms=tuple(state.alarms.standing.values()),
        diagnosis=state.examining.diagnosis,
        examining_since_ns=state.examining.since_ns,
    )


def wish_of(state: DecideState, config: DecideConfig, acting: list[int], seen: Seen) -> Wish:
    """Speak for the first trigger that acts, with what the others know."""
    findings = [config.triggers[i].explain(state.triggers[i], seen) for i in acting]
    changes = [f.change_ns for f in findings if f.change_ns is not None]
    return Wish(
        subject=config.triggers[acting[0]].name,
        reason=findings[0].reason,
        evidence=findings[0].evidence,
        change_ns=min(changes, default=None),
    )


def request(
    state: DecideState, config: DecideConfig, wish: Wish, now_ns: int, *, paid: bool = True
) -> list[Record]:
    """Ask for a model; a question that is open is overtaken by it."""
    out = lapse(state, now_ns, "A model is being trained on request.")
    book(state, config, now_ns, paid=paid)
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.requested(inner, now_ns)
    asked = LearningRequested(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=wish.subject,
        reason=wish.reason,
        evidence=wish.evidence,
        change_ns=wish.change_ns,
    )
    return [*out, asked]


def propose(state: DecideState, wish: Wish, now_ns: int) -> list[Record]:
    """Ask whether a model may be trained, unless that is asked already."""
    if state.wish is not None:
        return []
    state.wish = wish
    state.proposal = content_id("p", "learn", wish.subject, now_ns)
    asked = ActionProposed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=wish.subject,
        reason=f"{wish.reason} May a candidate be trained?",
        evidence=wish.evidence,
        action="learn",
        proposal=state.proposal,
    )
    return [asked]


def lapse(state: DecideState, now_ns: int, reason: str) -> list[Record]:
    """Take back the question that is open, if one is."""
    wish, proposal = state.wish, state.proposal
    state.wish, state.proposal = None, ""
    if wish is None:
        return []
    lapsed = ProposalLapsed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=wish.subject,
        reason=reason,
        action="learn",
        proposal=proposal,
    )
    return [lapsed]
