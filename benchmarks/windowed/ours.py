"""Our store: how fast events go in and features come out, what it weighs, how it starts again."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from ostinato.features.online import OnlineStore
from ostinato.features.plan import FeaturePlan
from windowed.world import DAY, SECOND, World
from windowed.world import plan as plan_of

BATCH = 10_000
STARTS = 3
MILLISECOND = SECOND // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    features: str
    aggregates: int
    row_us: float
    row_p50_us: float
    row_p99_us: float
    row_max_us: float
    aggregates_per_s: float
    batch_row_us: float
    batch_aggregates_per_s: float
    events_per_s: float
    one_key_events_per_s: float
    event_us: float
    event_p99_us: float
    keys: int
    memory_mib: float
    bytes_per_key: float
    snapshot_mib: float
    snapshot_s: float
    restore_s: float
    start_s: float


def measure(plan: FeaturePlan, world: World, *, sketches: bool, folder: Path) -> Ours:
    store, events_per_s = filled(plan, world)
    singles = _events(store, world)
    single, waits = _rows(store, world)
    many = _rows_together(store, world)
    began = time.process_time()
    data = store.snapshot()
    snapshot_s = time.process_time() - began
    began = time.process_time()
    again = OnlineStore.restore(plan, data)
    restore_s = time.process_time() - began
    now = store.now_ns
    assert again.lookup(world.rows[:50], [now] * 50) == store.lookup(world.rows[:50], [now] * 50)
    (folder / "features.state").write_bytes(data)
    count = len(plan.windowed)
    return Ours(
        features="with sketches" if sketches else "numbers",
        aggregates=count,
        row_us=single * 1e6,
        row_p50_us=float(np.quantile(waits, 0.5)) * 1e6,
        row_p99_us=float(np.quantile(waits, 0.99)) * 1e6,
        row_max_us=float(max(waits)) * 1e6,
        aggregates_per_s=count / single,
        batch_row_us=many * 1e6,
        batch_aggregates_per_s=count / many,
        events_per_s=events_per_s,
        one_key_events_per_s=filled(plan_of(sketches=sketches, by=("origin",)), world)[1],
        event_us=median(singles) * 1e6,
        event_p99_us=float(np.quantile(singles, 0.99)) * 1e6,
        keys=store.keys,
        memory_mib=store.memory_bytes / 2**20,
        bytes_per_key=store.memory_bytes / store.keys,
        snapshot_mib=len(data) / 2**20,
        snapshot_s=snapshot_s,
        restore_s=restore_s,
        start_s=_start(folder, sketches=sketches),
    )


def filled(plan: FeaturePlan, world: World) -> tuple[OnlineStore, float]:
    """Return a store that has seen all events, and how many a second of processor time it took."""
    store = OnlineStore(plan, now_ns=int(world.times[0]))
    used = 0.0
    for begin in range(0, len(world.times), BATCH):
        given = world.batch(begin, begin + BATCH)
        began = time.process_time()
        store.ingest(given)
        store.advance(int(given.times_ns[-1]))
        used += time.process_time() - began
    return store, len(world.times) / used


def _events(store: OnlineStore, world: World) -> list[float]:
    """Return seconds that events took that came alone."""
    count = min(5_000, len(world.times) // 50)
    given = [
        world.batch(place, place + 1) for place in range(len(world.times) - count, len(world.times))
    ]
    found = []
    for each in given:
        began = time.perf_counter()
        store.ingest(each)
        found.append(time.perf_counter() - began)
    return found


def _rows(store: OnlineStore, world: World) -> tuple[float, list[float]]:
    """Return processor seconds a row that is asked alone, and how long each took."""
    now, waits, rows = store.now_ns or 0, [], world.rows
    store.lookup(rows[:1], [now])
    best = float("inf")
    for part in range(4):
        used = time.process_time()
        asked = rows[part::4]
        for row in asked:
            now += MILLISECOND
            began = time.perf_counter()
            store.lookup([row], [now])
            waits.append(time.perf_counter() - began)
        best = min(best, (time.process_time() - used) / len(asked))
    return best, waits


def _rows_together(store: OnlineStore, world: World) -> float:
    """Return processor seconds a row in batches of a thousand."""
    now, best = store.now_ns or 0, float("inf")
    for begin in range(0, len(world.rows), 1_000):
        rows = world.rows[begin : begin + 1_000]
        began = time.process_time()
        store.lookup(rows, [now] * len(rows))
        best = min(best, (time.process_time() - began) / len(rows))
    return best


def _start(folder: Path, *, sketches: bool) -> float:
    """Return seconds from the start of a process to its first answer out of a snapshot."""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from windowed.world import plan
from ostinato.features.online import OnlineStore
plan = plan(sketches={sketches})
store = OnlineStore.restore(plan, Path({str(folder / "features.state")!r}).read_bytes())
store.lookup([("origin0", "carrier0", "tail0")], [store.now_ns])
"""
    best = float("inf")
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        best = min(best, time.perf_counter() - began)
    return best


def lasting(plan: FeaturePlan, world: World, *, times: int) -> list[float]:
    """Return memory in MiB each time after all events have come again, two weeks later."""
    store, found = OnlineStore(plan, now_ns=int(world.times[0])), []
    span = int(world.times[-1]) - int(world.times[0]) + DAY
    for turn in range(times):
        for begin in range(0, len(world.times), BATCH):
            given = world.batch(begin, begin + BATCH)
            moved = given.times_ns + turn * span
            # Other aircraft each time: keys come and go.
            frame = given.frame.with_columns(tail=given.frame["tail"] + f"-{turn}")
            store.ingest(
                type(given)(source=given.source, times_ns=moved, known_ns=moved, frame=frame)
            )
            store.advance(int(moved[-1]))
        found.append(store.memory_bytes / 2**20)
    return found
