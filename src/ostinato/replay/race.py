"""Successive halving over history: all policies start, the better ones go on.

Every policy is run once, from the start. At the end of a rung its run pauses; the policies that go
on are taken up where they stopped, so nothing is replayed twice, and what one of them trained the
others share. A rung knows what could be known at its end, and nothing later: rows that had
matured, labels that had arrived. It judges its own rows alone, those since the rung before: no row
helps to select twice, and what a policy does now counts, not what it did at first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.core.rng import stream
from ostinato.replay.ledger import Ledger, ledger_as_of
from ostinato.replay.run import Run
from ostinato.replay.standing import Standing, per_month, stand

ETA: Final = 3
"""Each rung is this many times as long as the one before, and keeps one policy in so many."""

FEWEST_KEPT: Final = 2
CHANCE: Final = 0.05
"""A policy with at least this chance of being the best goes on whatever its place. Larger drops
sooner and is wrong more often; smaller replays nearly everything to the end."""

MATERIAL: Final = 0.01
"""A policy behind the best by less than this share of what static loses goes on: while the world
stands still all are alike, and which of them will follow a change cannot be seen. Smaller drops
sooner, and drops the best of a world that changes later; larger replays nearly everything."""

FEWEST_ROWS: Final = 200  # labelled rows under which a rung drops nobody


@dataclass(slots=True)
class Runner:
    """One policy under way: its run and how many ticks it has behind it."""

    name: str
    run: Run
    at: int = 0
    begun: bool = False

    @property
    def learns(self) -> bool:
        """Whether the policy can ask for models."""
        return bool(self.run.policy.triggers)

    def advance(
        self, schedule: Sequence[tuple[int, int]], to_ns: int, tell: Callable[[Run, str], None]
    ) -> None:
        """Go on to the last tick that is not after a moment."""
        if not self.begun:
            self.run.begin()
            self.begun = True
        while self.at < len(schedule) and schedule[self.at][0] <= to_ns:
            self.run.tick(*schedule[self.at])
            self.at += 1
            tell(self.run, self.name)

    def requests(self) -> int:
        """Return how often the policy has asked for a model so far, without the first champion."""
        return self._count("training_requested")

    def differs(self) -> bool:
        """Whether a model of its own has answered anybody yet, be it in a canary."""
        return self._count("candidate_accepted") > 0

    def _count(self, kind: str) -> int:
        found = sum(entry.kind == kind for entry in self.run.journal.entries())
        return max(found - 1, 0)

    def ledger(self, now_ns: int) -> Ledger:
        """Return what the run's answers had cost as far as was known at a moment."""
        run = self.run
        return ledger_as_of(
            run.loop,
            run.history,
            run.recorder,
            run.journal.entries(),
            learns=self.learns,
            now_ns=now_ns,
        )


@dataclass(slots=True)
class Race:
    """What came of the rungs.

    `past` is static's ledger of the last rung's rows, `saved` what each of these was spared under
    each policy that took part in it; `judged` counts the rows judged before; `table` has a row per
    rung and policy; `standing` is the last rung's, None where too little had matured; `slack` is
    what a policy may be behind the best, per month, to count as hardly behind.
    """

    static: Runner
    going: dict[str, Runner]
    past: Ledger | None = None
    saved: dict[str, Floats] = field(default_factory=dict)
    judged: int = 0
    table: list[dict[str, Any]] = field(default_factory=list)
    standing: Standing | None = None
    slack: float = math.inf
    requests: dict[str, int] = field(default_factory=dict)


def rung_ends(start_ns: int, until_ns: int, learners: int) -> tuple[int, ...]:
    """Return when the rungs end: as many as it takes to come down to few policies.

    >>> rung_ends(0, 900, 11), rung_ends(0, 900, 4), rung_ends(0, 900, 2)
    ((100, 300, 900), (300, 900), (900,))
    """
    rungs, left = 1, learners
    while left > FEWEST_KEPT:
        left = max(-(-left // ETA), FEWEST_KEPT)
        rungs += 1
    rungs = min(rungs, 3)
    span = until_ns - start_ns
    return tuple(start_ns + span // ETA ** (rungs - 1 - rung) for rung in range(rungs))


def race(
    runners: Mapping[str, Runner],
    *,
    ends: Sequence[int],
    schedule: Sequence[tuple[int, int]],
    seed: int,
    tell: Callable[[Run, str], None],
) -> Race:
    """Run all policies over the first rung, the better ones over the next, and so on.

    Parameters
    ----------
    runners
        By name; exactly one of them is static: it stays to the end as the yardstick.
    ends
        End of each rung.
    schedule
        The ticks.
    seed
        Seed of the draws.
    tell
        Called with the run and the policy's name after each tick.
    """
    static = next(each for each in runners.values() if not each.learns)
    state = Race(static=static, going={n: r for n, r in runners.items() if r is not static})
    for rung, end in enumerate(ends):
        for runner in (static, *state.going.values()):
            runner.advance(schedule, end, tell)
        _close(state, rung, end, last=rung == len(ends) - 1, seed=seed)
    return state


def _close(state: Race, rung: int, end: int, *, last: bool, seed: int) -> None:
    """Judge the policies at the end of a rung and let the better ones go on."""
    whole = state.static.ledger(end)
    base = state.past = whole.part(state.judged)
    state.saved = {
        name: runner.ledger(end).part(state.judged).saved(base)
        for name, runner in state.going.items()
    }
    state.requests |= {name: runner.requests() for name, runner in state.going.items()}
    different = [name for name, runner in state.going.items() if runner.differs()]
    enough = int(np.count_nonzero(~np.isnan(base.losses))) >= FEWEST_ROWS
    state.standing = None
    if enough and state.going:
        rng = stream(seed, f"choose/{rung}")
        state.standing = stand(state.saved, base.times_ns, rng, different=different)
        state.judged = len(whole)
    kept = list(state.going)
    if state.standing is not None:
        state.slack = MATERIAL * per_month(float(base.harm.sum()), base.times_ns)
        kept = _kept(state, state.standing, different, last=last)
    state.table += [_row(state, rung, end, name, kept) for name in state.going]
    state.going = {name: state.going[name] for name in kept}


def _kept(state: Race, standing: Standing, different: Sequence[str], *, last: bool) -> list[str]:
    """Return who goes on: the better third, and who may well be the best.

    Before the last rung also who is hardly behind, and who did not answer otherwise than static
    yet: all that is known of them is what asking in vain did cost.
    """
    going = list(state.going)
    value = {name: float(standing.measured(name)) for name in going}
    best_first = sorted(going, key=lambda name: -value[name])
    kept = best_first[: max(-(-len(going) // ETA), FEWEST_KEPT)]
    bar = max(value.values()) - state.slack
    return [
        name
        for name in going
        if name in kept
        or standing.sure(name, going) >= CHANCE
        or (not last and (value[name] >= bar or name not in different))
    ]


def _row(state: Race, rung: int, end: int, name: str, kept: Sequence[str]) -> dict[str, Any]:
    nan = float("nan")
    value, low, high = nan, nan, nan
    if state.standing is not None:
        found = state.standing.measured(name)
        value, low, high = float(found), found.low, found.high
    return {
        "rung": rung + 1,
        "until_ns": end,
        "policy": name,
        "retrains": state.requests[name],
        "value": value,
        "low": low,
        "high": high,
        "kept": name in kept,
    }
