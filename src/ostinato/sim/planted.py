"""Defects to plant, so that we know the checkers can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ostinato.core.stage import Stage
from ostinato.loop import kernel
from ostinato.loop.loop import Loop
from ostinato.sim.disk import Disk
from ostinato.sim.runtime import Runtime
from ostinato.sim.verdict import Outcome


def _same_loop(loop: Loop) -> Loop:
    return loop


def _same_stage(stage: Stage) -> Stage:
    return stage


def _leave(disk: Disk) -> None:
    """Leave the disk as it is."""
    del disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One small defect: what it does, and the checker that is there to catch it.

    Parameters
    ----------
    name, text
        How it is called, and what it does in one line.
    checker, outcome
        Who must find it, and what the run must come to.
    loop
        Makes the loop that really runs from the declared one.
    stage
        Wraps a stage.
    runtime
        The runtime that is run.
    spoil
        What is done to the disk at the end.
    """

    name: str
    text: str
    checker: str
    outcome: Outcome
    loop: Callable[[Loop], Loop] = _same_loop
    stage: Callable[[Stage], Stage] = _same_stage
    runtime: type[Runtime] = Runtime
    spoil: Callable[[Disk], None] = _leave


SOUND: Final = Planted(name="", text="nothing is planted", checker="", outcome="ok")


@contextmanager
def planted_stages(planted: Planted) -> Iterator[None]:
    """Let the kernel run the wrapped stages for as long as a block lasts."""
    sound = kernel.STAGES
    kernel.STAGES = tuple(planted.stage(stage) for stage in sound)
    try:
        yield
    finally:
        kernel.STAGES = sound
