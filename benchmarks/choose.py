"""Is a policy that was chosen on the past a good one on what follows?

Small worlds. In twenty of them what happens goes on happening: they stand still, turn again and
again, drift, return with the seasons. In six more something happens once, so that the past shows
it too late, too little or not at all. In each a policy is chosen from the default family as
`autopilot` does; then all policies are run to the end, and the chosen one is measured against the
best of them in hindsight, on the rows after the choice. Printed per world: the choice, how sure it
was, what it brought per month against static, what the best brought, and how much more harm and
cost the choice had, as a share of the best one's (static's beside it). Then: how many were within
5 %, and how much of the past was replayed at all.

    python benchmarks/choose.py                # all worlds; some minutes
    python benchmarks/choose.py --quick        # 4 worlds
    python benchmarks/choose.py --part 1/2     # every second world, for two cores
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin

import ostinato as ost
from ostinato.core.units import DAY_NS
from ostinato.replay.autopilot import choice_moment, make_runners
from ostinato.replay.choose import pick
from ostinato.replay.family import family
from ostinato.replay.history import make_history
from ostinato.replay.race import race, rung_ends
from ostinato.replay.run import ticks

ROWS, STEP_SECONDS = 12_000, 1_600
DAYS = ROWS * STEP_SECONDS / 86_400
CELLS = 8


class Counting(ClassifierMixin, BaseEstimator):
    """Learns one rate per value of the first feature: quick, and the same everywhere."""

    def fit(self, X, y):
        self.classes_ = np.array([0.0, 1.0])
        if len(np.unique(y)) < 2:
            raise ValueError("one class only")
        self.cells_, place = np.unique(np.asarray(X)[:, 0], return_inverse=True)
        total = np.bincount(place)
        self.rates_ = (np.bincount(place, weights=y) + 1.0) / (total + 2.0)
        return self

    def predict_proba(self, X):
        place = np.searchsorted(self.cells_, np.asarray(X)[:, 0] - 1e-9)
        score = self.rates_[np.minimum(place, len(self.rates_) - 1)]
        return np.column_stack([1 - score, score])


@dataclass(frozen=True)
class World:
    """How the chance of a positive moves over time, t in [0, 1], by cell."""

    name: str
    kind: str
    speed: float = 1.0
    at: float = 0.5


WORLDS = (
    World("still", "still"),
    World("still, rare positives", "rare"),
    World("still, other seed", "still"),
    World("three turns", "turns", speed=3),
    World("four turns", "turns", speed=4),
    World("five turns", "turns", speed=5),
    World("seven turns", "turns", speed=7),
    World("twelve turns", "turns", speed=12),
    World("slow drift, there and back", "drift", speed=1.5),
    World("drift, there and back", "drift", speed=2.5),
    World("quick drift", "drift", speed=4.0),
    World("very quick drift", "drift", speed=8.0),
    World("steady drift", "steady"),
    World("steady quick drift", "steady", speed=2.0),
    World("two seasons", "season", speed=2),
    World("six seasons", "season", speed=6),
    World("weekdays differ", "weekly"),
    World("noise that returns", "noisy", speed=5),
    World("random walk", "walk"),
    World("random walk, other seed", "walk"),
)
ONCE = (
    World("one turn at 30 %", "turn", at=0.3),
    World("one turn at 50 %", "turn", at=0.5),
    World("one turn at 70 %", "turn", at=0.7),
    World("a turn after the choice", "turn", at=0.87),
    World("drift that stops", "stops", at=0.5),
    World("drift that begins", "begins", at=0.5),
)
QUICK = ("still", "steady drift", "five turns", "slow drift, there and back")


def make_world(world: World, seed: int, rows: int = ROWS) -> pl.DataFrame:
    """Make the rows of a world; only the label depends on what kind it is."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows) / rows
    cell = rng.integers(0, CELLS, rows)
    base = np.linspace(-2.0, 2.0, CELLS)[rng.permutation(CELLS)]
    other = base[rng.permutation(CELLS)]
    match world.kind:
        case "turn":
            mix = (t >= world.at).astype(float)
        case "turns":
            mix = (np.floor(t * (world.speed + 1)) % 2).astype(float)
        case "drift":
            mix = (1 - np.cos(np.pi * world.speed * t)) / 2
        case "steady":  # one concept after the other, for ever
            angle = np.pi * world.speed * t
            odds = np.cos(angle) * base[cell] + np.sin(angle) * other[cell]
            return labelled(rng, cell, odds)
        case "stops":
            mix = np.minimum(t / world.at, 1.0)
        case "begins":
            mix = np.maximum(t - world.at, 0.0) / (1 - world.at)
        case "season":
            mix = (1 - np.cos(2 * np.pi * world.speed * t)) / 2
        case "weekly":
            mix = ((np.arange(rows) * STEP_SECONDS // 86_400) % 7 >= 5).astype(float)
        case "walk":
            mix = 0.5 + 0.5 * np.sin(np.cumsum(rng.normal(0, 0.02, rows)))
        case _:
            mix = np.zeros(rows)
    odds = (1 - mix) * base[cell] + mix * other[cell]
    if world.kind == "rare":
        odds -= 2.0
    if world.kind == "noisy":
        odds = np.where((t * world.speed) % 1.0 > 0.8, 0.2 * odds, odds)
    return labelled(rng, cell, odds)


def labelled(rng, cell, odds) -> pl.DataFrame:
    rows = len(cell)
    label = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    seconds = np.arange(rows, dtype=np.int64) * STEP_SECONDS
    return pl.DataFrame({"t": seconds, "cell": cell, "y": label})


def make_loop(**changes) -> ost.Loop:
    settings = {
        "name": "choose",
        "task": "binary",
        "time": "t",
        "features": ["cell"],
        "label": ost.Label("y", delay="6h", horizon="12h"),
        "learner": Counting(),
        "policy": ost.policies.triggered(),
        "prices": ost.Prices(metric_unit=1.0, train_hour=0.0, alarm=2.0),
        "monitors": None,  # no policy here asks for alarms
    }
    return ost.Loop(**{**settings, **changes})


@dataclass(frozen=True)
class Outcome:
    """What came of one world, on the rows after the choice."""

    world: str
    chosen: str
    leader: str
    best: str
    sure: float
    value: float
    best_value: float
    excess: float
    static_excess: float
    leader_excess: float
    believed: float
    covered: bool
    replayed: float


def outcome_of(
    world: World, seed: int, rows: int = ROWS, tick: str = "1d", policies: Any = None
) -> Outcome:
    """Choose in one world, then run every policy to the end and look back."""
    loop, history, moment, policies = prepare(world, seed, rows, policies)
    runners = make_runners(loop, history, policies, tick=tick, seed=seed)
    schedule = list(ticks(history, tick))
    ends = rung_ends(history.start_ns, moment, len(policies) - 1)
    found = race(runners, ends=ends, schedule=schedule, seed=seed, tell=nobody)
    picked = pick(found)
    lived = sum(schedule[runner.at - 1][0] - history.start_ns for runner in runners.values())
    # Looking back: also those that were dropped run to the end.
    parts = {}
    for name, runner in runners.items():
        runner.advance(schedule, schedule[-1][0], nobody)
        whole = runner.ledger(int(history.times_ns[-1]) + 10 * DAY_NS)
        parts[name] = whole.part(int(np.searchsorted(whole.times_ns, moment, side="right")))
    outgo = {name: float((part.harm + part.cost).sum()) for name, part in parts.items()}
    months = (history.times_ns[-1] - moment) / (30.4375 * DAY_NS)
    best = min(outgo, key=outgo.get)
    believed = found.standing.believed(picked.best)
    after = (outgo["static"] - outgo[picked.best]) / months
    return Outcome(
        world=world.name,
        chosen=picked.name,
        leader=picked.best,
        best=best,
        sure=picked.sure,
        value=(outgo["static"] - outgo[picked.name]) / months,
        best_value=(outgo["static"] - outgo[best]) / months,
        excess=outgo[picked.name] / outgo[best] - 1,
        static_excess=outgo["static"] / outgo[best] - 1,
        leader_excess=outgo[picked.best] / outgo[best] - 1,
        believed=float(believed),
        covered=believed.low <= after <= believed.high,
        replayed=lived / ((moment - history.start_ns) * len(runners)),
    )


def prepare(world: World, seed: int, rows: int, policies: Any) -> tuple[Any, ...]:
    loop = make_loop()
    history = make_history(loop, make_world(world, seed, rows), start=None, end=None)
    moment = choice_moment(history, 0.25)
    chosen = family(loop, history, until_ns=moment) if policies is None else policies
    return loop, history, moment, chosen


def nobody(run, name) -> None:
    """Nobody is told."""


HEAD = (
    f"{'world':27}{'chosen':27}{'best after':27}{'sure':>5}{'believed':>9}{'value':>8}{'best':>8}"
    f"{'excess':>8}{'static':>8}"
)


def line(o: Outcome) -> str:
    return (
        f"{o.world:27}{o.chosen:27}{o.best:27}{o.sure:5.2f}{o.believed:9.1f}{o.value:8.1f}"
        f"{o.best_value:8.1f}{o.excess:8.1%}{o.static_excess:8.1%}"
    )


def summary(found: list[Outcome]) -> dict[str, float]:
    return {
        "worlds": len(found),
        "within_5_percent": sum(o.excess <= 0.05 for o in found),
        "worst_excess": max(o.excess for o in found),
        "mean_excess": float(np.mean([o.excess for o in found])),
        "mean_excess_of_static": float(np.mean([o.static_excess for o in found])),
        "mean_excess_of_the_leader": float(np.mean([o.leader_excess for o in found])),
        "share_of_the_attainable_value": sum(o.value for o in found)
        / sum(o.best_value for o in found),
        "replayed_share_of_the_past": float(np.mean([o.replayed for o in found])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", default="1/1")
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    print(HEAD, flush=True)
    for title, worlds in (("what happens goes on", WORLDS), ("it happens once", ONCE)):
        found = []
        for seed, world in enumerate(worlds):
            if seed % parts == part - 1 and (not arguments.quick or world.name in QUICK):
                found.append(outcome_of(world, seed))
                print(line(found[-1]), flush=True)
        if found:
            print(title, json.dumps(summary(found), indent=1), flush=True)


if __name__ == "__main__":
    main()
