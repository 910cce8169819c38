"""Triggers made of triggers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.core.records import LossesObserved
from ostinato.decide.trigger import (
    URGENCY,
    Early,
    Finding,
    Reference,
    Seen,
    Stance,
    Trigger,
)

_CONTRACT: Final = tuple(name for name in vars(Trigger) if not name.startswith("_"))


@dataclass(frozen=True, slots=True)
class _Many:
    triggers: tuple[Trigger, ...]

    def __post_init__(self) -> None:
        what = type(self).__name__
        if not self.triggers:
            raise ConfigError(f"{what} holds no trigger", expected="at least one trigger")
        check_triggers(self.triggers, where=what)

    def begin(self) -> list[Any]:
        return [trigger.begin() for trigger in self.triggers]

    def observe(self, state: list[Any], losses: LossesObserved, champion: str) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.observe(inner, losses, champion)

    def renew(self, state: list[Any], reference: Reference | None) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.renew(inner, reference)

    def foresee(self, state: list[Any], early: Early, champion: str) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.foresee(inner, early, champion)

    def advance(self, state: list[Any], now_ns: int) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.advance(inner, now_ns)

    def kept(self, state: list[Any], candidate: Reference | None) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.kept(inner, candidate)

    def registered(self, state: list[Any]) -> Mapping[str, Any] | None:
        each = {t.name: t.registered(inner) for t, inner in zip(self.triggers, state, strict=True)}
        running = {name: process for name, process in each.items() if process is not None}
        return {"method": "several processes", **running} if running else None

    def requested(self, state: list[Any], now_ns: int) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.requested(inner, now_ns)

    def _stances(self, state: list[Any], seen: Seen) -> list[Stance]:
        return [t.look(inner, seen) for t, inner in zip(self.triggers, state, strict=True)]

    def _explain(self, state: list[Any], seen: Seen, stances: list[Stance], chosen: int) -> Finding:
        """Give the reason of one trigger, the evidence of all, the earliest change any saw."""
        findings = [t.explain(inner, seen) for t, inner in zip(self.triggers, state, strict=True)]
        changes = [f.change_ns for f in findings if f.change_ns is not None]
        evidence = {
            trigger.name: {"stance": stance, **finding.evidence}
            for trigger, stance, finding in zip(self.triggers, stances, findings, strict=True)
        }
        return Finding(
            reason=findings[chosen].reason,
            evidence=evidence,
            change_ns=min(changes, default=None),
        )


@dataclass(frozen=True, slots=True)
class AnyOf(_Many):
    """Acts when one of its triggers acts; the most urgent one gives the reason."""

    @property
    def name(self) -> str:
        return "any of (" + ", ".join(trigger.name for trigger in self.triggers) + ")"

    def look(self, state: list[Any], seen: Seen) -> Stance:
        return max(self._stances(state, seen), key=URGENCY.__getitem__)

    def explain(self, state: list[Any], seen: Seen) -> Finding:
        stances = self._stances(state, seen)
        chosen = max(range(len(stances)), key=lambda index: URGENCY[stances[index]])
        return self._explain(state, seen, stances, chosen)


@dataclass(frozen=True, slots=True)
class AllOf(_Many):
    """Acts when all of its triggers act; the least urgent one gives the reason.

    An alarm stands until it is answered, so one that came early waits for the others.
    """

    @property
    def name(self) -> str:
        return "all of (" + ", ".join(trigger.name for trigger in self.triggers) + ")"

    def look(self, state: list[Any], seen: Seen) -> Stance:
        return min(self._stances(state, seen), key=URGENCY.__getitem__)

    def explain(self, state: list[Any], seen: Seen) -> Finding:
        stances = self._stances(state, seen)
        chosen = min(range(len(stances)), key=lambda index: URGENCY[stances[index]])
        return self._explain(state, seen, stances, chosen)


def any_of(*triggers: Trigger) -> AnyOf:
    """Combine triggers: act when one acts.

    >>> from ostinato.decide.every import Every
    >>> any_of(Every("7d"), Every("0 3 * * 1")).name
    'any of (every 7d, every 0 3 * * 1)'
    """
    return AnyOf(triggers)


def all_of(*triggers: Trigger) -> AllOf:
    """Combine triggers: act when all act at the same time."""
    return AllOf(triggers)


def alone(triggers: tuple[Trigger, ...]) -> Iterator[Trigger]:
    """Yield the triggers that can ask for a model by themselves, those inside `any_of` too."""
    for trigger in triggers:
        if isinstance(trigger, AnyOf):
            yield from alone(trigger.triggers)
        else:
            yield trigger


def check_triggers(triggers: tuple[Any, ...], *, where: str) -> None:
    """Refuse what is no trigger, and triggers that the journal could not tell apart.

    Raises
    ------
    ConfigError
        If one lacks a method of the contract, or two have the same name.
    """
    for trigger in triggers:
        lacking = [name for name in _CONTRACT if not hasattr(trigger, name)]
        if lacking and len(lacking) < len(_CONTRACT) // 2:
            raise ConfigError(
                f"{where} holds a trigger that lacks methods of the contract",
                found=f"{trigger!r} without {', '.join(lacking)}",
                expected="every method of ostinato.decide.trigger.Trigger",
                hint="A method with nothing to do still has to be there.",
            )
        if isinstance(trigger, type) or lacking:
            raise ConfigError(
                f"{where} holds something that is not a trigger",
                found=repr(trigger),
                expected="Every(...), Degradation(...), ExcessLoss(...), any_of(...), ...",
            )
    names = [trigger.name for trigger in triggers]
    doubled = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if doubled:
        raise ConfigError(
            f"{where} holds the same trigger twice",
            found=", ".join(doubled),
            expected="triggers that differ",
        )
