"""Begin the rollout of an accepted candidate, or ask whoever operates the loop, or wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ostinato.core.ids import content_id
from ostinato.core.records import ActionProposed, Record, RolloutHeld
from ostinato.release.config import ReleaseConfig
from ostinato.release.rollout import begin, end
from ostinato.release.state import ReleaseState, Waiting
from ostinato.release.waiting import lapse, withdraw

REMEMBERED: Final = 1_000
"""Accepted versions that can be promoted by hand. Fewer: old ones cannot come back; more: the state
carries names nobody asks for."""


def accept(state: ReleaseState, config: ReleaseConfig, version: str, now_ns: int) -> list[Record]:
    """Take a candidate that the gates let through; it takes the place of one that waits.

    The first champion serves whatever the autonomy: a loop without one answers nobody.
    """
    others = [each for each in state.accepted if each != version]
    state.accepted = [*others, version][-REMEMBERED:]
    out = lapse(state, now_ns, f"{version}, accepted since, takes its place.")
    free = state.autonomy == "auto" and not state.paused
    if free or state.routes.champion is None:
        return out + begin(state, config, version, now_ns)
    state.waiting = Waiting(version=version)
    return out


def settle(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Do what autonomy and pause leave to do about the rollout and the candidate that waits."""
    if state.autonomy == "observe":
        return _observe(state, now_ns)
    waiting = state.waiting
    if waiting is None:
        return []
    if state.paused:
        return _hold(state, config, waiting, now_ns)
    if state.autonomy == "auto":
        state.waiting = None
        reason = "The autonomy is auto now: nothing is asked any more."
        asked = withdraw(waiting.version, waiting.proposal, now_ns, reason)
        return asked + begin(state, config, waiting.version, now_ns)
    return _propose(state, waiting, now_ns)


def _observe(state: ReleaseState, now_ns: int) -> list[Record]:
    reason = "The loop only observes."
    out: list[Record] = []
    if state.rollout is not None:
        out += end(state, now_ns, "kept", reason, {})
    return out + lapse(state, now_ns, f"{reason} A person can promote it.")


def _hold(
    state: ReleaseState, config: ReleaseConfig, waiting: Waiting, now_ns: int
) -> list[Record]:
    """Say once that a candidate would go on, were the loop not paused."""
    if waiting.held or waiting.proposal:
        return []
    state.waiting = replace(waiting, held=True)
    stages = config.rollout.stages()
    held = RolloutHeld(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=waiting.version,
        share=0.0,
        next_share=stages[0][0] if stages else 1.0,
        reason=f"It is not rolled out yet: paused by {state.paused}.",
    )
    return [held]


def _propose(state: ReleaseState, waiting: Waiting, now_ns: int) -> list[Record]:
    if waiting.proposal:
        return []
    proposal = content_id("p", "release", waiting.version, now_ns)
    state.waiting = replace(waiting, proposal=proposal)
    asked = ActionProposed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=waiting.version,
        reason="The gates accepted it. May it be rolled out?",
        action="release",
        proposal=proposal,
    )
    return [asked]
