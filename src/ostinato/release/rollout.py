"""A candidate's way to the users: begin, step by step, promote or end."""

from __future__ import annotations

from typing import Any

from ostinato.core.records import (
    Promoted,
    Record,
    RolloutAdvanced,
    RolloutEnded,
    RolloutFrozen,
    RolloutHeld,
)
from ostinato.core.units import duration_ns, format_duration
from ostinato.release.config import ReleaseConfig
from ostinato.release.guards import Guards
from ostinato.release.look_back import begin_look_back
from ostinato.release.plans import Canary, Rollout
from ostinato.release.proof import Proof
from ostinato.release.ratio import Ratio
from ostinato.release.routing import route
from ostinato.release.state import ReleaseState, RolloutState
from ostinato.release.traffic import exposure, outlook
from ostinato.release.waiting import lapse


def begin(
    state: ReleaseState,
    config: ReleaseConfig,
    candidate: str,
    now_ns: int,
    approved: dict[str, Any] | None = None,
) -> list[Record]:
    """Begin to roll a candidate out; the first one, and one that needs no steps, serves at once.

    `approved`: by whom, for the evidence.
    """
    by = approved or {}
    out: list[Record] = []
    if state.rollout is not None:  # accepted from outside: the triggers wait for a rollout's end
        out += end(state, now_ns, "kept", f"{candidate} takes its place.", {})
    champion, plan = state.routes.champion, config.rollout
    if champion is None:
        return out + promote(state, config, candidate, now_ns, "The first champion serves.", by)
    if not plan.stages():
        return out + promote(state, config, candidate, now_ns, "The policy promotes at once.", by)
    priors = state.priors.get(candidate, {})
    prior = priors.get(config.metric)
    enough = True
    facts: dict[str, Any] = {}
    if plan.proves:
        enough, facts = outlook(state.labelled, config, prior, now_ns=now_ns)
    rollout = _rollout(state, config, champion, candidate, now_ns)
    state.rollout = rollout
    if not enough:
        return out + end(state, now_ns, "kept", _too_few(plan, facts), facts | by)
    return out + _enter(state, config, 0, now_ns, facts | by)


def _rollout(
    state: ReleaseState, config: ReleaseConfig, champion: str, candidate: str, now_ns: int
) -> RolloutState:
    priors = state.priors.get(candidate, {})
    proof = Proof(
        champion=champion,
        challenger=candidate,
        since_ns=now_ns,
        paired=config.paired,
        prior=priors.get(config.metric),
        explored=config.explored,
    )
    proof.begin(config.rollout.terms)
    guards = Guards.begin(
        config,
        champion=champion,
        challenger=candidate,
        since_ns=now_ns,
        priors=priors,
        side_by_side=True,
    )
    return RolloutState(
        challenger=candidate,
        began_ns=now_ns,
        step=-1,
        step_since_ns=now_ns,
        proof=proof,
        guards=guards,
    )


