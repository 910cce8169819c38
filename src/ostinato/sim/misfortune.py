"""What else goes wrong: clocks that jump, processes that die, trainings that fail or hang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Ints
from ostinato.core.rng import stream
from ostinato.core.units import HOUR_NS
from ostinato.sim.models import FLAWS
from ostinato.sim.traffic import TICK_NS

POINTS: Final = (
    "before log",
    "in log",
    "after log",
    "in tick",
    "after tick",
    "after step",
    "in journal",
    "after journal",
    "in effect",
    "after register",
    "in result",
    "in snapshot",
    "after snapshot",
    "in recovery",
)
"""Where a process can die. At a point that begins with "in" a write is torn, or a job half done."""

TRAININGS_DRAWN: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The process dies at a point of a tick; of a torn write, `kept` (0..1) reached the disk."""

    tick: int
    point: str
    kept: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a training order: how many ticks it takes, and what comes out.

    `ending` is ``"trained"``, ``"fails"`` or ``"hangs"`` (then the runtime gives it up after
    `ticks`). `flaw` is one of the models' flaws, `rare` where it shows.
    """

    ticks: int
    ending: str
    flaw: str = ""
    rare: float = float("-inf")


def draw_clock(seed: int, *, start_ns: int, ticks: int) -> Ints:
    """Draw what the machine's clock says at each tick, (ticks,): mostly the truth."""
    rng = stream(seed, "clock")
    readings = start_ns + np.arange(ticks, dtype=np.int64) * TICK_NS
    if rng.random() < 0.3:  # ahead for a while, then put right: a jump back
        at, length = int(rng.integers(1, ticks)), int(rng.integers(1, 6))
        readings[at : at + length] += int(rng.integers(1, 10)) * HOUR_NS
    if rng.random() < 0.3:  # stands still for a while
        at, length = int(rng.integers(1, ticks)), int(rng.integers(1, 6))
        readings[at : at + length] = readings[at]
    if rng.random() < 0.2:  # behind for a moment
        at = int(rng.integers(1, ticks))
        readings[at] -= int(rng.integers(1, 30)) * HOUR_NS
    return readings


def draw_crashes(seed: int, *, ticks: int) -> list[Crash]:
    """Draw when and where the process dies."""
    rng = stream(seed, "crashes")
    count = int(rng.choice([0, 1, 3, 7]))
    return [
        Crash(
            tick=int(rng.integers(0, ticks)),
            point=POINTS[int(rng.integers(len(POINTS)))],
            kept=float(rng.random()),
        )
        for _ in range(count)
    ]


def draw_fates(seed: int) -> list[Fate]:
    """Draw what becomes of each training order, in their order."""
    rng = stream(seed, "trainings")
    bad = float(rng.choice([0.1, 0.4, 0.7]))
    return [_fate(rng, bad) for _ in range(TRAININGS_DRAWN)]


def _fate(rng: np.random.Generator, bad: float) -> Fate:
    ticks = int(rng.integers(1, 4))
    if rng.random() >= bad:
        return Fate(ticks=ticks, ending="trained")
    kind = int(rng.integers(len(FLAWS) + 4))
    if kind == 0:
        return Fate(ticks=ticks, ending="fails")
    if kind == len(FLAWS):
        return Fate(ticks=6, ending="hangs")
    flaw = FLAWS[kind] if kind < len(FLAWS) else "much worse"
    # Some flaws are seen by every validation set, some only by requests that come later.
    rare = float(rng.choice([float("-inf"), 1.5, 3.0, 5.0]))
    return Fate(ticks=ticks, ending="trained", flaw=flaw, rare=rare)
