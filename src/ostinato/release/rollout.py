"""A candidate's way to the users: begin, step by step, promote or end."""

from __future__ import annotations

from typing import Any

from ostinato.core.records import Promoted, Record, RolloutAdvanced, RolloutEnded
from ostinato.core.units import duration_ns, format_duration
from ostinato.release.config import ReleaseConfig
from ostinato.release.look_back import begin_look_back
from ostinato.release.plans import Rollout
from ostinato.release.proof import Proof
from ostinato.release.routing import route
from ostinato.release.state import ReleaseState, RolloutState


def begin(state: ReleaseState, config: ReleaseConfig, candidate: str, now_ns: int) -> list[Record]:
    """Begin to roll a candidate out; the first one, and one that needs no steps, serves at once."""
    out: list[Record] = []
    if state.rollout is not None:  # accepted from outside: the triggers wait for a rollout's end
        out += end(state, now_ns, "kept", f"{candidate} takes its place.", {})
    champion, stages = state.routes.champion, config.rollout.stages()
    if champion is None:
        return out + promote(state, config, candidate, now_ns, "The first champion serves.", {})
    if not stages:
        return out + promote(state, config, candidate, now_ns, "The policy promotes at once.", {})
    state.rollout = RolloutState(
        challenger=candidate,
        began_ns=now_ns,
        step=-1,
        step_since_ns=now_ns,
        proof=Proof(
            champion=champion,
            challenger=candidate,
            since_ns=now_ns,
            paired=config.paired,
            prior=state.priors.get(candidate),
            explored=config.explored,
        ),
    )
    return out + _enter(state, config, 0, now_ns)


def advance(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Let the evidence decide on the rollout under way: abort, keep, next step or promote."""
    rollout, plan = state.rollout, config.rollout
    if rollout is None:
        return []
    verdict = rollout.proof.verdict(plan)
    outcome, reason = _ending(state, rollout, plan, verdict, now_ns)
    if outcome:
        return end(state, now_ns, outcome, reason, rollout.proof.evidence())
    stages = plan.stages()
    if now_ns - rollout.step_since_ns < stages[rollout.step][1]:
        return []
    if rollout.step + 1 < len(stages):
        return _enter(state, config, rollout.step + 1, now_ns)
    if plan.proves and verdict != "promote":
        return []
    reason = "The challenger is warm."
    if plan.proves:
        reason = f"The challenger is proved no worse than the champion by {plan.margin:.1%}."
    return promote(state, config, rollout.challenger, now_ns, reason, rollout.proof.evidence())


def _ending(
    state: ReleaseState, rollout: RolloutState, plan: Rollout, verdict: str, now_ns: int
) -> tuple[str, str]:
    """Say how and why the rollout must end without promotion; two empty texts when it need not."""
    if rollout.challenger in state.faulty and rollout.proof.champion not in state.faulty:
        return "aborted", "The challenger could not score requests."
    if verdict == "abort":
        return "aborted", "The challenger is worse than the champion."
    if not plan.proves or verdict == "promote":
        return "", ""
    if verdict == "keep":
        return "kept", "Not proved within the cap of rows: the champion stays."
    if now_ns - rollout.began_ns >= duration_ns(plan.cap):
        return "kept", "Not proved within the cap of time: the champion stays."
    return "", ""


def _enter(state: ReleaseState, config: ReleaseConfig, index: int, now_ns: int) -> list[Record]:
    """Enter a step of the rollout: its share, and the shadow scores that pair the evidence."""
    rollout = state.rollout
    assert rollout is not None, "only a rollout under way has steps"
    share, dwell = config.rollout.stages()[index]
    rollout.step, rollout.step_since_ns = index, now_ns
    what = f"answers {100 * share:g}% of the units" if share else "scores in the shadow"
    reason = f"The challenger {what} for at least {format_duration(dwell)}."
    advanced = RolloutAdvanced(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=rollout.challenger,
        share=share,
        reason=reason,
        evidence=rollout.proof.evidence(),
    )
    canary = rollout.challenger if share else None
    return [advanced, route(state, now_ns, reason, canary=canary, canary_share=share)]


def end(
    state: ReleaseState, now_ns: int, outcome: str, reason: str, evidence: dict[str, Any]
) -> list[Record]:
    """End the rollout under way without promotion: the champion answers all units again."""
    rollout = state.rollout
    assert rollout is not None, "only a rollout under way can end"
    state.rollout = None
    state.priors.pop(rollout.challenger, None)
    ended = RolloutEnded(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=rollout.challenger,
        outcome=outcome,
        reason=reason,
        evidence=evidence,
    )
    return [ended, route(state, now_ns, reason, canary=None, canary_share=0.0)]


def promote(
    state: ReleaseState,
    config: ReleaseConfig,
    version: str,
    now_ns: int,
    reason: str,
    evidence: dict[str, Any],
) -> list[Record]:
    """Let a version serve; the previous champion stays loaded, and warm while it is watched."""
    previous, plan = state.routes.champion, config.rollout
    state.rollout = None
    prior = state.priors.pop(version, None)
    begin_look_back(state, config, version=version, previous=previous, prior=prior, now_ns=now_ns)
    promoted = Promoted(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=version,
        previous=previous,
        reason=reason,
        evidence=evidence,
    )
    held = previous if plan.holdback > 0 else None
    routed = route(
        state,
        now_ns,
        reason,
        champion=version,
        canary=None,
        canary_share=0.0,
        holdback=held,
        holdback_share=plan.holdback if held else 0.0,
    )
    return [promoted, routed]
