"""The kernel: seven stages and one function.

`step` folds a batch of records into the state and returns what the stages made of it. It reads no
clock, draws no randomness and does no I/O: what it returns depends on the state, the batch and
`now_ns` alone. Live service, replay and simulation differ in what they hand in and where they put
what comes out; they share this file, which is what makes a replay evidence.

A record reaches a stage when the stage next runs: the stages after its maker in the same step, the
stages before it in the next one. So the circle closes through the journal (`RoutesChanged` changes
what `serve` does next), not through an import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ostinato.core import snapshot as plain
from ostinato.core.errors import LoopError, StoreError
from ostinato.core.records import (
    AutonomySet,
    Decision,
    LoopStarted,
    OperatorActed,
    PolicyChanged,
    Record,
)
from ostinato.core.stage import Stage
from ostinato.decide import stage as decide
from ostinato.gate import stage as gate
from ostinato.join import stage as join
from ostinato.learn import stage as learn
from ostinato.release import stage as release
from ostinato.serve import stage as serve
from ostinato.watch import stage as watch

STAGES: tuple[Stage, ...] = (
    serve.STAGE,
    join.STAGE,
    watch.STAGE,
    decide.STAGE,
    learn.STAGE,
    gate.STAGE,
    release.STAGE,
)

ACTS_REMEMBERED: Final = 1_000
"""Acts whose retries are known. Fewer: one that is told again late counts twice; more: the state
grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A loop made ready to run: one configuration per stage, and what identifies the whole.

    Parameters
    ----------
    name
        Name of the loop.
    policy_digest
        Digest of everything that was declared; stands in each decision.
    policy
        The declaration itself, in plain values, for the first entry of the journal.
    seed
        Seed of the run.
    stages
        Configuration by stage name.
    remark
        A sentence for the first entry of the journal, on what the run cannot show; empty: none.
    """

    name: str
    policy_digest: str
    policy: Mapping[str, Any]
    seed: int
    stages: Mapping[str, Any]
    remark: str = ""


@dataclass(slots=True)
class LoopState:
    """All state of a loop. `step` owns it: use what `step` returns, keep copies by `snapshot`.

    `backlog` holds, per stage, the records it has not seen yet; `next_seq` numbers decisions;
    `policy_digest` is that of the plan the state was made under; `acts` the ids of what people last
    asked for, so that a retry counts once.
    """

    next_seq: int = 0
    policy_digest: str = ""
    stages: dict[str, Any] = field(default_factory=dict)
    backlog: dict[str, list[Record]] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)
    plan_: Plan | None = None


def start(plan: Plan) -> LoopState:
    """Begin a loop.

    Raises
    ------
    LoopError
        If the plan does not hold one configuration for each stage.
    """
    names, given = [stage.name for stage in STAGES], list(plan.stages)
    if sorted(given) != sorted(names):
        raise LoopError(
            "The plan does not fit the stages",
            found=", ".join(given) or "nothing",
            expected=", ".join(names),
        )
    return LoopState(
        policy_digest=plan.policy_digest,
        stages={stage.name: stage.start(plan.stages[stage.name]) for stage in STAGES},
        backlog={stage.name: [] for stage in STAGES},
        plan_=plan,
    )


def step(state: LoopState, batch: Sequence[Record], now_ns: int) -> tuple[LoopState, list[Record]]:
    """Fold the next batch of records into the state.

    Parameters
    ----------
    state
        From `start`, `restore` or the last `step`. Owned by this call; use the one returned.
    batch
        What happened since the last tick, in order: requests, labels, results of effects, and last
        what people asked for. Decisions among it are numbered here.
    now_ns
        The tick's time; never smaller than at the last tick.

    Returns
    -------
    (LoopState, list of Record)
        The state after the batch, and everything that happened: the batch first, then what the
        stages made, in order. Decisions among it carry their `seq` and go to the journal before
        anyone acts on them.
    """
    plan = state.plan_
    assert plan is not None, "a state comes from start or restore"
    made: list[Record] = []
    if state.next_seq == 0:
        _emit(state, plan, made, [_started(plan, now_ns)])
    for record in batch:
        if not _told_before(state, record):
            _emit(state, plan, made, [record])
    for stage in STAGES:
        inbox, state.backlog[stage.name] = state.backlog[stage.name], []
        _emit(state, plan, made, stage.step(state.stages[stage.name], inbox, now_ns))
    return state, made


def _told_before(state: LoopState, record: Record) -> bool:
    """Say whether a person's act is a retry of one that was told; remember it if not."""
    if not isinstance(record, OperatorActed | AutonomySet) or not record.act_id:
        return False
    if record.act_id in state.acts:
        return True
    state.acts = [*state.acts, record.act_id][-ACTS_REMEMBERED:]
    return False


