"""Make the monitors of inputs: of their drift and of their quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostinato.loop.row_monitors import OTHER
from ostinato.watch.monitor import Monitor
from ostinato.watch.monitors.drift import Drift
from ostinato.watch.monitors.quality import Quality

if TYPE_CHECKING:
    from ostinato.loop.loop import Loop
    from ostinato.loop.watching import Sights


def inputs(loop: Loop, sights: Sights, groups: tuple[str, ...]) -> tuple[Monitor, ...]:
    """Make both monitors of inputs; none where inputs are not counted."""
    assert loop.monitors is not None, "makers are asked where the loop is watched"
    if sights.grid is None:
        return ()
    widths = {"fast_ns": sights.fast_ns, "slow_ns": sights.slow_ns}
    counted = tuple(groups[code] for code in sights.slice_groups)
    named = {each for each in groups if not each.endswith(f"={OTHER}")}
    drift = Drift(
        grid=sights.grid,
        groups=counted,
        floor=loop.monitors.drift_floor,
        left_out=len(named.difference(counted)),
        **widths,
    )
    return drift, Quality(grid=sights.grid, floor=loop.monitors.quality_floor, **widths)
