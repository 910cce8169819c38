"""Put together what of a loop is watched: a maker of monitors per line of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ostinato.core.units import DAY_NS, duration_ns
from ostinato.decide.alarms import AlarmRule
from ostinato.loop import answer_monitors, input_monitors, row_monitors, serving_monitors
from ostinato.watch.cells import Grid
from ostinato.watch.label_history import LabelHistory
from ostinato.watch.monitor import Monitor

if TYPE_CHECKING:
    from ostinato.loop.loop import Loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """What of the data monitors need to know beforehand, read off the history before the start.

    Parameters
    ----------
    fast_ns, slow_ns
        Lengths of the windows.
    labels
        How labels are counted, and those before the start; None: nothing is known of them.
    grid
        Cells in which inputs are counted; None: they are not.
    slice_groups
        Codes of the slice groups whose inputs are counted, ascending.
    """

    fast_ns: int
    slow_ns: int
    labels: LabelHistory | None = None
    grid: Grid | None = None
    slice_groups: tuple[int, ...] = ()


BUDGET_NS: Final = 30 * DAY_NS
"""The time for which a number of false alarms is declared."""

Maker: TypeAlias = "Callable[[Loop, Sights, tuple[str, ...]], tuple[Monitor, ...]]"

MAKERS: Final[tuple[Maker, ...]] = (
    input_monitors.inputs,
    answer_monitors.outputs,
    answer_monitors.labels,
    answer_monitors.estimate,
    row_monitors.losses,
    row_monitors.fairness,
    row_monitors.feedback,
    row_monitors.business,
    serving_monitors.infrastructure,
)
"""What makes monitors, given the loop, its sights and the names of its slice groups."""


def monitors_of(loop: Loop, sights: Sights | None, groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Return the monitors of a loop, in a fixed order; none where it is not watched."""
    if loop.monitors is None or sights is None:
        return ()
    made: list[Any] = []
    for maker in MAKERS:
        made += maker(loop, sights, groups)
    return tuple(each for each in made if each.family in loop.monitors.families)


def alarm_rule(
    loop: Loop, sights: Sights | None, monitors: tuple[Monitor, ...]
) -> AlarmRule | None:
    """Return by what alarms are raised; None where only performance is watched."""
    if loop.monitors is None or sights is None or not monitors:
        return None
    examine = loop.monitors.examine
    share = loop.monitors.false_alarms / len(monitors)
    return AlarmRule(
        shares={monitor.name: share for monitor in monitors},
        fast_windows=BUDGET_NS / sights.fast_ns,
        slow_windows=BUDGET_NS / sights.slow_ns,
        per_ns=BUDGET_NS,
        slow_ns=sights.slow_ns,
        examine_ns=None if examine is None else duration_ns(examine),
    )
