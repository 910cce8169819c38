"""The loop goes on: rollouts end, locks open, labels mature, trainings come to something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.core.records import (
    ActionProposed,
    AutonomySet,
    CandidateRejected,
    LearningRequested,
    LossesObserved,
    OperatorActed,
    PredictionsMade,
    Promoted,
    RolledBack,
    RolloutAdvanced,
    RolloutEnded,
    RowsMatured,
    TrainingFailed,
    TrainingRequested,
    TriggerChanged,
)
from ostinato.sim.observe import Evidence, TickSeen
from ostinato.sim.verdict import Finding

NAME = "liveness"

TRAINING_TICKS: Final = 10
"""Ticks after which an order must have a result, counted from the last death of the process: the
longest training takes 6."""

_OWN_REASON: Final = "too few rows"
"""Why a trigger holds itself back: it waits for rows to learn from, which may never come."""

_HELD_TICKS: Final = 3  # a trigger may be held back so long after all that held it is gone


def check(evidence: Evidence) -> Iterator[Finding]:
    """Run the four clocks side by side; each reports once."""
    yield from _first(_rollouts(evidence))
    yield from _first(_trainings(evidence))
    yield from _first(_labels(evidence))
    yield from _first(_locks(evidence))


def _first(findings: Iterator[Finding]) -> Iterator[Finding]:
    found = next(findings, None)
    if found is not None:
        yield found


def _rollouts(evidence: Evidence) -> Iterator[Finding]:
    promises = evidence.promises
    longest_ns = promises.cap_ns if promises.proves else sum(ns for _, ns in promises.steps)
    began: dict[str, int] = {}
    paused, before_ns = False, 0
    for step in evidence.steps:
        if paused:  # the clock of a rollout stands still for whoever waits for its end
            began = {version: since + step.now_ns - before_ns for version, since in began.items()}
        before_ns = step.now_ns
        for record in step.made:
            if isinstance(record, OperatorActed) and record.act in ("pause", "resume"):
                paused = record.act == "pause"
            if isinstance(record, RolloutAdvanced):
                began.setdefault(record.subject, step.now_ns)
            elif isinstance(record, Promoted | RolloutEnded):
                began.pop(record.subject, None)
        for version, since_ns in began.items():
            if step.now_ns - since_ns >= longest_ns + _slack(promises.steps):
                yield _finding(step, f"the rollout of {version} does not end")


def _slack(steps: tuple[tuple[float, int], ...]) -> int:
    """A step counts from the tick it began in, so each can be late by a tick."""
    return len(steps) * 7_200_000_000_000


def _trainings(evidence: Evidence) -> Iterator[Finding]:
    deaths = [tick for tick, _ in evidence.seen.crashes]
    orders: dict[str, int] = {}
    for step in evidence.steps:
        for record in step.made:
            if isinstance(record, TrainingRequested):
                orders[record.request] = step.tick
            elif record.kind in {"candidate_trained", "training_failed"}:
                orders.pop(record.request, None)  # type: ignore[attr-defined]
        for request, tick in orders.items():
            since = max([tick, *(death for death in deaths if death <= step.tick)])
            if step.tick - since > TRAINING_TICKS:
                yield _finding(step, f"the order {request} has no result")


def _labels(evidence: Evidence) -> Iterator[Finding]:
    horizon_ns = evidence.promises.horizon_ns
    waiting: dict[Any, int] = {}
    ids: dict[int, Any] = {}
    latest_ns = 0
    for step in evidence.steps:
        for record in step.made:
            if isinstance(record, PredictionsMade):
                latest_ns = max(latest_ns, int(record.times_ns.max()))
                for row, key in enumerate(record.ids.tolist()):
                    ids[record.offset + row] = key
                    waiting.setdefault(key, latest_ns)
            elif isinstance(record, RowsMatured) and not record.revision:
                for offset in record.offsets.tolist():
                    waiting.pop(ids[offset], None)
        for key, asked_ns in waiting.items():
            if asked_ns + horizon_ns <= step.now_ns:
                yield _finding(step, f"the prediction {key} does not mature")
            break  # the oldest stands first


@dataclass(slots=True)
class _Lock:
    open_: bool = False
    asked_ns: int | None = None
    booked_ns: list[int] = field(default_factory=list)
    labels: int = 0
    level: str = "auto"
    paused: bool = False
    waits: bool = False
    undo_ns: int | None = None
    stances: dict[str, str] = field(default_factory=dict)
    free_ticks: int = 0


def _locks(evidence: Evidence) -> Iterator[Finding]:
    """A trigger that is held back although nothing holds it."""
    promises, lock = evidence.promises, _Lock()
    for step in evidence.steps:
        for record in step.made:
            _take(lock, record, step.now_ns)
        recent = [m for m in lock.booked_ns if m > step.now_ns - promises.per_ns]
        free = not lock.open_ and lock.labels > 0 and len(recent) < promises.max_requests
        free &= not lock.paused and lock.level != "observe" and not lock.waits
        rested = lock.asked_ns is None or step.now_ns - lock.asked_ns >= promises.cooldown_ns
        lock.free_ticks = lock.free_ticks + 1 if free and rested else 0
        if lock.free_ticks > _HELD_TICKS and "held" in lock.stances.values():
            yield _finding(step, f"nothing is under way and triggers are held: {lock.stances}")


def _take(lock: _Lock, record: Any, now_ns: int) -> None:
    match record:
        case TriggerChanged():
            own = record.stance == "held" and _OWN_REASON in record.reason
            lock.stances[record.subject] = "waits" if own else record.stance
        case LossesObserved():
            lock.labels += len(record)
        case LearningRequested():
            lock.open_, lock.asked_ns, lock.labels = True, now_ns, 0
            if record.subject not in ("first champion", "operator"):
                lock.booked_ns.append(now_ns)
        case TrainingFailed() | CandidateRejected():
            lock.open_ = False
        case Promoted() | RolloutEnded() | RolloutAdvanced():
            lock.open_ = lock.open_ and isinstance(record, RolloutAdvanced)
            lock.waits = False
        case ActionProposed():
            lock.waits |= record.action == "release"
        case OperatorActed() | AutonomySet():
            _heard(lock, record, now_ns)
        case RolledBack() if lock.undo_ns == now_ns:
            lock.asked_ns = now_ns  # the cool-down begins anew
        case _:
            pass


def _heard(lock: _Lock, record: OperatorActed | AutonomySet, now_ns: int) -> None:
    match record:
        case OperatorActed() if record.act in ("pause", "resume"):
            lock.paused = record.act == "pause"
        case OperatorActed() if record.act == "undo":
            lock.undo_ns = now_ns
        case AutonomySet():
            lock.level = record.level
        case _:
            pass


def _finding(step: TickSeen, text: str) -> Finding:
    return Finding(checker=NAME, tick=step.tick, text=text, stuck=True)
