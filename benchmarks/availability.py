"""Does any decision know a label before it came? Random traces, each lived through twice.

A trace is a small history: random times, labels that come late, in any order, or never, a random
policy. It is replayed as it is, and once more with everything changed that could not be known at a
random moment: all rows after it, and the labels that come after it. Every decision up to the moment
must be the same, byte for byte. Whole replays, with a learner that only counts, so that ten
thousand of them take minutes.

    python benchmarks/availability.py                # 10,000 traces
    python benchmarks/availability.py --traces 500
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from sklearn.dummy import DummyClassifier

import ostinato as ost
from ostinato.core.ports import Lineage
from ostinato.learn.limits import FitCost
from ostinato.replay.history import make_history
from ostinato.replay.run import make_run, ticks
from ostinato.replay.scores import ModelScores
from ostinato.replay.training import Trained, Trainer
from ostinato.stores.journal_memory import MemoryJournal

CELLS, DAYS = 4, 12


@dataclass(slots=True)
class Rates(ModelScores):
    """Answers with a rate per cell: models are vectors."""

    rates: dict[str, np.ndarray] = field(default_factory=dict)

    def cells(self):
        return self.frame["cell"].to_numpy()

    def range(self, artifact, start, stop):
        return self.rates[artifact][self.cells()[start:stop]], 0.0

    def table(self, artifact, part):
        return self.rates[artifact][part["cell"].to_numpy()]


@dataclass(slots=True)
class Counter(Trainer):
    """Trains by counting; which rows and validation sets it gets is the real trainer's business."""

    def _train(self, order, rows, artifacts, timeout):
        cell = self.scores.cells()[rows]
        total = np.bincount(cell, minlength=CELLS)
        positive = np.bincount(cell, weights=self.history.labels[rows], minlength=CELLS)
        rates = (positive + 1.0) / (total + 2.0)
        data = rates.tobytes() + rows.tobytes()
        artifact = hashlib.sha256(data).hexdigest()
        self.scores.rates[artifact] = rates
        cost = FitCost(wall_seconds=0.0, cpu_seconds=0.0, peak_memory_bytes=0)
        return Trained(
            model=None,
            data=data,
            artifact=artifact,
            cost=cost,
            latency_ms=0.1,
            rows=len(rows),
            data_digest=artifact,
            missing={},
        )

    def _lineage(self, order, trained, metrics):
        return Lineage(
            loop=self.loop.name,
            data_from_ns=order.from_ns,
            data_to_ns=order.to_ns,
            data_rows=trained.rows,
            data_digest=trained.data_digest,
            policy_digest=order.policy_digest,
            learner="counting",
            parameters={},
            seed=order.seed,
            libraries={},
            parent=order.warm_start_from,
            metrics=metrics,
            cost={"wall_seconds": 0.0, "cpu_seconds": 0.0},
        )


def decisions(loop, table, start, tick) -> list[tuple[int, str]]:
    """Replay a table; return (time, hash) of every decision."""
    history = make_history(loop, table, start=start, end=None)
    scores = Rates(history.frame)
    trainer = Counter(loop=loop, history=history, scores=scores)
    run = make_run(
        loop,
        loop.policy,
        history,
        trainer,
        tick=tick,
        seed=0,
        train_takes="10m",
        journal=MemoryJournal(),
    )
    run.begin()
    for now_ns, stop in ticks(history, tick):
        run.tick(now_ns, stop)
    return [(entry.ts_record_ns, entry.hash) for entry in run.journal.entries()]


def make_trace(rng: np.random.Generator) -> pl.DataFrame:
    """Make rows at random times whose labels come late, in any order, or never."""
    rows = int(rng.integers(150, 300))
    seconds = np.sort(rng.integers(0, DAYS * 86_400, rows))
    delay = rng.exponential(rng.choice([3_600, 43_200, 172_800]), rows).astype(np.int64)
    cell = rng.integers(0, CELLS, rows)
    turned = (np.arange(rows) > rows * rng.uniform(0.3, 1.2)) ^ (cell >= CELLS // 2)
    label = (rng.random(rows) < np.where(turned, 0.85, 0.15)).astype(np.int64)
    arrives = pl.Series(seconds + delay).set(pl.Series(rng.random(rows) < 0.1), None)
    return pl.DataFrame({"t": seconds, "cell": cell, "y": label, "known": arrives})


def make_policy(rng: np.random.Generator) -> ost.Policy:
    triggers = [ost.Every("2d"), ost.NewLabels(30), ost.Degradation(reference_rows=50, arl=2e3)]
    windows = [ost.Expanding(), ost.Last("4d"), ost.SinceChange(minimum="2d")]
    rollouts = [
        ost.Immediate(min_samples=20),
        ost.Canary(steps=[0.3, 1.0], over="1d", min_samples=20, margin=0.1),
        ost.Shadow(over="1d", min_samples=20, margin=0.1),
    ]
    return ost.Policy(
        triggers=[triggers[place] for place in sorted(rng.choice(3, 2, replace=False))],
        window=windows[rng.integers(3)],
        gates=[ost.MinimumDelta()] if rng.random() < 0.5 else [],
        rollout=rollouts[rng.integers(3)],
        holdout="1d",
    )


def changed_after(table: pl.DataFrame, moment: int) -> pl.DataFrame:
    """Change all that could not be known at a moment; each row stays where it was."""
    later = pl.col("t") > moment
    unknown = later | (pl.col("known") > moment)
    return table.with_columns(
        y=pl.when(unknown).then(1 - pl.col("y")).otherwise(pl.col("y")),
        cell=pl.when(later).then(CELLS - 1 - pl.col("cell")).otherwise(pl.col("cell")),
        known=pl.when(unknown).then(pl.col("known") + 7_200).otherwise(pl.col("known")),
    )


WATCHED_EVERY = 40
"""Of so many traces one is watched: that takes about fifteen times as long."""


@dataclass
class Found:
    """What the traces showed."""

    traces: int = 0
    decisions: int = 0
    look_aheads: int = 0


def fuzz(traces: int, seed: int = 0) -> Found:
    """Live through so many traces twice."""
    rng = np.random.default_rng(seed)
    found = Found(traces=traces)
    for number in range(traces):
        table, policy = make_trace(rng), make_policy(rng)
        loop = ost.Loop(
            name="trace",
            task="binary",
            time="t",
            features=["cell"],
            label=ost.Label("y", time="known", horizon="3d"),
            learner=DummyClassifier(),
            policy=policy,
            classes=[0, 1],
            monitors=None if number % WATCHED_EVERY else ost.Monitors(),
        )
        seconds = table["t"]
        start = float(seconds[60] + 1)
        moment = int(seconds[int(len(seconds) * rng.uniform(0.5, 0.95))])
        tick = str(rng.choice(["12h", "1d"]))
        try:
            heads = [
                [each for each in decisions(loop, one, start, tick) if each[0] <= moment * 10**9]
                for one in (table, changed_after(table, moment))
            ]
        except ost.InputError:
            continue  # one class before the start
        found.decisions += len(heads[0])
        found.look_aheads += heads[0] != heads[1]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(json.dumps(vars(fuzz(arguments.traces, arguments.seed)), indent=1))


if __name__ == "__main__":
    main()
