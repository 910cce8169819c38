"""Make the monitors of rows: of their losses, of fairness, of feedback, of outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ostinato.watch.monitor import Monitor
from ostinato.watch.monitors.business import Business
from ostinato.watch.monitors.exposure import Exposure
from ostinato.watch.monitors.fairness import Fairness
from ostinato.watch.monitors.feedback import Feedback
from ostinato.watch.monitors.losses import Losses

if TYPE_CHECKING:
    from ostinato.loop.loop import Loop
    from ostinato.loop.watching import Sights

OTHER: Final = "(other)"
"""Value of the group of all values of a slice column that are none of their own."""


def losses(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Make the monitor of losses."""
    monitors, label = loop.monitors, loop.label
    assert monitors is not None, "makers are asked where the loop is watched"
    made = Losses(
        task=loop.task,
        metric=loop.metric,
        groups=groups,
        fast_ns=sights.fast_ns,
        slow_ns=sights.slow_ns,
        tolerance=monitors.loss_tolerance,
        label_floor=None if label.never == "negative" else monitors.drift_floor,
        paired=not label.affected_by_prediction,
        explored=label.selective,
    )
    return (made,)


def fairness(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Make the monitors of fairness; none where no column is sensitive."""
    monitors = loop.monitors
    assert monitors is not None, "makers are asked where the loop is watched"
    columns = sensitive_columns(loop, groups) if monitors.sensitive else ()
    made = [
        Fairness(
            task=loop.task,
            metric=loop.metric,
            groups=groups,
            columns=columns,
            slow_ns=sights.slow_ns,
            floor=monitors.drift_floor,
            tolerance=monitors.loss_tolerance,
            labelled=labelled,
            paired=not loop.label.affected_by_prediction,
            explored=loop.label.selective,
        )
        for labelled in (False, True)
    ]
    return tuple(each for each in made if columns and each.measures)


def feedback(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Make the monitors of feedback."""
    monitors, label = loop.monitors, loop.label
    assert monitors is not None, "makers are asked where the loop is watched"
    items = monitors.items
    column = None
    if items is not None:
        codes, place = column_groups(loop, groups)[items], loop.slice_columns.index(items)
        column = (items, place, codes)
    exposure = Exposure(
        task=loop.task,
        items=column,
        slow_ns=sights.slow_ns,
        tolerance=monitors.loss_tolerance,
    )
    chosen = Feedback(
        task=loop.task,
        metric=loop.metric,
        slow_ns=sights.slow_ns,
        floor=monitors.drift_floor,
        tolerance=monitors.loss_tolerance,
        selective=label.selective,
        affected=label.affected_by_prediction,
        holdout=loop.holdout,
    )
    return exposure, chosen


def business(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:  # noqa: ARG001 - one signature for all makers
    """Make a monitor for each business outcome."""
    monitors = loop.monitors
    assert monitors is not None, "makers are asked where the loop is watched"
    return tuple(
        Business(
            outcome=each.name,
            metric=loop.metric,
            slow_ns=sights.slow_ns,
            tolerance=monitors.loss_tolerance,
            higher_is_better=each.higher_is_better,
            paired=not loop.label.affected_by_prediction,
        )
        for each in loop.outcomes
    )


def column_groups(loop: Loop, groups: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return the codes of the groups of each slice column; the last one is that of all others."""
    found: dict[str, tuple[int, ...]] = {}
    start = 0
    for column in loop.slice_columns:
        stop = groups.index(f"{column}={OTHER}") + 1
        found[column] = tuple(range(start, stop))
        start = stop
    return found


def sensitive_columns(
    loop: Loop, groups: tuple[str, ...]
) -> tuple[tuple[str, int, tuple[int, ...]], ...]:
    """Return the sensitive columns: name, place among slice columns, codes of their own values."""
    assert loop.monitors is not None, "asked where the loop is watched"
    codes, places = column_groups(loop, groups), list(loop.slice_columns)
    return tuple(
        (column, places.index(column), codes[column][:-1]) for column in loop.monitors.sensitive
    )
