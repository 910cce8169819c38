"""People at the loop: what they ask for by hand, and how far they let it act by itself."""

from __future__ import annotations

from typing import Final

import numpy as np

from ostinato.core.records import ACTS, AUTONOMY, AutonomySet, OperatorActed, Record
from ostinato.core.rng import stream

_STAFFED: Final = 0.4
"""Share of the worlds with people in them. Smaller: too little is asked for; larger: too few worlds
are left in which the loop is on its own."""

_LIKELY: Final = {"approve": 6.0, "undo": 2.0, "resume": 3.0}
"""How often an act is drawn, beside 1 for all others: approvals are wanted often, and a pause that
nobody ends hides everything else."""

_NAMES: Final = ("ana", "bo")


def draw_acts(seed: int, *, ticks: int) -> dict[int, list[Record]]:
    """Draw what people do, by tick; nothing in most worlds.

    Most acts come at the wrong moment and must be refused; some are told twice under one id.
    """
    rng = stream(seed, "operators")
    if rng.random() >= _STAFFED:
        return {}
    first: list[Record] = [_level(rng, 0)] if rng.random() < 0.7 else []
    found: dict[int, list[Record]] = {0: first} if first else {}
    for tick in range(1, ticks):
        acts: list[Record] = []
        if rng.random() < 0.25:
            acts += [_act(rng, tick, number) for number in range(int(rng.integers(1, 3)))]
        if rng.random() < 0.03:
            acts.append(_level(rng, tick))
        if acts:
            found[tick] = acts
    return found


def _act(rng: np.random.Generator, tick: int, number: int) -> OperatorActed:
    weights = np.array([_LIKELY.get(act, 1.0) for act in ACTS])
    return OperatorActed(
        ts_event_ns=0,
        ts_record_ns=0,
        subject="",
        reason="drawn",
        act=str(rng.choice(ACTS, p=weights / weights.sum())),
        who=str(rng.choice(_NAMES)),
        act_id=f"act-{tick}-{number}",
    )


def _level(rng: np.random.Generator, tick: int) -> AutonomySet:
    return AutonomySet(
        ts_event_ns=0,
        ts_record_ns=0,
        subject="autonomy",
        reason="drawn",
        level=str(rng.choice(AUTONOMY, p=(0.1, 0.3, 0.4, 0.2))),
        who=str(rng.choice(_NAMES)),
        act_id=f"level-{tick}",
    )
