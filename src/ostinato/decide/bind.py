"""Fit declared triggers to the loop they decide for."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS, format_duration
from ostinato.decide.compose import AllOf, AnyOf
from ostinato.decide.degradation import Degradation
from ostinato.decide.late import LONG_NS, LateDegradation
from ostinato.decide.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a trigger may need to know of its loop.

    Parameters
    ----------
    horizon_ns
        Horizon of the label.
    timed
        Whether each label has a time of its own.
    negative
        Whether an overdue label means no.
    """

    horizon_ns: int
    timed: bool = False
    negative: bool = False


def bound(trigger: Trigger, loop: Surroundings) -> Trigger:
    """Return the trigger that runs for a declared one; those inside others too.

    Raises
    ------
    ConfigError
        If the trigger and the loop contradict each other.
    """
    match trigger:
        case AnyOf(triggers) | AllOf(triggers):
            return type(trigger)(tuple(bound(each, loop) for each in triggers))
        case Degradation() if _by_age(trigger, loop):
            return LateDegradation(
                declared=trigger, horizon_ns=loop.horizon_ns, negative=loop.negative
            )
        case _:
            return trigger


def looks_early(triggers: tuple[Trigger, ...]) -> bool:
    """Say whether a bound trigger looks at predictions that are not mature."""
    return any(
        isinstance(each, LateDegradation)
        or (isinstance(each, AnyOf | AllOf) and looks_early(each.triggers))
        for each in triggers
    )


def _by_age(trigger: Degradation, loop: Surroundings) -> bool:
    if trigger.late == "auto":
        return trigger.chart == "e" and loop.timed and loop.horizon_ns >= LONG_NS
    if trigger.late == "hazard" and loop.horizon_ns < DAY_NS:
        raise ConfigError(
            'Degradation(late="hazard") contradicts Label(horizon=...)',
            found=f"a horizon of {format_duration(loop.horizon_ns)}",
            expected="at least 1d: the evidence takes whole days",
            hint='Take late="auto", which waits for rows to be mature where that is as soon.',
        )
    return trigger.late == "hazard"
