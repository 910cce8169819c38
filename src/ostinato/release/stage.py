"""Give candidates traffic step by step; promote, abort, keep, roll back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    LossesObserved,
    Promoted,
    Record,
    RolledBack,
    RolloutAdvanced,
    RolloutEnded,
    Routes,
    RoutesChanged,
)
from ostinato.core.stage import Stage
from ostinato.core.units import duration_ns, format_duration
from ostinato.release.config import ReleaseConfig
from ostinato.release.plans import Rollout
from ostinato.release.proof import Prior, Proof
from ostinato.release.state import ReleaseState, RolloutState
from ostinato.stats.metrics import metric_for


def start(config: ReleaseConfig) -> ReleaseState:
    """Begin with no routes."""
    return ReleaseState(config_=config)


def step(state: ReleaseState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take accepted candidates and evidence; then decide on the rollout and on the way back."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    for record in inbox:
        match record:
            case CandidateEvaluated():
                _remember(state, config, record)
            case CandidateRejected():
                state.priors.pop(record.subject, None)
            case CandidateAccepted():
                out.extend(_begin(state, config, record.subject, now_ns))
            case LossesObserved():
                if state.rollout is not None:
                    state.rollout.proof.take(record, config.rollout)
                if state.look_back is not None:
                    state.look_back.take(record, config.rollout)
            case _:
                raise AssertionError(f"release does not want {record.kind}")
    out.extend(_look_back(state, config, now_ns))
    out.extend(_advance(state, config, now_ns))
    return out


def _remember(state: ReleaseState, config: ReleaseConfig, evaluated: CandidateEvaluated) -> None:
    """Keep what the recent set said of candidate and champion: it sets the bets of the proof."""
    row_loss = metric_for(config.task, config.metric).row_loss
    for each in evaluated.sets:
        if each.name == "recent" and each.champion is not None and len(each):
            champion, candidate = row_loss(each.labels, each.champion), row_loss(each.labels, each.candidate)
            prior = Prior.of(champion, candidate)
            if prior is not None:
                state.priors[evaluated.version] = prior


def _stamp(now_ns: int) -> dict[str, int]:
    return {"ts_event_ns": now_ns, "ts_record_ns": now_ns}


def _route(state: ReleaseState, now_ns: int, reason: str, **change: Any) -> RoutesChanged:
    state.routes = replace(state.routes, epoch=state.routes.epoch + 1, **change)
    return RoutesChanged(
        **_stamp(now_ns), subject=f"epoch {state.routes.epoch}", reason=reason, routes=state.routes
    )


def _begin(state: ReleaseState, config: ReleaseConfig, candidate: str, now_ns: int) -> list[Record]:
    if state.routes.champion is None:
        return _promote(state, config, candidate, now_ns, "The first champion serves.", {})
    stages = config.rollout.stages()
    if not stages:
        return _promote(state, config, candidate, now_ns, "The policy promotes at once.", {})
    state.rollout = RolloutState(
        challenger=candidate,
        began_ns=now_ns,
        step=-1,
        step_since_ns=now_ns,
        proof=Proof(
            champion=state.routes.champion,
            challenger=candidate,
            since_ns=now_ns,
            paired=config.paired,
            prior=state.priors.get(candidate),
        ),
    )
    return _enter(state, config, 0, now_ns)


def _enter(state: ReleaseState, config: ReleaseConfig, index: int, now_ns: int) -> list[Record]:
    """Enter a step of the rollout: its share, and the shadow scores that pair the evidence."""
    rollout = state.rollout
    assert rollout is not None, "only a rollout under way has steps"
    share, dwell = config.rollout.stages()[index]
    rollout.step, rollout.step_since_ns = index, now_ns
    what = f"answers {share:.0%} of the units" if share else "scores in the shadow"
    reason = f"The challenger {what} for at least {format_duration(dwell)}."
    advanced = RolloutAdvanced(
        **_stamp(now_ns),
        subject=rollout.challenger,
        share=share,
        reason=reason,
        evidence=rollout.proof.evidence(),
    )
    routed = _route(
        state,
        now_ns,
        reason,
        canary=rollout.challenger if share else None,
        canary_share=share,
        shadows=_shadows(state, rollout.challenger),
    )
    return [advanced, routed]


def _shadows(state: ReleaseState, challenger: str | None) -> tuple[str, ...]:
    watched = state.look_back.champion if state.look_back is not None else None
    return tuple(v for v in (challenger, watched) if v is not None)


def _advance(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    rollout, plan = state.rollout, config.rollout
    if rollout is None:
        return []
    verdict = rollout.proof.verdict(plan)
    evidence = rollout.proof.evidence()
    if verdict == "abort":
        return _end(state, now_ns, "aborted", "The challenger is worse than the champion.", evidence)
    stages = plan.stages()
    dwelt = now_ns - rollout.step_since_ns >= stages[rollout.step][1]
    if rollout.step + 1 < len(stages):
        return _enter(state, config, rollout.step + 1, now_ns) if dwelt else []
    if dwelt and not plan.proves:
        return _promote(state, config, rollout.challenger, now_ns, "The challenger is warm.", evidence)
    if dwelt and verdict == "promote":
        reason = f"The challenger is proved no worse than the champion by {plan.margin:.1%}."
        return _promote(state, config, rollout.challenger, now_ns, reason, evidence)
    over_time = now_ns - rollout.began_ns >= duration_ns(plan.cap)
    if verdict == "keep" or over_time:
        limit = "time" if over_time else "rows"
        reason = f"Not proved within the cap of {limit}: the champion stays."
        return _end(state, now_ns, "kept", reason, evidence)
    return []


def _end(
    state: ReleaseState, now_ns: int, outcome: str, reason: str, evidence: dict[str, Any]
) -> list[Record]:
    rollout = state.rollout
    assert rollout is not None, "only a rollout under way can end"
    state.rollout = None
    state.priors.pop(rollout.challenger, None)
    ended = RolloutEnded(
        **_stamp(now_ns), subject=rollout.challenger, outcome=outcome, reason=reason, evidence=evidence
    )
    routed = _route(
        state, now_ns, reason, canary=None, canary_share=0.0, shadows=_shadows(state, None)
    )
    return [ended, routed]


def _promote(
    state: ReleaseState,
    config: ReleaseConfig,
    version: str,
    now_ns: int,
    reason: str,
    evidence: dict[str, Any],
) -> list[Record]:
    previous, plan = state.routes.champion, config.rollout
    state.rollout = None
    _watch_over(state, config, version, previous, now_ns)
    state.priors.clear()
    promoted = Promoted(
        **_stamp(now_ns), subject=version, previous=previous, reason=reason, evidence=evidence
    )
    held = previous if plan.holdback > 0 else None
    routed = _route(
        state,
        now_ns,
        reason,
        champion=version,
        canary=None,
        canary_share=0.0,
        holdback=held,
        holdback_share=plan.holdback if held else 0.0,
        shadows=_shadows(state, None),
    )
    return [promoted, routed]


def _watch_over(
    state: ReleaseState, config: ReleaseConfig, version: str, previous: str | None, now_ns: int
) -> None:
    plan: Rollout = config.rollout
    state.look_back, state.look_back_until_ns = None, -1
    if previous is None or plan.watch is None or not config.paired:
        return  # without paired scores the previous champion has nothing to say any more
    state.look_back = Proof(
        champion=previous,
        challenger=version,
        since_ns=now_ns,
        paired=True,
        prior=state.priors.get(version),
    )
    state.look_back_until_ns = now_ns + duration_ns(plan.watch)


def _look_back(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Roll back when the new champion proves worse than the previous one."""
    watch = state.look_back
    if watch is None:
        return []
    if watch.verdict(config.rollout) == "abort":
        return _roll_back(state, watch, now_ns)
    if now_ns < state.look_back_until_ns:
        return []
    state.look_back = None
    challenger = state.rollout.challenger if state.rollout is not None else None
    return [
        _route(
            state,
            now_ns,
            "The watch over the last promotion ended without harm.",
            shadows=_shadows(state, challenger),
        )
    ]


def _roll_back(state: ReleaseState, watch: Proof, now_ns: int) -> list[Record]:
    reason = "The new champion is worse than the previous one."
    out: list[Record] = []
    if state.rollout is not None:  # it was being compared with a champion that leaves
        out += _end(state, now_ns, "aborted", "The champion it was compared with is rolled back.", {})
    state.look_back = None
    out.append(
        RolledBack(
            **_stamp(now_ns),
            subject=watch.challenger,
            previous=watch.champion,
            reason=reason,
            evidence=watch.evidence(),
        )
    )
    out.append(
        _route(
            state,
            now_ns,
            reason,
            champion=watch.champion,
            canary=None,
            canary_share=0.0,
            holdback=None,
            holdback_share=0.0,
            shadows=(),
        )
    )
    return out


STAGE = Stage("release", frozenset({"candidate_evaluated", "candidate_rejected", "candidate_accepted", "losses_observed"}), start, step)
