"""Make the monitors of what versions answer, of the labels, and of what answers are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostinato.watch.monitor import Monitor
from ostinato.watch.monitors.arrivals import LabelArrivals
from ostinato.watch.monitors.estimate import PerformanceEstimate
from ostinato.watch.monitors.labels import LabelDrift
from ostinato.watch.monitors.outputs import OutputDrift

if TYPE_CHECKING:
    from ostinato.loop.loop import Loop
    from ostinato.loop.watching import Sights


def outputs(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:  # noqa: ARG001 - the signature of a maker
    """Make the monitor of the scores; none where nothing is known of the labels before."""
    monitors, known = loop.monitors, sights.labels
    assert monitors is not None, "makers are asked where the loop is watched"
    if known is None:
        return ()
    made = OutputDrift(
        task=loop.task,
        classes=known.cells.classes,
        label_borders=known.cells.borders,
        floor=monitors.drift_floor,
        missing_floor=monitors.quality_floor,
        fast_ns=sights.fast_ns,
        slow_ns=sights.slow_ns,
    )
    return (made,)


def labels(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:  # noqa: ARG001 - as above
    """Make the monitors of the labels, as they mature and as they come."""
    monitors, known = loop.monitors, sights.labels
    assert monitors is not None, "makers are asked where the loop is watched"
    if known is None:
        return ()
    matured = LabelDrift(
        label=loop.label.column,
        history=known,
        floor=monitors.drift_floor,
        impossible_floor=monitors.quality_floor,
        fast_ns=sights.fast_ns,
        slow_ns=sights.slow_ns,
    )
    if loop.label.never == "negative":
        # Where an absent label means no, only yes comes: how labels come says nothing of a fault.
        return (matured,)
    come = LabelArrivals(
        label=loop.label.column,
        history=known,
        floor=monitors.drift_floor,
        odd_floor=monitors.quality_floor,
        fast_ns=sights.fast_ns,
        slow_ns=sights.slow_ns,
    )
    return matured, come


def estimate(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:  # noqa: ARG001 - as above
    """Make the monitor of performance before labels."""
    monitors, known = loop.monitors, sights.labels
    assert monitors is not None, "makers are asked where the loop is watched"
    if known is None:
        return ()
    made = PerformanceEstimate(
        task=loop.task,
        metric=loop.metric,
        classes=known.cells.classes,
        tolerance=monitors.loss_tolerance,
        explored=loop.label.selective,
        own=loop.label.affected_by_prediction,
        missing=monitors.drift_floor / 2.0,
        fast_ns=sights.fast_ns,
        slow_ns=sights.slow_ns,
    )
    return (made,)
