"""After a promotion: keep the previous champion scoring, and go back to it when that was better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostinato.core.records import Record, RolledBack
from ostinato.core.units import duration_ns
from ostinato.release.config import ReleaseConfig
from ostinato.release.guards import Guards
from ostinato.release.prior import Prior
from ostinato.release.proof import Proof
from ostinato.release.routing import route
from ostinato.release.state import ReleaseState

_WORSE = "The new champion is worse than the previous one by more than the margin."


def begin_look_back(
    state: ReleaseState,
    config: ReleaseConfig,
    *,
    version: str,
    previous: str | None,
    priors: Mapping[str, Prior],
    now_ns: int,
) -> None:
    """Watch over a promotion, where there is a way back and a pair to compare."""
    state.look_back = state.look_back_guards = state.look_back_until_ns = None
    watch = config.rollout.watch
    if previous is None or watch is None or not config.paired:
        return  # without paired scores the previous champion has nothing to say any more
    state.look_back = Proof(
        champion=previous,
        challenger=version,
        since_ns=now_ns,
        paired=True,
        prior=priors.get(config.metric),
        lenient=True,
        explored=config.explored,
    )
    state.look_back.begin(config.rollout.back_terms)
    state.look_back_guards = Guards.begin(
        config,
        champion=previous,
        challenger=version,
        since_ns=now_ns,
        priors=priors,
        fresh=False,  # the previous champion's replicas are old
    )
    state.look_back_until_ns = now_ns + duration_ns(watch)


def restart_look_back(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> None:
    """Watch over the last promotion by another plan, to the same end at the latest."""
    before, until_ns = state.look_back, state.look_back_until_ns
    if before is None or until_ns is None:
        return
    begin_look_back(
        state,
        config,
        version=before.challenger,
        previous=before.champion,
        priors={} if before.prior is None else {config.metric: before.prior},
        now_ns=now_ns,
    )
    if state.look_back is not None and state.look_back_until_ns is not None:
        state.look_back_until_ns = min(state.look_back_until_ns, until_ns)
        state.look_back.restarted = True


def look_back(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Roll back when the new champion proves worse than the previous one, or breaks a guardrail."""
    watch, guards = state.look_back, state.look_back_guards
    if watch is None or guards is None:
        return []
    broken, evidence = guards.crossed(config)
    if broken:
        reason = f"The new champion {broken} the previous one."
        return _roll_back(state, watch, now_ns, reason, evidence)
    terms = config.rollout.back_terms
    if watch.harmful(terms):
        return _roll_back(state, watch, now_ns, _WORSE, watch.evidence(terms))
    assert state.look_back_until_ns is not None, "a watch has an end"
    if now_ns < state.look_back_until_ns:
        return []
    state.look_back = state.look_back_guards = state.look_back_until_ns = None
    return [route(state, now_ns, "The watch over the last promotion ended without harm.")]


def _roll_back(
    state: ReleaseState, watch: Proof, now_ns: int, reason: str, evidence: dict[str, Any]
) -> list[Record]:
    state.look_back = state.look_back_guards = state.look_back_until_ns = None
    back = RolledBack(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=watch.challenger,
        previous=watch.champion,
        reason=reason,
        evidence=evidence,
    )
    routed = route(
        state,
        now_ns,
        reason,
        champion=watch.champion,
        canary=None,
        canary_share=0.0,
        holdback=None,
        holdback_share=0.0,
    )
    return [back, routed]
