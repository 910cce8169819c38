"""Fit triggers that look at alarms to their loop: are those alarms raised at all?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ostinato.core.errors import ConfigError
from ostinato.decide.data_quality import DataQuality
from ostinato.decide.drift import Drift
from ostinato.decide.estimated_degradation import EstimatedDegradation
from ostinato.decide.on_alarms import OnAlarms
from ostinato.decide.slice_degradation import SliceDegradation
from ostinato.decide.surroundings import Surroundings

_FAMILY: Final[dict[type[OnAlarms], str]] = {
    Drift: "drift",
    SliceDegradation: "performance",
    EstimatedDegradation: "estimate",
    DataQuality: "quality",
}


def on_alarms_of(trigger: OnAlarms, loop: Surroundings) -> OnAlarms:
    """Return the trigger that runs for a declared one.

    Raises
    ------
    ConfigError
        If the loop has no monitors of the family whose alarms it waits for, or no such columns.
    """
    what = type(trigger).__name__
    _check_family(what, _FAMILY[type(trigger)], loop.families)
    match trigger:
        case Drift():
            return _drift(trigger, loop.columns)
        case DataQuality(columns=columns) if columns is not None:
            _check_known(f"{what}(columns=...)", columns, (*loop.columns, *loop.targets))
        case SliceDegradation(slices=slices):
            _check_slices(slices, loop.grouped)
        case _:
            pass
    return trigger


def _check_family(what: str, family: str, families: tuple[str, ...]) -> None:
    if not families:
        raise ConfigError(
            f"{what}(...) contradicts Loop(monitors=None)",
            found="a loop that watches nothing, and a trigger that waits for alarms",
            expected="Loop(monitors=ost.Monitors())",
        )
    if family not in families:
        raise ConfigError(
            f"{what}(...) contradicts Monitors(families=...)",
            found=", ".join(families),
            expected=f"{family!r} among them: its alarms are what the trigger waits for",
        )


def _drift(trigger: Drift, features: tuple[str, ...]) -> Drift:
    """Count by number, among columns that are known."""
    if trigger.columns is not None:
        _check_known("Drift(columns=...)", trigger.columns, features)
    columns = features if trigger.columns is None else tuple(trigger.columns)
    share = trigger.share
    least = trigger.least if share is None else max(math.ceil(share * len(columns)), 1)
    if least > len(columns):
        raise ConfigError(
            "Drift(least=...) is more than the loop has features",
            found=f"least={least}, {len(columns)} features",
            expected=f"at most {len(columns)}",
            hint="Drift(least=1) acts on the alarm of one feature.",
        )
    return replace(trigger, columns=columns, least=least, share=None)


def _check_slices(slices: Sequence[str] | None, grouped: tuple[str, ...]) -> None:
    if not grouped:
        raise ConfigError(
            "SliceDegradation(...) contradicts Loop(slices=...)",
            found="no slice column",
            expected="at least one column whose values are slices",
        )
    if slices is not None:
        named = [each.partition("=")[0] for each in slices]
        _check_known("SliceDegradation(slices=...)", named, grouped)


def _check_known(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ConfigError(
            f"{what} names a column that the loop does not watch",
            found=", ".join(unknown),
            expected=", ".join(dict.fromkeys(known)),
        )
