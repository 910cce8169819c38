"""Is a policy that was chosen on the past a good one on what follows?

Twenty small worlds: still ones, turns, slow drift, returning seasons, sudden noise, a change after
the choice. In each `autopilot` chooses from its default policies; then all of them are replayed to
the end, which it did not do, and the chosen one is measured against the best of them in hindsight
on the rows after the choice. Printed per world: the choice, how sure it was, what it brought per
month against static, what the best brought, and how much more harm and cost the choice had, as a
share of the best one's. Then: how many were within 5 %, and how much was replayed at all.

    python benchmarks/choose.py                # 20 worlds; some minutes
    python benchmarks/choose.py --quick        # 4 worlds
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin

import ostinato as ost
from ostinato.replay.autopilot import choice_moment
from ostinato.replay.family import family
from ostinato.replay.history import make_history

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
    World("one turn at 30 %", "turn", at=0.3),
    World("one turn at 50 %", "turn", at=0.5),
    World("one turn at 70 %", "turn", at=0.7),
    World("a turn after the choice", "turn", at=0.87),
    World("two turns", "turns", speed=2),
    World("five turns", "turns", speed=5),
    World("twelve turns", "turns", speed=12),
    World("slow drift", "drift", speed=0.5),
    World("drift", "drift", speed=1.0),
    World("quick drift", "drift", speed=2.5),
    World("very quick drift", "drift", speed=6.0),
    World("drift that stops", "stops", at=0.5),
    World("drift that begins", "begins", at=0.5),
    World("seasons that return", "season", speed=4),
    World("weekdays differ", "weekly"),
    World("a noisy fortnight", "noisy", at=0.4),
    World("random walk", "walk"),
)
QUICK = ("still", "one turn at 50 %", "five turns", "drift")


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
        odds = np.where((t >= world.at) & (t < world.at + 14 / DAYS), 0.0, odds)
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
    }
    return ost.Loop(**{**settings, **changes})


@dataclass(frozen=True)
class Outcome:
    """What came of one world."""

    world: str
    chosen: str
    best: str
    sure: float
    value: float
    best_value: float
    excess: float
    reported: float
    promised: float
    covered: bool
    worth_it: bool
    replayed: float
    seconds: float


def outcome_of(
    world: World, seed: int, rows: int = ROWS, tick: str = "1d", policies: Any = None
) -> Outcome:
    """Choose in one world, then replay every policy and look back."""
    loop, table = make_loop(), make_world(world, seed, rows)
    began = time.perf_counter()
    found = ost.autopilot(loop, table, policies, tick=tick, seed=seed)
    seconds = time.perf_counter() - began
    history = make_history(loop, table, start=None, end=None)
    moment = choice_moment(history, 0.25)
    if policies is None:
        policies = family(loop, history, until_ns=moment)
    all_of_them = ost.compare(loop, table, policies, tick=tick, seed=seed)
    split = int(np.searchsorted(history.times_ns[history.first :], moment, side="right"))
    parts = {name: r.books.ledger.part(split) for name, r in all_of_them.replays.items()}
    outgo = {name: float((part.harm + part.cost).sum()) for name, part in parts.items()}
    months = (history.times_ns[-1] - moment) / (86_400e9 * 30.4375)
    best = min(outgo, key=outgo.get)
    gain = found.gain
    return Outcome(
        world=world.name,
        chosen=found.name,
        best=best,
        sure=found.sure,
        value=(outgo["static"] - outgo[found.name]) / months,
        best_value=(outgo["static"] - outgo[best]) / months,
        excess=outgo[found.name] / outgo[best] - 1,
        reported=float(gain.reported),
        promised=float(gain.in_sample),
        covered=gain.shrunken.low <= gain.reported <= gain.shrunken.high,
        worth_it=found.advice.worth_it,
        replayed=replayed_share(found, len(policies), history.start_ns, moment),
        seconds=seconds,
    )


def replayed_share(found: ost.Autopilot, policies: int, start_ns: int, moment: int) -> float:
    """Share of the policies' past that was replayed at all."""
    ends = found.choice.group_by("policy").agg(pl.col("until").max())["until"]
    lived = ends.dt.timestamp("ns").to_numpy() - start_ns
    return float((lived.sum() + (moment - start_ns)) / ((moment - start_ns) * policies))


HEAD = (
    f"{'world':26}{'chosen':26}{'best after':26}{'sure':>5}{'value':>9}{'best':>9}{'excess':>8}"
    f"{'promised':>10}{'reported':>10}  worth it"
)


def line(o: Outcome) -> str:
    return (
        f"{o.world:26}{o.chosen:26}{o.best:26}{o.sure:5.2f}{o.value:9.1f}{o.best_value:9.1f}"
        f"{o.excess:8.1%}{o.promised:10.1f}{o.reported:10.1f}  {'yes' if o.worth_it else 'no'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    worlds = [w for w in WORLDS if not arguments.quick or w.name in QUICK]
    found = []
    print(HEAD, file=sys.stderr if arguments.json else sys.stdout, flush=True)
    for seed, world in enumerate(worlds):
        found.append(outcome_of(world, seed))
        print(line(found[-1]), file=sys.stderr if arguments.json else sys.stdout, flush=True)
    summary = {
        "worlds": len(found),
        "within_5_percent": sum(o.excess <= 0.05 for o in found),
        "worst_excess": max(o.excess for o in found),
        "mean_excess": float(np.mean([o.excess for o in found])),
        "share_of_attainable_value": sum(o.value for o in found) / sum(o.best_value for o in found),
        "replayed_share": float(np.mean([o.replayed for o in found])),
    }
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
