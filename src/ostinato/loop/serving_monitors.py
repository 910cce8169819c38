"""Make the monitors of what serving takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostinato.watch.monitor import Monitor
from ostinato.watch.monitors.infrastructure import Infrastructure

if TYPE_CHECKING:
    from ostinato.loop.loop import Loop
    from ostinato.loop.watching import Sights


def infrastructure(
    loop: Loop,
    sights: Sights,
    groups: tuple[str, ...],  # noqa: ARG001 - one signature for all makers
) -> tuple[Monitor, ...]:
    """Watch latency, errors, queue, processor, memory, GPU and the cost of a prediction."""
    assert loop.monitors is not None, "makers are asked where the loop is watched"
    made = Infrastructure(
        fast_ns=sights.fast_ns,
        serve_hour=loop.prices.serve_hour,
        cost_tolerance=loop.monitors.loss_tolerance,
    )
    return (made,)
