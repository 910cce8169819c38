"""What triggers that look at standing alarms have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.core.records import LossesObserved
from ostinato.core.units import duration_ns, format_duration, format_time
from ostinato.core.watched import SEVERITIES
from ostinato.decide.standing_alarm import Standing
from ostinato.decide.trigger import Early, Finding, Reference, Seen, Stance

_LISTED: Final = 5  # alarms that a reason names; the evidence has more
_KEPT: Final = 20  # alarms that the evidence has


class Stateless:
    """What a trigger does that keeps nothing: what it looks at stands in the decide stage."""

    __slots__ = ()

    def begin(self) -> None:
        return None

    def observe(self, state: Any, losses: LossesObserved, champion: str) -> None:
        """Monitors look at losses."""

    def foresee(self, state: Any, early: Early, champion: str) -> None:
        """Monitors look at what comes before labels."""

    def advance(self, state: Any, now_ns: int) -> None:
        """Alarms are handed over when it is looked at."""

    def renew(self, state: Any, reference: Reference | None) -> None:
        """`Seen.champion_since_ns` says which alarms are older."""

    def kept(self, state: Any, candidate: Reference | None) -> None:
        """The alarms of before the request stay answered."""

    def requested(self, state: Any, now_ns: int) -> None:
        """`Seen.last_request_ns` says which alarms are answered."""

    def registered(self, state: Any) -> Mapping[str, Any] | None:  # noqa: ARG002 - one signature for all triggers
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAlarms(Stateless, ABC):
    """Looks at alarms that stand.

    Parameters
    ----------
    after
        How long an alarm must have stood; None: not at all.
    """

    after: str | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """How the journal calls it."""

    @abstractmethod
    def concerns(self, alarm: Standing) -> bool:
        """Say whether it is about such an alarm."""

    @abstractmethod
    def look(self, state: Any, seen: Seen) -> Stance:
        """Say what it wants now."""

    @abstractmethod
    def explain(self, state: Any, seen: Seen) -> Finding:
        """Say why."""

    def check_durations(self, **durations: str | None) -> None:
        """Refuse what is no duration."""
        for name, value in {"after": self.after, **durations}.items():
            if value is not None:
                duration_ns(value, name=f"{type(self).__name__}({name}=...)")

    def stood(self, alarm: Standing, now_ns: int) -> bool:
        """Say whether an alarm has stood for long enough."""
        return self.after is None or now_ns - alarm.raised_ns >= duration_ns(self.after)

    def suffix(self) -> str:
        """Return what `after` adds to a name."""
        return "" if self.after is None else f", after {format_duration(duration_ns(self.after))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsksOnAlarms(OnAlarms, ABC):
    """Acts on alarms that stand and that nothing answered: no model was asked for, none replaced.

    Parameters
    ----------
    again
        After how long since the last request an alarm that still stands asks once more: what was
        learnt too soon may not have shipped. None: never.
    """

    again: str | None = "7d"

    def unanswered(self, seen: Seen) -> tuple[Standing, ...]:
        """Return the alarms that it is about and that nothing answered yet."""
        since_ns = seen.champion_since_ns
        asked_ns = seen.last_request_ns
        if self.again is None or seen.now_ns - asked_ns < duration_ns(self.again):
            since_ns = max(since_ns, asked_ns)
        return tuple(
            each
            for each in seen.alarms
            if each.raised_ns > since_ns and self.stood(each, seen.now_ns) and self.concerns(each)
        )


def found_in(alarms: Sequence[Standing], *, otherwise: str) -> Finding:
    """Tell of alarms: which, with what evidence, and when the first of them began."""
    if not alarms:
        return Finding(reason=otherwise)
    return Finding(
        reason=f"Alarms stand: {named(alarms)}.",
        evidence={
            "alarms": [
                {
                    "stream": each.name,
                    "severity": each.severity,
                    "since": format_time(each.since_ns),
                    **asdict(each.last),
                }
                for each in alarms[:_KEPT]
            ],
            "count": len(alarms),
        },
        change_ns=min(each.since_ns for each in alarms),
    )


def named(alarms: Sequence[Standing]) -> str:
    """List alarms by name, not more than can be read."""
    names = ", ".join(each.name for each in alarms[:_LISTED])
    more = len(alarms) - _LISTED
    return f"{names} and {more} more" if more > 0 else names


def checked_names(what: str, given: Any) -> tuple[str, ...] | None:
    """Return a list of names as a tuple; None as it is.

    Raises
    ------
    ConfigError
        If it is something else, or holds no name.
    """
    if given is None:
        return None
    fits = not isinstance(given, str) and isinstance(given, Sequence) and len(given) > 0
    if not (fits and all(isinstance(each, str) and each for each in given)):
        raise ConfigError(
            f"{what} is not a list of names", found=repr(given), expected="a list of texts, or None"
        )
    return tuple(dict.fromkeys(given))


def check_severity(what: str, given: Any) -> None:
    """Refuse what is no severity that a trigger can wait for.

    Raises
    ------
    ConfigError
        If it is unknown.
    """
    if given not in SEVERITIES[1:]:
        raise ConfigError(
            f"{what} is unknown", found=repr(given), expected=", ".join(SEVERITIES[1:])
        )
