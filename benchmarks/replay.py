"""How fast is the loop around the model, and does it stay so?

Runs the kernel (serve, join, watch, decide, learn, gate, release) and the journal over a generated
stream with late labels, ten slice columns, all performance monitors and the e-detector on, with a
model that costs nothing. An event is a request or a label. Prints processor time per event, events
per second on one core, and memory, for growing histories; then the share of time a real replay
spends inside the user's model.

    python benchmarks/replay.py                # 1e5, 1e6 and 1e7 events
    python benchmarks/replay.py --quick        # 1e5 and 1e6
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

import ostinato as ost
from ostinato.core.ids import hash_keys
from ostinato.core.records import (
    CandidateEvaluated,
    CandidateTrained,
    Decision,
    LabelsArrived,
    RequestsArrived,
    TrainingRequested,
    ValidationSet,
)
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.loop import kernel
from ostinato.loop.plan import make_plan
from ostinato.stores.journal_memory import MemoryJournal

ROWS_PER_TICK = 2_000
SLICES, VALUES = 10, 5
DELAY_TICKS, HORIZON = 24, "48h"


class FreeModel:
    """Answers from a table: what is left is the cost of the loop."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def score(self, version: str, requests: RequestsArrived) -> np.ndarray:
        return self.scores[: len(requests)]


def loop_of(**changes: object) -> ost.Loop:
    settings = {
        "name": "bench",
        "task": "binary",
        "time": "t",
        "features": ["x"],
        "label": ost.Label("y", delay="24h", horizon=HORIZON),
        "learner": LogisticRegression(),
        "slices": [f"s{i}" for i in range(SLICES)],
        "policy": ost.policies.triggered(),
    }
    return ost.Loop(**{**settings, **changes})