def _started(plan: Plan, now_ns: int) -> LoopStarted:
    return LoopStarted(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=plan.name,
        reason=f"The loop starts under this policy. {plan.remark}".rstrip(),
        evidence=plan.policy,
        seed=plan.seed,
    )


def _emit(state: LoopState, plan: Plan, made: list[Record], records: Sequence[Record]) -> None:
    """Number the decisions, and put every record before the stages that want its kind."""
    for record in records:
        if isinstance(record, Decision):
            record = replace(record, seq=state.next_seq, policy_digest=plan.policy_digest)  # noqa: PLW2901 - the numbered record takes its place
            state.next_seq += 1
        made.append(record)
        for stage in STAGES:
            if record.kind in stage.wants:
                state.backlog[stage.name].append(record)


MAY_CHANGE: Final = ("policy", "suite")
"""What of a declaration may change while the loop runs."""


def change_policy(state: LoopState, plan: Plan, now_ns: int) -> tuple[LoopState, list[Record]]:
    """Go on under another policy, between two steps.

    Evidence is worth nothing if its rules change while it is gathered: a trigger or proof whose
    parameters are other ones begins anew, and the journal says so. All else goes on: the routes,
    the labels waited for, the triggers and the rollout that stay as they were.

    Parameters
    ----------
    state
        As for `step`; it stays as it was when anything is raised.
    plan
        Of the same loop; only the policy and the validation suite may differ.
    now_ns
        The moment of the change; never smaller than at the last tick.

    Returns
    -------
    (LoopState, list of Record)
        As for `step`: `PolicyChanged` first, after the start where there was no step yet; then what
        the stages had to say.

    Raises
    ------
    LoopError
        If more than the policy and the suite differ.
    """
    before = state.plan_
    assert before is not None, "a state comes from start or restore"
    other = _differences(before.policy, plan.policy)
    fixed = [name for name in other if name not in MAY_CHANGE]
    if fixed or plan.seed != before.seed:
        raise LoopError(
            "Only the policy and the suite of a running loop can be changed",
            found="other " + ", ".join(fixed or ["seed"]),
            expected="a plan of the same loop",
            hint="Start a new loop for other data, features, labels or learners.",
        )
    state = restore(before, snapshot(state))  # a stage that raises leaves the one given whole
    made: list[Record] = []
    if state.next_seq == 0:
        _emit(state, before, made, [_started(before, now_ns)])
    state.plan_, state.policy_digest = plan, plan.policy_digest
    _emit(state, plan, made, [_policy_changed(before, plan, now_ns)])
    for stage in STAGES:
        config = plan.stages[stage.name]
        _emit(state, plan, made, stage.adopt(state.stages[stage.name], config, now_ns))
    return state, made


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def _policy_changed(before: Plan, plan: Plan, now_ns: int) -> PolicyChanged:
    changed = _differences(before.policy["policy"], plan.policy["policy"])
    evidence = {name: plan.policy["policy"].get(name) for name in changed}
    if before.policy.get("suite") != plan.policy.get("suite"):
        changed.append("suite")
        evidence["suite"] = plan.policy.get("suite")
    return PolicyChanged(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=plan.name,
        reason=f"The policy was changed: {', '.join(changed)}." if changed else "Nothing changed.",
        evidence=evidence,
        previous=before.policy_digest,
    )


def snapshot(state: LoopState) -> bytes:
    """Write all state down; equal states give equal bytes."""
    return plain.encode(state)


def restore(plan: Plan, data: bytes) -> LoopState:
    """Rebuild the state written by `snapshot`, under the plan it was made with.

    Raises
    ------
    StoreError
        If the bytes are not a snapshot of a loop.
    LoopError
        If it was made under another plan.
    """
    state = plain.decode(data)
    if not isinstance(state, LoopState):
        raise StoreError(
            "The snapshot is not one of a loop",
            found=type(state).__name__,
            expected="bytes written by ostinato.loop.kernel.snapshot",
        )
    if state.policy_digest != plan.policy_digest:
        raise LoopError(
            "The snapshot was made under another plan",
            found=state.policy_digest[:12],
            expected=plan.policy_digest[:12],
            hint="Restore under the loop and policy it was made with, then `change_policy`.",
        )
    state.plan_ = plan
    for stage in STAGES:
        state.stages[stage.name].config_ = plan.stages[stage.name]
    return state
