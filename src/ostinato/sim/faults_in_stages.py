"""Planted defects of the stages and of the declaration they run under."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    Decision,
    LabelsArrived,
    OperatorActed,
    PredictionsMade,
    Promoted,
    Record,
    RoutesChanged,
    RowsMatured,
    TrainingFailed,
)
from ostinato.core.stage import Stage
from ostinato.decide.degradation import Degradation
from ostinato.loop.loop import Loop

Outbox = list[Record]
Step = Callable[[Any, Sequence[Record], int], Outbox]


def _after(stage: Stage, name: str, change: Callable[[Outbox], Outbox]) -> Stage:
    """Change what one stage makes."""
    if stage.name != name:
        return stage

    def step(state: Any, inbox: Sequence[Record], now_ns: int) -> Outbox:
        return change(stage.step(state, inbox, now_ns))

    return replace(stage, step=step)


def _before(stage: Stage, name: str, change: Callable[[Sequence[Record]], Outbox]) -> Stage:
    """Change what one stage is told."""
    if stage.name != name:
        return stage

    def step(state: Any, inbox: Sequence[Record], now_ns: int) -> Outbox:
        return stage.step(state, change(inbox), now_ns)

    return replace(stage, step=step)


def _policy(loop: Loop, **changes: Any) -> Loop:
    return replace(loop, policy=replace(loop.policy, **changes))


def unasked(stage: Stage) -> Stage:
    """Release without asking, whatever the autonomy."""
    return _before(stage, "release", lambda inbox: [r for r in inbox if r.kind != "autonomy_set"])


def deaf(stage: Stage) -> Stage:
    """Do not hear people who go back to the previous champion."""

    def hear(inbox: Sequence[Record]) -> Outbox:
        return [r for r in inbox if not isinstance(r, OperatorActed) or r.act != "undo"]

    return _before(stage, "release", hear)


def double_label(stage: Stage) -> Stage:
    """Give matured rows twice."""

    def change(made: Outbox) -> Outbox:
        return [*made, *(r for r in made if isinstance(r, RowsMatured) and not r.revision)]

    return _after(stage, "join", change)


def stale_label(stage: Stage) -> Stage:
    """Tell the join that all labels became known at once."""

    def change(inbox: Sequence[Record]) -> Outbox:
        return [
            replace(r, times_ns=np.zeros_like(r.times_ns)) if isinstance(r, LabelsArrived) else r
            for r in inbox
        ]

    return _before(stage, "join", change)


def skip_gate(stage: Stage) -> Stage:
    """Accept whatever was refused."""

    def change(made: Outbox) -> Outbox:
        return [_accepted(r) if isinstance(r, CandidateRejected) else r for r in made]

    return _after(stage, "gate", change)


def _accepted(refused: CandidateRejected) -> CandidateAccepted:
    return CandidateAccepted(
        ts_event_ns=refused.ts_event_ns,
        ts_record_ns=refused.ts_record_ns,
        subject=refused.subject,
        reason=refused.reason,
    )


def share_leak(stage: Stage) -> Stage:
    """Let the canary answer half of the champion's units too."""

    def change(made: Outbox) -> Outbox:
        return [_leaked(r) if isinstance(r, PredictionsMade) else r for r in made]

    return _after(stage, "serve", change)


def _leaked(made: PredictionsMade) -> PredictionsMade:
    canary = made.answered[made.roles == 1]
    if not len(canary):
        return made
    leaks = (made.unit_hashes % np.uint64(2) == 0) & (made.roles == 0)
    return replace(
        made,
        answered=np.where(leaks, canary[0], made.answered),
        roles=np.where(leaks, np.int8(1), made.roles),
    )


def no_way_back(stage: Stage) -> Stage:
    """Unload the previous champion at once."""

    def change(made: Outbox) -> Outbox:
        promoted = any(isinstance(record, Promoted) for record in made)
        return [_bare(r) if promoted and isinstance(r, RoutesChanged) else r for r in made]

    return _after(stage, "release", change)


def _bare(changed: RoutesChanged) -> RoutesChanged:
    bare = replace(changed.routes, shadows=(), holdback=None, holdback_share=0.0)
    return replace(changed, routes=bare)


def hash_order(stage: Stage) -> Stage:
    """Put the words of every reason in the order of a set."""

    def change(made: Outbox) -> Outbox:
        return [
            replace(r, reason=" ".join(list({*r.reason.split()}))) if isinstance(r, Decision) else r
            for r in made
        ]

    return _after(stage, "decide", change)


def held_lock(stage: Stage) -> Stage:
    """Do not tell the triggers that a candidate came to nothing."""

    def change(inbox: Sequence[Record]) -> Outbox:
        return [r for r in inbox if not isinstance(r, CandidateRejected | TrainingFailed)]

    return _before(stage, "decide", change)


def endless_labels(stage: Stage) -> Stage:
    """Let the join believe that no time passes, so that nothing is ever overdue."""
    if stage.name != "join":
        return stage

    def step(state: Any, inbox: Sequence[Record], now_ns: int) -> Outbox:
        return stage.step(state, inbox, min(now_ns, 0))

    return replace(stage, step=step)


def exception(stage: Stage) -> Stage:
    """Raise when a candidate comes."""

    def change(inbox: Sequence[Record]) -> Outbox:
        if any(isinstance(record, CandidateEvaluated) for record in inbox):
            raise ValueError("planted: the gate cannot judge")
        return list(inbox)

    return _before(stage, "gate", change)


def early_maturity(loop: Loop) -> Loop:
    """Run with a shorter horizon than was declared."""
    return replace(loop, label=replace(loop.label, horizon="1h"))


def no_cooldown(loop: Loop) -> Loop:
    """Run without a cool-down and with a budget that is never spent."""
    return _policy(loop, cooldown="1m", max_retrains=10_000)


def endless_rollout(loop: Loop) -> Loop:
    """Run with a cap that never comes and a proof that is never complete."""
    never = replace(loop.policy.rollout, cap="1000d", min_samples=10**9)
    return _policy(loop, rollout=never)


def noisy_alarm(loop: Loop) -> Loop:
    """Run with charts that alarm every few events."""
    return _policy(loop, triggers=[_noisy(trigger) for trigger in loop.policy.triggers])


def _noisy(trigger: Any) -> Any:
    if isinstance(trigger, Degradation) and trigger.chart == "e":
        return replace(trigger, arl=1.5)
    return trigger