def drive(events: int, seed: int = 0) -> dict[str, float]:
    """Run the kernel over so many events; return what it took."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.05, 0.95, ROWS_PER_TICK)
    loop = loop_of()
    names = tuple(f"s{i}={v}" for i in range(SLICES) for v in range(VALUES))
    plan = make_plan(
        loop,
        loop.policy,
        scorer=FreeModel(scores),
        classes=2,
        group_names=names,
        data_from_ns=0,
        matured_to_ns=0,
        bucket_ns=DAY_NS,
        seed=seed,
    )
    journal, state = MemoryJournal(), kernel.start(plan)
    groups = np.arange(SLICES, dtype=np.int32) * VALUES + rng.integers(
        0, VALUES, (ROWS_PER_TICK, SLICES), dtype=np.int32
    )
    offsets = np.linspace(0, HOUR_NS - 1, ROWS_PER_TICK).astype(np.int64)
    state, made = kernel.step(state, [], 0)
    state, made = kernel.step(state, first_champion(made, scores, rng), 0)
    state, made = kernel.step(state, [], 0)
    ticks = max(events // (2 * ROWS_PER_TICK), 1)
    spent, done = 0.0, 0
    for tick in range(ticks + DELAY_TICKS):
        now = (tick + 1) * HOUR_NS
        batch = []
        if tick < ticks:
            start = tick * ROWS_PER_TICK
            ids = np.arange(start, start + ROWS_PER_TICK)
            times = tick * HOUR_NS + offsets
            batch.append(
                RequestsArrived(
                    ts_event_ns=now,
                    ts_record_ns=now,
                    offset=start,
                    ids=ids,
                    times_ns=times,
                    unit_hashes=hash_keys(ids),
                    groups=groups,
                )
            )
        if tick >= DELAY_TICKS:
            start = (tick - DELAY_TICKS) * ROWS_PER_TICK
            values = (rng.random(ROWS_PER_TICK) < scores).astype(np.float64)
            batch.append(
                LabelsArrived(
                    ts_event_ns=now,
                    ts_record_ns=now,
                    ids=np.arange(start, start + ROWS_PER_TICK),
                    times_ns=np.full(ROWS_PER_TICK, now),
                    values=values,
                )
            )
        began = time.process_time()
        state, made = kernel.step(state, batch, now)
        journal.append([record for record in made if isinstance(record, Decision)])
        spent += time.process_time() - began
        done += sum(len(record) for record in batch)
    return {
        "events": done,
        "cpu_seconds": spent,
        "us_per_event": 1e6 * spent / done,
        "events_per_second": done / spent,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "decisions": journal.head()[0],
        "snapshot_mib": len(kernel.snapshot(state)) / 1024**2,
    }


def first_champion(made: list, scores: np.ndarray, rng: np.random.Generator) -> list:
    order = next(record for record in made if isinstance(record, TrainingRequested))
    stamp = {"ts_event_ns": 0, "ts_record_ns": 0}
    labels = (rng.random(len(scores)) < scores).astype(np.float64)
    recent = ValidationSet(
        name="recent",
        times_ns=np.arange(len(scores)) * HOUR_NS // 100,
        labels=labels,
        groups=np.zeros((len(scores), 0), dtype=np.int32),
        candidate=scores,
        champion=None,
    )
    return [
        CandidateTrained(
            **stamp, subject="v1", reason="bench", request=order.request, artifact="0"
        ),
        CandidateEvaluated(
            **stamp, version="v1", sets=(recent,), latency_ms_per_row=0.0, artifact_bytes=0
        ),
    ]


def model_share(rows: int = 100_000) -> dict[str, float]:
    """Replay with a real model; return where the time goes."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 5))
    table = pl.DataFrame(
        {f"x{i}": x[:, i] for i in range(5)}
        | {
            "t": np.arange(rows, dtype=np.int64) * 60,
            "y": (rng.random(rows) < 1 / (1 + np.exp(-x[:, 0]))).astype(np.int8),
            "s": rng.integers(0, 5, rows).astype(str),
        }
    )
    loop = loop_of(
        features=[f"x{i}" for i in range(5)],
        slices=["s"],
        learner=ost.learners.gradient_boosting("binary"),
        policy=ost.policies.scheduled("7d"),
    )
    began = time.process_time()
    result = ost.replay(loop, table)
    total = time.process_time() - began
    inside = result.cost["train_seconds"] + result.cost["predict_seconds"]
    return {
        "cpu_seconds": total,
        "train_seconds": result.cost["train_seconds"],
        "predict_seconds": result.cost["predict_seconds"],
        "kernel_seconds": result.cost["kernel_seconds"],
        "share_in_model": inside / total,
    }


def import_seconds() -> float:
    """Processor seconds of `import ostinato`, less those of starting Python: median of seven."""

    def once(code: str) -> float:
        program = f"import time; t = time.process_time(); {code}; print(time.process_time() - t)"
        return float(
            subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
        )

    return statistics.median(once("import ostinato") for _ in range(7))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="stop at a million events")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--events", type=int, help="one size only, in this process")
    arguments = parser.parse_args()
    if arguments.events:
        print(json.dumps(drive(arguments.events)))
        return
    figures = []
    for events in (100_000, 1_000_000) if arguments.quick else (100_000, 1_000_000, 10_000_000):
        # A process each, so that peak memory is that of this size alone.
        command = [sys.executable, __file__, "--events", str(events)]
        figures.append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
        if not arguments.json:
            row = figures[-1]
            print(
                f"{row['events']:>12,} events: {row['us_per_event']:.2f} us/event, "
                f"{row['events_per_second']:,.0f} events/s, peak {row['peak_mib']:.0f} MiB, "
                f"state {row['snapshot_mib']:.1f} MiB",
                flush=True,
            )
    share = model_share()
    found = {"kernel": figures, "replay": share, "import_seconds": import_seconds()}
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"real replay: {share['share_in_model']:.0%} of {share['cpu_seconds']:.1f} s inside "
        f"the user's model, {share['kernel_seconds']:.1f} s in the kernel"
    )
    print(f"import ostinato: {found['import_seconds']:.3f} s")


if __name__ == "__main__":
    main()
