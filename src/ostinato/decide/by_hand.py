"""Obey people: what they ask for is done, or refused with the reason; never ignored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ostinato.core.records import (
    ACTS,
    ALARM_ACTS,
    AUTONOMY,
    ActRefused,
    AutonomySet,
    OperatorActed,
    Record,
)
from ostinato.decide import alarm_acts
from ostinato.decide.asking import lapse, request, seen_of, wish_of
from ostinato.decide.config import DecideConfig
from ostinato.decide.data_quality import broken_data
from ostinato.decide.parity import broken_parity
from ostinato.decide.state import DecideState, Wish

Act = OperatorActed | AutonomySet

_OF_RELEASE: Final = ("promote", "abort", "undo")


def obey(
    state: DecideState, config: DecideConfig, acts: Sequence[Act], now_ns: int
) -> list[Record]:
    """Do what people asked for in this tick, in order."""
    out: list[Record] = []
    for act in acts:
        if isinstance(act, AutonomySet):
            out.extend(_set(state, act, now_ns))
        else:
            out.extend(_act(state, config, act, now_ns))
    return out


def _set(state: DecideState, said: AutonomySet, now_ns: int) -> list[Record]:
    if said.level not in AUTONOMY:
        why = f"{said.level!r} is no level of autonomy; there are {', '.join(AUTONOMY)}."
        return [_refused("autonomy", said.act_id, why, now_ns)]
    state.autonomy = said.level
    if said.level == "suggest":
        return []
    return lapse(state, now_ns, f"The autonomy is {said.level} now: nothing is asked any more.")


def _act(state: DecideState, config: DecideConfig, act: OperatorActed, now_ns: int) -> list[Record]:
    if act.act == "undo":
        state.undo_ns = now_ns
    if act.act in _OF_RELEASE:
        return []
    if act.act not in _DOES:
        why = f"{act.act!r} is no act; there are {', '.join((*ACTS, *ALARM_ACTS))}."
        return [_refused(act.act, act.act_id, why, now_ns)]
    done = _DOES[act.act](state, config, act, now_ns)
    return [_refused(act.act, act.act_id, done, now_ns)] if isinstance(done, str) else done


def _retrain(
    state: DecideState, config: DecideConfig, act: OperatorActed, now_ns: int
) -> list[Record] | str:
    hindered = f"paused by {state.paused}; resume first" if state.paused else state.busy
    hindered = hindered or broken_parity(state.parity, config.parity)
    hindered = hindered or _broken(state, config, now_ns)
    if state.champion is None and not hindered:
        hindered = "the first champion is not there yet"
    if hindered:
        return f"Nothing is trained now: {hindered}."
    wish = Wish(
        subject="operator",
        reason=said_by(act, "asked for it"),
        evidence={"by": act.who, "act": act.act_id},
        change_ns=_change(state, config, now_ns),
    )
    return request(state, config, wish, now_ns, paid=False)


def _broken(state: DecideState, config: DecideConfig, now_ns: int) -> str:
    """Say which alarms on data keep a person from training: those that nobody acknowledged."""
    alarms = [each for each in state.alarms.standing.values() if not each.acknowledged_by]
    broken = broken_data(config.triggers, alarms, now_ns)
    return f"{broken}; acknowledge these alarms to train all the same" if broken else ""


def _change(state: DecideState, config: DecideConfig, now_ns: int) -> int | None:
    """Return where a change began, if a trigger that would act knows one."""
    seen = seen_of(state, now_ns)
    pairs = zip(config.triggers, state.triggers, strict=True)
    acting = [i for i, (trigger, inner) in enumerate(pairs) if trigger.look(inner, seen) == "act"]
    return wish_of(state, config, acting, seen).change_ns if acting else None


def _pause(
    state: DecideState,
    config: DecideConfig,  # noqa: ARG001 - one signature for all acts
    act: OperatorActed,
    now_ns: int,  # noqa: ARG001 - as above
) -> list[Record] | str:
    if state.paused:
        return f"It is paused already, by {state.paused}."
    state.paused = act.who or "somebody"
    return []


def _resume(
    state: DecideState,
    config: DecideConfig,  # noqa: ARG001 - one signature for all acts
    act: OperatorActed,  # noqa: ARG001 - as above
    now_ns: int,  # noqa: ARG001 - as above
) -> list[Record] | str:
    if not state.paused:
        return "It is not paused."
    state.paused = ""
    return []


def _approve(
    state: DecideState, config: DecideConfig, act: OperatorActed, now_ns: int
) -> list[Record] | str:
    """Carry out what was asked; what was asked about a release is left to `release`."""
    wish, named = state.wish, act.subject
    if state.paused:
        return f"Nothing is carried out now: paused by {state.paused}; resume first."
    if wish is not None and named in ("", state.proposal):
        evidence = {**wish.evidence, "approved_by": act.who, "proposal": state.proposal}
        approved = f"{wish.reason} {said_by(act, 'approved it')}"
        state.wish, state.proposal = None, ""
        return request(state, config, replace(wish, reason=approved, evidence=evidence), now_ns)
    if state.waits_as and named in ("", state.waits_as):
        return []
    return f"There is no open proposal {named}." if named else "Nothing waits for approval."


def _of_alarms(
    state: DecideState, config: DecideConfig, act: OperatorActed, now_ns: int
) -> list[Record] | str:
    if config.alarms is None:
        return "There are no alarms: the loop has no monitors."
    return _OF_ALARMS[act.act](state.alarms, act, now_ns)


def said_by(act: OperatorActed, did: str) -> str:
    """Tell who did something, and why if that was said."""
    return f"{act.who} {did}: {act.reason}" if act.reason else f"{act.who} {did}."


def _refused(act: str, act_id: str, reason: str, now_ns: int) -> ActRefused:
    return ActRefused(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject=act_id, reason=reason, act=act
    )


_OF_ALARMS: Final = {
    "acknowledge": alarm_acts.acknowledge,
    "silence": alarm_acts.silence,
    "unsilence": alarm_acts.unsilence,
}
_DOES: Final = {
    "retrain": _retrain,
    "pause": _pause,
    "resume": _resume,
    "approve": _approve,
    **dict.fromkeys(ALARM_ACTS, _of_alarms),
}
