"""Fit declared triggers to the loop they decide for."""

from __future__ import annotations

from dataclasses import replace

from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS, format_duration
from ostinato.decide.bind_alarms import on_alarms_of
from ostinato.decide.by_slice import SlicedDegradation, for_all_rows
from ostinato.decide.compose import AllOf, AnyOf
from ostinato.decide.data_quality import quality_holds
from ostinato.decide.degradation import Degradation
from ostinato.decide.excess_loss import ExcessLoss, Money
from ostinato.decide.late import LONG_NS, LateDegradation
from ostinato.decide.on_alarms import OnAlarms
from ostinato.decide.surroundings import Surroundings
from ostinato.decide.trigger import Trigger


def bound(trigger: Trigger, loop: Surroundings) -> Trigger:
    """Return the trigger that runs for a declared one; those inside others too.

    Raises
    ------
    ConfigError
        If the trigger and the loop contradict each other.
    """
    match trigger:
        case AllOf(triggers) if [*quality_holds(triggers)]:
            raise ConfigError(
                "all_of(...) holds a DataQuality(...)",
                found=trigger.name,
                expected="triggers that act: all_of(...) would wait for it for ever",
                hint="Put DataQuality(...) beside all_of(...) among the policy's triggers.",
            )
        case AnyOf(triggers) | AllOf(triggers):
            return type(trigger)(tuple(bound(each, loop) for each in triggers))
        case Degradation(by_slice=True):
            return _by_slice(trigger, loop)
        case Degradation():
            return _of_all_rows(trigger, loop)
        case ExcessLoss():
            return _priced(trigger, loop.money)
        case OnAlarms():
            return on_alarms_of(trigger, loop)
        case _:
            return trigger


def counts_costs(triggers: tuple[Trigger, ...]) -> bool:
    """Say whether a bound trigger counts in what answers cost by a cost matrix."""
    return any(
        (isinstance(each, ExcessLoss) and each.money.by_matrix)
        or (isinstance(each, AnyOf | AllOf) and counts_costs(each.triggers))
        for each in triggers
    )


def looks_early(triggers: tuple[Trigger, ...]) -> bool:
    """Say whether a bound trigger looks at predictions that are not mature."""
    return any(
        isinstance(each, LateDegradation)
        or (isinstance(each, SlicedDegradation) and looks_early((each.overall,)))
        or (isinstance(each, AnyOf | AllOf) and looks_early(each.triggers))
        for each in triggers
    )


def _priced(trigger: ExcessLoss, money: Money) -> ExcessLoss:
    priced = replace(trigger, money=money)
    for name, amount in (("train_hour", priced.price), ("metric_unit", money.value)):
        if not amount > 0:
            raise ConfigError(
                f"{trigger.name} contradicts Prices({name}=...)",
                found=amount,
                expected="> 0: nothing to lose, or trainings for nothing, decide nothing",
            )
    return priced


def _by_slice(trigger: Degradation, loop: Surroundings) -> SlicedDegradation:
    if not loop.slice_columns:
        raise ConfigError(
            "Degradation(by_slice=True) contradicts Loop(slices=...)",
            found="no slice column",
            expected="at least one column whose values are slices",
        )
    overall = _of_all_rows(for_all_rows(trigger), loop)
    return SlicedDegradation(
        declared=trigger,
        overall=overall,
        columns=loop.slice_columns,
        group_names=loop.group_names,
    )


def _of_all_rows(trigger: Degradation, loop: Surroundings) -> Degradation | LateDegradation:
    if not _by_age(trigger, loop):
        return trigger
    return LateDegradation(declared=trigger, horizon_ns=loop.horizon_ns, negative=loop.negative)


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