def restart(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Go on with the rollout under way by another plan: its last step of no larger a share.

    It began when it did and stays frozen if it was; without such a step it ends.
    """
    before, stages = state.rollout, config.rollout.stages()
    if before is None:
        return []
    if not stages:
        return end(state, now_ns, "kept", "The policy has no steps any more.", {})
    share = state.routes.canary_share
    fitting = [index for index, (each, _) in enumerate(stages) if each <= share]
    if not fitting:
        reason = f"The policy has no step of {100 * share:g}% of the units or less any more."
        return end(state, now_ns, "kept", reason, {})
    proof = before.proof
    rollout = _rollout(state, config, proof.champion, proof.challenger, now_ns)
    rollout.began_ns, rollout.frozen, rollout.restarted = before.began_ns, before.frozen, True
    state.rollout = rollout
    return _enter(state, config, fitting[-1], now_ns, {})


def _too_few(plan: Rollout, facts: dict[str, Any]) -> str:
    return (
        f"The cap of {format_duration(duration_ns(plan.cap))} brings about "
        f"{facts['rows_expected']:,} labelled rows, with labels that come "
        f"{format_duration(facts['labels_late_ns'])} late, and a verdict needs "
        f"{plan.min_samples:,}: the champion stays. "
        "Give the rollout a longer cap, or lower its min_samples."
    )


def advance(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Let the evidence decide on the rollout under way: abort, keep, next step or promote."""
    rollout, plan = state.rollout, config.rollout
    if rollout is None:
        return []
    verdict = rollout.proof.verdict(plan.terms)
    outcome, reason, evidence = _ending(rollout, config, verdict, now_ns)
    if outcome:
        return end(state, now_ns, outcome, reason, evidence)
    stages = plan.stages()
    last = rollout.step + 1 == len(stages)
    early = rollout.frozen or now_ns - rollout.step_since_ns < stages[rollout.step][1]
    if early or (last and plan.proves and verdict != "promote"):
        return []
    if state.paused:
        return _paused(state, config, rollout, now_ns)
    if not last:
        return _next(state, config, rollout, now_ns)
    reason = "The challenger is warm."
    if plan.proves:
        reason = f"The challenger is proved no worse than the champion by {plan.margin:.1%}."
    return promote(state, config, rollout.challenger, now_ns, reason, evidence)


def _ending(
    rollout: RolloutState, config: ReleaseConfig, verdict: str, now_ns: int
) -> tuple[str, str, dict[str, Any]]:
    """Say how and why the rollout must end without promotion, empty texts when it need not.

    The third is the evidence, whichever way it goes on.
    """
    plan = config.rollout
    broken, evidence = rollout.guards.crossed(config)
    if broken:
        return "aborted", f"The challenger {broken} the champion.", evidence
    evidence = rollout.proof.evidence(plan.terms)
    if verdict == "abort":
        return "aborted", "The challenger is worse than the champion.", evidence
    late = now_ns - rollout.began_ns >= duration_ns(plan.cap)
    if rollout.frozen:
        reason = "The rollout was frozen until the cap of time: the champion stays."
        return ("kept" if late else ""), reason, evidence
    if not plan.proves or verdict == "promote":
        return "", "", evidence
    if verdict == "keep":
        return "kept", "Not proved within the cap of evidence: the champion stays.", evidence
    reason = "Not proved within the cap of time: the champion stays."
    return ("kept" if late else ""), reason, evidence


def freeze(state: ReleaseState, now_ns: int) -> list[Record]:
    """Freeze the rollout when its units do not reach the arms in the shares that were set."""
    rollout = state.rollout
    if rollout is None or rollout.frozen or rollout.ratio is None:
        return []
    if not rollout.ratio.test.crossed:
        return []
    rollout.frozen = True
    frozen = RolloutFrozen(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=rollout.challenger,
        reason="Units do not reach the challenger in the share that was set: its assignment, or "
        "what is logged of it, is broken, and no comparison of the arms can be trusted.",
        evidence=rollout.ratio.evidence(),
    )
    return [frozen]


def _next(
    state: ReleaseState, config: ReleaseConfig, rollout: RolloutState, now_ns: int
) -> list[Record]:
    """Enter the next step, or stay while it could do more harm than the budget allows."""
    plan, index = config.rollout, rollout.step + 1
    share, _ = plan.stages()[index]
    if not isinstance(plan, Canary) or plan.harm_budget is None:
        return _enter(state, config, index, now_ns, {})
    # It lasts until there is a verdict, which may be as late as the cap.
    left_ns = rollout.began_ns + duration_ns(plan.cap) - now_ns
    fits, facts = exposure(
        state.requests, rollout.proof, share=share, time_ns=left_ns, budget=plan.harm_budget
    )
    if fits:
        return _enter(state, config, index, now_ns, facts)
    if rollout.waiting:
        return []
    rollout.waiting = True
    why = f"{100 * share:g}% of the units could do more harm than the budget allows."
    return [_held(config, rollout, share, why, facts, now_ns)]


def _paused(
    state: ReleaseState, config: ReleaseConfig, rollout: RolloutState, now_ns: int
) -> list[Record]:
    """Stay though evidence and time would let it go on; say so once per pause."""
    if rollout.paused:
        return []
    rollout.paused, stages = True, config.rollout.stages()
    share = stages[rollout.step + 1][0] if rollout.step + 1 < len(stages) else 1.0
    return [_held(config, rollout, share, f"paused by {state.paused}.", {}, now_ns)]


def _held(
    config: ReleaseConfig,
    rollout: RolloutState,
    share: float,
    why: str,
    facts: dict[str, Any],
    now_ns: int,
) -> RolloutHeld:
    now_share = config.rollout.stages()[rollout.step][0]
    return RolloutHeld(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=rollout.challenger,
        share=now_share,
        next_share=share,
        reason=f"The challenger stays at {100 * now_share:g}%: {why}",
        evidence=rollout.proof.evidence(config.rollout.terms) | facts,
    )


def _enter(
    state: ReleaseState, config: ReleaseConfig, index: int, now_ns: int, facts: dict[str, Any]
) -> list[Record]:
    """Enter a step of the rollout: its share, and the shadow scores that pair the evidence."""
    rollout, plan = state.rollout, config.rollout
    assert rollout is not None, "only a rollout under way has steps"
    share, dwell = plan.stages()[index]
    rollout.step, rollout.step_since_ns, rollout.waiting = index, now_ns, False
    what = f"answers {100 * share:g}% of the units" if share else "scores in the shadow"
    reason = f"The challenger {what} for at least {format_duration(dwell)}."
    evidence = rollout.proof.evidence(plan.terms) | facts
    canary = rollout.challenger if share else None
    routed = route(state, now_ns, reason, canary=canary, canary_share=share)
    rollout.guards.enter(now_ns)
    if share:
        rollout.ratio = Ratio.begin(share, epoch=routed.routes.epoch, steps=len(plan.stages()))
    advanced = RolloutAdvanced(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=rollout.challenger,
        share=share,
        reason=reason,
        evidence=evidence,
    )
    return [advanced, routed]


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
    if rollout.step < 0:  # it never began: the routes know nothing of it
        return [ended]
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
    previous = state.previous = state.routes.champion
    state.rollout = None
    priors = state.priors.pop(version, {})
    begin_look_back(state, config, version=version, previous=previous, priors=priors, now_ns=now_ns)
    promoted = Promoted(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=version,
        previous=previous,
        reason=reason,
        evidence=evidence,
    )
    routed = route(
        state,
        now_ns,
        reason,
        champion=version,
        canary=None,
        canary_share=0.0,
        holdback=previous,
    )
    waiting = state.waiting
    if waiting is not None and waiting.version == version:
        state.waiting = None
    return [promoted, routed, *lapse(state, now_ns, f"{version} is champion now.")]
