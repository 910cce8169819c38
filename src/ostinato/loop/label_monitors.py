"""Make the monitors of what versions answer and of what the truth turns out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostinato.watch.monitor import Monitor
from ostinato.watch.monitors.arrivals import LabelArrivals
from ostinato.watch.monitors.labels import LabelDrift
from ostinato.watch.monitors.outputs import OutputDrift

if TYPE_CHECKING:
    from ostinato.loop.loop import Loop
    from ostinato.loop.watching import Sights


def outputs(loop: Loop, sights: Sights, _groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Make the monitor of answers."""
    assert loop.monitors is not None, "makers are asked where the loop is watched"
    if sights.labels is None:
        return ()
    cells = sights.labels.cells
    scores = OutputDrift(
        task=loop.task,
        classes=cells.classes,
        label_borders=cells.borders,
        floor=loop.monitors.drift_floor,
        missing_floor=loop.monitors.quality_floor,
        fast_ns=sights.fast_ns,
        slow_ns=sights.slow_ns,
    )
    return (scores,)


def labels(loop: Loop, sights: Sights, _groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Make the monitors of labels as they mature and as they come."""
    assert loop.monitors is not None, "makers are asked where the loop is watched"
    if sights.labels is None:
        return ()
    floor, odd = loop.monitors.drift_floor, loop.monitors.quality_floor
    name, windows = loop.label.column, {"fast_ns": sights.fast_ns, "slow_ns": sights.slow_ns}
    return (
        LabelDrift(label=name, history=sights.labels, floor=floor, impossible_floor=odd, **windows),
        LabelArrivals(label=name, history=sights.labels, floor=floor, odd_floor=odd, **windows),
    )
