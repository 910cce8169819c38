"""Who asks when: a daily shape with night gaps, bursts and silence; units that come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import hash_keys
from ostinato.core.records import Codes, Floats, Ints
from ostinato.core.rng import stream
from ostinato.core.units import HOUR_NS
from ostinato.sim.concept import Concept

TICK_NS: Final = 2 * HOUR_NS
GROUPS: Final = ("colour=red", "colour=blue", "colour=green")
_NIGHT: Final = 6  # hours a day in which nobody asks, where nights are quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Requests in the order they are asked: columns of n rows.

    `ticks` is the tick each is sent in; `signal` and `chance` hold what its label will be.
    """

    ids: NDArray[Any]
    ticks: Ints
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    features: Floats
    signal: Floats
    chance: Floats

    def __len__(self) -> int:
        return len(self.times_ns)


def arrivals(seed: int, ticks: int) -> Ints:
    """Draw how many requests come in each tick, (ticks,)."""
    rng = stream(seed, "traffic")
    rate = np.full(ticks, rng.uniform(15.0, 45.0))
    hours = np.arange(ticks) * (TICK_NS // HOUR_NS) % 24
    rate *= 1 + 0.4 * np.sin(2 * np.pi * hours / 24)
    if rng.random() < 0.5:
        rate[hours < _NIGHT] = 0.0
    for _ in range(int(rng.integers(0, 3))):
        at = int(rng.integers(0, ticks))
        rate[at : at + int(rng.integers(1, 4))] *= 5.0
    if rng.random() < 0.3:
        at = int(rng.integers(0, ticks))
        rate[at : at + int(rng.integers(3, 16))] = 0.0
    return rng.poisson(rate).astype(np.int64)


def draw_rows(
    seed: int, concept: Concept, *, start_ns: int, ticks: int, history: int
) -> tuple[Rows, Rows]:
    """Draw the history before the start (tick -1), and the requests after it.

    Parameters
    ----------
    seed
        Of the run.
    concept
        The world's truth.
    start_ns
        When tick 0 ends; the requests of tick t come in the hour before its end.
    ticks
        Ticks with traffic.
    history
        Rows before the start.
    """
    counts = arrivals(seed, ticks)
    rng = stream(seed, "rows")
    sent = np.repeat(np.arange(ticks, dtype=np.int64), counts)
    inside = rng.integers(1, TICK_NS, len(sent))
    times = start_ns + (sent - 1) * TICK_NS + inside
    before = start_ns - TICK_NS - rng.integers(1, 36 * TICK_NS, history)
    all_ticks = np.concatenate([np.full(history, -1, dtype=np.int64), sent])
    all_times = np.concatenate([np.sort(before), np.sort(times)])
    rows = _rows(seed, concept, all_ticks, all_times)
    return _part(rows, slice(0, history)), _part(rows, slice(history, None))


def _rows(seed: int, concept: Concept, ticks: Ints, times_ns: Ints) -> Rows:
    rng = stream(seed, "features")
    count = len(times_ns)
    numbers = np.arange(count, dtype=np.int64)
    ids = numbers.astype(str) if rng.random() < 0.5 else numbers
    units = rng.integers(0, max(20, count // 4), count)
    features = concept.features(rng, count)
    groups = np.column_stack([rng.integers(-1, len(GROUPS), count)]).astype(np.int32)
    return Rows(
        ids=ids,
        ticks=ticks,
        times_ns=times_ns,
        unit_hashes=hash_keys(units),
        groups=groups,
        features=features,
        signal=concept.signal(features, times_ns),
        chance=concept.chance(rng, count),
    )


def _part(rows: Rows, part: slice) -> Rows:
    return Rows(**{name: getattr(rows, name)[part] for name in Rows.__dataclass_fields__})
