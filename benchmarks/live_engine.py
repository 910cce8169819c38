"""How fast does the engine fold what gateways answered?

Micro-batches of 32 rows as gateways write them, with ten features, are put into an event log in
memory; then the feed turns them into the kernel's batches and the kernel folds them, tick by tick.
Writing to disk is left out: `benchmarks/serving.py` measures the whole.

    python benchmarks/live_engine.py                 # 1,000,000 rows
    python benchmarks/live_engine.py --rows 100000
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from ostinato.core.clock import VirtualClock
from ostinato.core.records import ROLES
from ostinato.core.units import SECOND_NS, format_time
from ostinato.live.config import ServiceConfig
from ostinato.live.engine.bootstrap import Folder, prepare
from ostinato.live.engine.feed import Feed, beginning
from ostinato.live.events import Answered, LabelsGiven, Tick, encode
from ostinato.live.layout import Layout
from ostinato.loop import kernel
from ostinato.stores.eventlog_memory import MemoryEventLog

BATCH, TICKS, HISTORY = 32, 60, 2_000
MINUTE_NS = 60 * SECOND_NS

LOOP = """
import ostinato as ost
from sklearn.tree import DecisionTreeClassifier

loop = ost.Loop(
    name="speed",
    task="binary",
    time="at",
    unit="unit",
    features=["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "kind", "place"],
    label=ost.Label("y", delay="10m", horizon="1h"),
    learner=DecisionTreeClassifier(max_depth=3),
    slices=["kind", "x0"],
    policy=ost.policies.scheduled("30d"),
)
"""


def world(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "at": np.sort(rng.integers(0, 30 * 86_400, rows)),
            **{f"x{place}": rng.normal(size=rows).round(4) for place in range(8)},
            "kind": rng.choice(["a", "b", "c", "d"], rows),
            "place": rng.choice(["here", "there", "elsewhere"], rows),
            "unit": [f"u{unit}" for unit in rng.integers(0, 5_000, rows)],
            "y": rng.integers(0, 2, rows),
        }
    )


def made_folder(place: Path) -> Folder:
    (place / "loop.py").write_text(LOOP)
    table = world(HISTORY)
    table.write_parquet(place / "data.parquet")
    config = ServiceConfig(target=str(place / "loop.py"), loop="speed", clock="events")
    start = format_time(int(table["at"].max() + 1) * 10**9)
    layout = Layout(place / "service")
    return prepare(layout, config, clock=VirtualClock(0), data=place / "data.parquet", start=start)


def filled_log(folder: Folder, rows: int) -> MemoryEventLog:
    log, table, start_ns = MemoryEventLog(), world(rows), folder.schema.start_ns
    inputs = table.select(folder.schema.names).rows()
    scores = np.random.default_rng(1).random(rows).tolist()
    labels, per_tick = table["y"].to_list(), rows // TICKS
    for tick in range(TICKS):
        first = tick * per_tick
        times = np.linspace(0, MINUTE_NS - 1, per_tick).astype(np.int64) + start_ns
        times = (times + tick * MINUTE_NS).tolist()
        for low in range(0, per_tick, BATCH):
            high = min(low + BATCH, per_tick)
            part = slice(first + low, first + high)
            event = Answered(
                epoch=1,
                versions=["v1"],
                ids=[f"g0-{row}" for row in range(part.start, part.stop)],
                times_ns=times[low:high],
                rows=inputs[part],
                answered=[0] * (high - low),
                roles=[ROLES.index("champion")] * (high - low),
                scores={"v1": scores[part]},
                took_ms={"v1": 0.2},
                replica_since_ns={"v1": 1},
            )
            log.append([(f"a/0/{part.start}", encode(event))])
        if tick >= 10:
            old = slice(first - 10 * per_tick, first - 9 * per_tick)
            given = LabelsGiven(
                ids=[f"g0-{row}" for row in range(old.start, old.stop)],
                times_ns=[times[0]] * per_tick,
                values=labels[old],
            )
            log.append([(f"l/0/{tick}", encode(given))])
        end = Tick(number=tick, now_ns=start_ns + (tick + 1) * MINUTE_NS)
        log.append([(f"tick/{tick}", encode(end))])
    return log


def measure(rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        folder = made_folder(Path(place))
        log = filled_log(folder, rows)
        state, feed, folded, in_kernel = kernel.start(folder.plan()), None, 0, 0.0
        began, cpu = time.perf_counter(), time.process_time()
        feed = Feed(folder.schema, beginning(folder.schema))
        for turn in feed.turns(log):
            before = time.perf_counter()
            state, _ = kernel.step(state, turn.batch, turn.now_ns)
            in_kernel += time.perf_counter() - before
            folded += sum(len(each.answered) for each in turn.requests)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "rows": folded,
        "seconds": round(seconds, 2),
        "seconds_cpu": round(cpu, 2),
        "seconds_kernel": round(in_kernel, 2),
        "rows_per_second": round(folded / seconds),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().rows)))
