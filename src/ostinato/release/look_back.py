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
from ostinato.release.routing import route, watch_over
from ostinato.release.state import ReleaseState
from ostinato.release.waiting import lapse

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
    """Watch over a promotion, where there is a way back.

    Without pairs the losses of the previous champion are not known any more: then only serving
    errors are watched.
    """
    state.look_back = state.look_back_guards = state.look_back_until_ns = None
    watch = config.rollout.watch
    if previous is None or watch is None:
        return
    state.look_back = Proof(
        champion=previous,
        challenger=version,
        since_ns=now_ns,
        paired=config.paired,
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
        side_by_side=False,
    )
    state.look_back_until_ns = now_ns + duration_ns(watch)


def restart_look_back(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> None:
    """Watch over the last promotion by another plan, to the same end at the latest.

    Rows that were predicted before the change and whose labels come after it count: once the
    previous champion has stopped scoring there are no others.
    """
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
        state.look_back.since_ns = before.since_ns
        state.look_back.restarted = True


def look_back(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Roll back when the new champion proves worse than the previous one, or breaks a guardrail."""
    watch, guards = state.look_back, state.look_back_guards
    if watch is None or guards is None:
        return []
    broken, evidence = guards.crossed(config)
    if broken:
        reason = f"The new champion {broken} the previous one."
        return roll_back(state, watch.champion, now_ns, reason, evidence)
    terms = config.rollout.back_terms
    if watch.harmful(terms):
        return roll_back(state, watch.champion, now_ns, _WORSE, watch.evidence(terms))
    if watch_over(state, now_ns):
        return _end(state, config, watch, now_ns)
    return []


def _end(state: ReleaseState, config: ReleaseConfig, watch: Proof, now_ns: int) -> list[Record]:
    """End the watch once the labels of what was scored meanwhile are in; until then, stop scoring.

    All labels are in when everything up to the end has matured, or after the horizon.
    """
    until_ns = state.look_back_until_ns
    assert until_ns is not None, "a watch has an end"
    told = state.matured_to_ns >= until_ns or now_ns >= until_ns + config.horizon_ns
    if config.paired and not told:
        if watch.champion not in state.routes.shadows:
            return []
        reason = "The previous champion stops scoring; the labels of what it scored are awaited."
        return [route(state, now_ns, reason)]
    state.look_back = state.look_back_guards = state.look_back_until_ns = None
    return [route(state, now_ns, _ending(config, watch.rows))]


def _ending(config: ReleaseConfig, rows: int) -> str:
    least = config.rollout.min_samples
    if not config.paired:
        found = "without serving errors; where labels depend on the answer it sees no losses"
    elif rows < least:
        found = f"on {rows:,} labelled rows, too few to show harm: a verdict needs {least:,}"
    else:
        found = "without harm"
    return f"The watch over the last promotion ended {found}."


def roll_back(
    state: ReleaseState, previous: str, now_ns: int, reason: str, evidence: dict[str, Any]
) -> list[Record]:
    """Let the previous champion serve again; there is no way back from there."""
    champion = state.routes.champion
    assert champion is not None, "only a champion is rolled back"
    state.look_back = state.look_back_guards = state.look_back_until_ns = None
    state.previous = None
    back = RolledBack(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=champion,
        previous=previous,
        reason=reason,
        evidence=evidence,
    )
    routed = route(
        state,
        now_ns,
        reason,
        champion=previous,
        canary=None,
        canary_share=0.0,
        holdback=None,
    )
    return [back, routed, *lapse(state, now_ns, f"{previous} is champion again.")]
