"""Obey people: promote, abort, undo, pause; what cannot be done is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ostinato.core.records import ActRefused, OperatorActed, Record
from ostinato.release.config import ReleaseConfig
from ostinato.release.look_back import roll_back
from ostinato.release.rollout import begin, end, promote
from ostinato.release.state import ReleaseState
from ostinato.release.waiting import lapse

Done = list[Record] | str
"""What was done, or why it cannot be done."""


def obey(
    state: ReleaseState, config: ReleaseConfig, act: OperatorActed, now_ns: int, *, asked: str
) -> list[Record]:
    """Do what a person asked for; `asked` is the proposal that was open when the tick began.

    What concerns learning, and acts that do not exist, are left to `decide`.
    """
    if act.act == "approve":
        done = _approve(state, config, act, now_ns, asked)
    elif act.act in _DOES:
        done = _DOES[act.act](state, config, act, now_ns)
    else:
        return []
    if not isinstance(done, str):
        return done
    refused = ActRefused(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject=act.act_id, reason=done, act=act.act
    )
    return [refused]


def _approve(
    state: ReleaseState, config: ReleaseConfig, act: OperatorActed, now_ns: int, asked: str
) -> Done:
    if state.paused or not asked or act.subject not in ("", asked):
        return []  # `decide` does or refuses it
    waiting = state.waiting
    if waiting is None or waiting.proposal != asked:
        return f"The proposal {asked} is overtaken."
    state.waiting = None
    by = {"approved_by": act.who, "proposal": asked, "act": act.act_id}
    return begin(state, config, waiting.version, now_ns, by)


def _promote(state: ReleaseState, config: ReleaseConfig, act: OperatorActed, now_ns: int) -> Done:
    version = act.subject or _candidate(state)
    if state.paused:
        return f"Nothing is released now: paused by {state.paused}; resume first."
    if not version:
        return "There is no challenger and no candidate that waits."
    if version == state.routes.champion:
        return f"{version} is champion already."
    if version not in state.accepted:
        return f"The gates did not accept {version}: nothing is released without their verdict."
    evidence, out = _by(act), list[Record]()
    rollout = state.rollout
    if rollout is not None and rollout.challenger == version:
        evidence |= rollout.proof.evidence(config.rollout.terms)
    elif rollout is not None:
        out += end(state, now_ns, "kept", f"{version} is promoted by hand.", {})
    reason = _said(act, "promoted it")
    return out + promote(state, config, version, now_ns, reason, evidence)


def _candidate(state: ReleaseState) -> str:
    if state.rollout is not None:
        return state.rollout.challenger
    return "" if state.waiting is None else state.waiting.version


def _abort(
    state: ReleaseState,
    config: ReleaseConfig,  # noqa: ARG001 - one signature for all acts
    act: OperatorActed,
    now_ns: int,
) -> Done:
    """End the rollout; without one, turn down the candidate that waits."""
    reason, named, rollout = _said(act, "aborted it"), act.subject, state.rollout
    if rollout is not None and named in ("", rollout.challenger):
        return end(state, now_ns, "aborted", reason, _by(act))
    waiting = state.waiting
    if waiting is not None and named in ("", waiting.version, waiting.proposal):
        return lapse(state, now_ns, reason, outcome="aborted")
    if rollout is None and waiting is None:
        return "No rollout is under way."
    return f"No rollout of {named} is under way."


def _undo(
    state: ReleaseState,
    config: ReleaseConfig,  # noqa: ARG001 - one signature for all acts
    act: OperatorActed,
    now_ns: int,
) -> Done:
    if state.previous is None:
        return "There is no previous champion to go back to."
    out = roll_back(state, state.previous, now_ns, _said(act, "went back"), _by(act))
    if state.rollout is not None:
        reason = "The champion it was compared with is rolled back."
        out += end(state, now_ns, "aborted", reason, _by(act))
    return out


def _pause(
    state: ReleaseState,
    config: ReleaseConfig,  # noqa: ARG001 - one signature for all acts
    act: OperatorActed,
    now_ns: int,  # noqa: ARG001 - as above
) -> Done:
    state.paused = state.paused or act.who or "somebody"  # `decide` refuses a second one
    return []


def _resume(
    state: ReleaseState,
    config: ReleaseConfig,  # noqa: ARG001 - one signature for all acts
    act: OperatorActed,  # noqa: ARG001 - as above
    now_ns: int,  # noqa: ARG001 - as above
) -> Done:
    state.paused = ""
    if state.rollout is not None:
        state.rollout.paused = False
    return []


def _said(act: OperatorActed, did: str) -> str:
    return f"{act.who} {did}: {act.reason}" if act.reason else f"{act.who} {did}."


def _by(act: OperatorActed) -> dict[str, Any]:
    return {"by": act.who, "act": act.act_id}


_DOES: Final[dict[str, Callable[[ReleaseState, ReleaseConfig, OperatorActed, int], Done]]] = {
    "promote": _promote,
    "abort": _abort,
    "undo": _undo,
    "pause": _pause,
    "resume": _resume,
}
