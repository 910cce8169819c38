"""Look at every trigger each tick; ask for a model when one acts and nothing forbids it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    LearningRequested,
    LossesObserved,
    Promoted,
    Record,
    RolledBack,
    RolloutEnded,
    TrainingFailed,
    TriggerChanged,
)
from ostinato.core.stage import Stage
from ostinato.core.units import format_duration
from ostinato.decide.config import DecideConfig
from ostinato.decide.state import DecideState
from ostinato.decide.trigger import Finding, Reference, Seen, Trigger
from ostinato.stats.metrics import metric_for


def start(config: DecideConfig) -> DecideState:
    """Begin with every trigger unheard."""
    return DecideState(
        triggers=[trigger.begin() for trigger in config.triggers],
        stances=["" for _ in config.triggers],
        config_=config,
    )


def step(state: DecideState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take the evidence of this tick, then decide."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    for record in inbox:
        _take(state, config, record)
    if state.champion is None:
        return _first(state, now_ns)
    return _decide(state, config, now_ns)


def _take(state: DecideState, config: DecideConfig, record: Record) -> None:
    match record:
        case LossesObserved():
            state.labels_since += len(record)
            if state.champion is not None:
                for trigger, inner in zip(config.triggers, state.triggers, strict=True):
                    trigger.observe(inner, record, state.champion)
        case CandidateEvaluated():
            state.references[record.version] = _reference(config, record)
        case CandidateAccepted():
            state.busy = f"{record.subject} is being rolled out"
        case CandidateRejected() | TrainingFailed() | RolloutEnded():
            state.busy = ""
            state.references.pop(record.subject, None)
        case Promoted():
            state.busy = ""
            _renew(state, config, champion=record.subject, keep=record.previous)
        case RolledBack():
            _renew(state, config, champion=record.previous, keep=None)
        case _:
            raise AssertionError(f"decide does not want {record.kind}")


def _reference(config: DecideConfig, evaluated: CandidateEvaluated) -> Reference:
    """Losses of the candidate on the recent and the random set, in order of time."""
    row_loss = metric_for(config.task, config.metric).row_loss
    sets = [s for s in evaluated.sets if s.name in ("recent", "random") and len(s)]
    if not sets:
        return Reference(times_ns=np.empty(0, dtype=np.int64), losses=np.empty(0))
    times = np.concatenate([s.times_ns for s in sets])
    losses = np.concatenate([row_loss(s.labels, s.candidate) for s in sets])
    order = np.argsort(times, kind="stable")
    return Reference(times_ns=times[order], losses=losses[order])


def _renew(state: DecideState, config: DecideConfig, *, champion: str, keep: str | None) -> None:
    state.champion = champion
    reference = state.references.get(champion)
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.renew(inner, reference)
    kept = (champion, keep)
    state.references = {v: r for v, r in state.references.items() if v in kept}


def _first(state: DecideState, now_ns: int) -> list[Record]:
    if state.busy:
        return []
    state.busy, state.last_request_ns = "the first champion is being trained", now_ns
    return [
        LearningRequested(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject="first champion",
            reason="There is no champion yet.",
        )
    ]


def _decide(state: DecideState, config: DecideConfig, now_ns: int) -> list[Record]:
    out: list[Record] = []
    seen = Seen(now_ns=now_ns, last_request_ns=state.last_request_ns, labels_since=state.labels_since)
    for index, trigger in enumerate(config.triggers):
        finding = trigger.look(state.triggers[index], seen)
        hindrance = _hindrance(state, config, now_ns) if finding.stance == "act" else ""
        stance = "held" if hindrance else finding.stance
        if stance != state.stances[index]:
            state.stances[index] = stance
            out.append(_changed(trigger, finding, stance, hindrance, now_ns))
        if stance == "act":
            out.append(_request(state, config, trigger, finding, now_ns))
    return out


def _hindrance(state: DecideState, config: DecideConfig, now_ns: int) -> str:
    """Say what forbids a request now; "" when nothing does."""
    if state.busy:
        return f"{state.busy}; one at a time"
    if now_ns - state.last_request_ns < config.cooldown_ns:
        return f"the cool-down of {format_duration(config.cooldown_ns)} is not over"
    recent = [moment for moment in state.requests_ns if moment > now_ns - config.per_ns]
    if len(recent) >= config.max_requests:
        period = format_duration(config.per_ns)
        return f"the budget of {config.max_requests} retrainings per {period} is spent"
    return ""


def _changed(
    trigger: Trigger, finding: Finding, stance: str, hindrance: str, now_ns: int
) -> TriggerChanged:
    return TriggerChanged(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=trigger.name,
        stance=stance,
        reason=f"{finding.reason} Held back: {hindrance}." if hindrance else finding.reason,
        evidence=finding.evidence,
    )


def _request(
    state: DecideState, config: DecideConfig, trigger: Trigger, finding: Finding, now_ns: int
) -> LearningRequested:
    state.busy = "a candidate is being trained"
    state.last_request_ns = now_ns
    state.labels_since = 0
    since = now_ns - config.per_ns
    state.requests_ns = [*(m for m in state.requests_ns if m > since), now_ns]
    for each, inner in zip(config.triggers, state.triggers, strict=True):
        each.requested(inner, now_ns)
    return LearningRequested(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=trigger.name,
        reason=finding.reason,
        evidence=finding.evidence,
        change_ns=finding.change_ns,
    )


STAGE = Stage(
    "decide",
    frozenset(
        {
            "losses_observed",
            "candidate_evaluated",
            "candidate_accepted",
            "candidate_rejected",
            "training_failed",
            "promoted",
            "rollout_ended",
            "rolled_back",
        }
    ),
    start,
    step,
)
