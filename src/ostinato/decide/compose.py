"""Triggers made of triggers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.core.records import LossesObserved
from ostinato.decide.trigger import Finding, Reference, Seen, Trigger

_ORDER = {"quiet": 0, "warn": 1, "act": 2}


@dataclass(frozen=True, slots=True)
class _Many:
    triggers: tuple[Trigger, ...]

    def __post_init__(self) -> None:
        if not self.triggers:
            raise ConfigError(f"{type(self).__name__} holds no trigger", expected="at least one trigger")

    def begin(self) -> list[Any]:
        return [trigger.begin() for trigger in self.triggers]

    def observe(self, state: list[Any], losses: LossesObserved, champion: str) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.observe(inner, losses, champion)

    def renew(self, state: list[Any], reference: Reference | None) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.renew(inner, reference)

    def requested(self, state: list[Any], now_ns: int) -> None:
        for trigger, inner in zip(self.triggers, state, strict=True):
            trigger.requested(inner, now_ns)

    def _findings(self, state: list[Any], seen: Seen) -> list[Finding]:
        return [t.look(inner, seen) for t, inner in zip(self.triggers, state, strict=True)]

    def _evidence(self, findings: list[Finding]) -> dict[str, Any]:
        return {
            trigger.name: {"stance": finding.stance, **finding.evidence}
            for trigger, finding in zip(self.triggers, findings, strict=True)
        }


@dataclass(frozen=True, slots=True)
class AnyOf(_Many):
    """Acts when one of its triggers acts; the most urgent one gives the reason."""

    @property
    def name(self) -> str:
        return "any of (" + ", ".join(trigger.name for trigger in self.triggers) + ")"

    def look(self, state: list[Any], seen: Seen) -> Finding:
        findings = self._findings(state, seen)
        first = max(findings, key=lambda finding: _ORDER[finding.stance])
        return Finding(
            stance=first.stance,
            reason=first.reason,
            evidence=self._evidence(findings),
            change_ns=first.change_ns,
        )


@dataclass(frozen=True, slots=True)
class AllOf(_Many):
    """Acts when all of its triggers act; the least urgent one gives the reason."""

    @property
    def name(self) -> str:
        return "all of (" + ", ".join(trigger.name for trigger in self.triggers) + ")"

    def look(self, state: list[Any], seen: Seen) -> Finding:
        findings = self._findings(state, seen)
        last = min(findings, key=lambda finding: _ORDER[finding.stance])
        changes = [f.change_ns for f in findings if f.change_ns is not None]
        return Finding(
            stance=last.stance,
            reason=last.reason,
            evidence=self._evidence(findings),
            change_ns=min(changes, default=None),
        )


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
