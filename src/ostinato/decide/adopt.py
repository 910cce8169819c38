"""Go on under another policy: triggers that stay keep their evidence, others begin anew."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ostinato.core.canonical import plain
from ostinato.core.records import Record
from ostinato.decide.asking import lapse
from ostinato.decide.config import DecideConfig
from ostinato.decide.state import VOID, DecideState
from ostinato.decide.trigger import Trigger


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of a trigger, and what the journal last said of it."""

    trigger: Trigger
    inner: Any
    stance: str
    calm_since_ns: int | None
    registered: Any


def adopt(state: DecideState, config: DecideConfig, now_ns: int) -> list[Record]:
    """Put the triggers of another policy in place of those there are.

    A trigger of the same type whose fields are all the same goes on. Any other begins with nothing
    but the champion's reference, as after a promotion; evidence gathered under other parameters is
    void. A question that is open lapses: triggers that still act ask it again.
    """
    before = state.config_
    assert before is not None, "a policy is changed while the loop runs"
    known = [
        _Kept(*each)
        for each in zip(
            before.triggers,
            state.triggers,
            state.stances,
            state.calm_since_ns,
            state.registered,
            strict=True,
        )
    ]
    chosen = [_same(known, trigger) or _anew(state, trigger, known) for trigger in config.triggers]
    state.triggers = [each.inner for each in chosen]
    state.stances = [each.stance for each in chosen]
    state.calm_since_ns = [each.calm_since_ns for each in chosen]
    state.registered = [each.registered for each in chosen]
    state.config_ = config
    return lapse(state, now_ns, "The policy was changed.")


def _same(known: list[_Kept], trigger: Trigger) -> _Kept | None:
    told = _whole(trigger)
    return next((each for each in known if _whole(each.trigger) == told), None)


def _whole(value: Any) -> Any:
    """Write a trigger down with all it is made of: types with their modules, private fields too.

    What identifies a policy leaves those out, and would take two triggers for one.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return type(value), {f.name: _whole(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple | list):
        return type(value), [_whole(each) for each in value]
    if hasattr(value, "__dict__") and not callable(value):
        return type(value), {name: _whole(each) for name, each in vars(value).items()}
    return plain(value)


def _anew(state: DecideState, trigger: Trigger, known: list[_Kept]) -> _Kept:
    inner = trigger.begin()
    if state.champion is not None:
        trigger.renew(inner, state.references.get(state.champion))
    ran = any(each.trigger.name == trigger.name and each.registered for each in known)
    return _Kept(trigger, inner, "", None, VOID if ran else None)
