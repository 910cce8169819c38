"""What does computing features cost a request that is served, and an event that is posted?

A gateway in this process, without sockets: requests go in as bytes, one after the other and 64 at
once, answers come out as bytes and are in the log (asynchronous durability, so that the disk is
none of it). Processor time of the whole process by request, best of several rounds in turns:

- `plain`: four columns and nothing computed;
- `windowed`: the same and 20 windowed aggregates of 3 keys over posted events;
- `shared`: the same, one gateway of two: it looks at the log before each batch;
- `rows`: by itself again, and an expression, a function;
- `own`: the same, and a count of the loop's own requests: each request is an event as well.

`serve_us` is the computing alone, from inputs to served rows. Events are posted one by one, and a
thousand at once with and without ids.

    POLARS_MAX_THREADS=1 python benchmarks/features_serving.py    # as gateways run; a minute
    python benchmarks/features_serving.py --quick
    python benchmarks/features_serving.py --json
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from ostinato import Label, Loop, features
from ostinato.checks.samples import sample_lineage
from ostinato.features.online import OnlineStore
from ostinato.learn.compiled import compile_model
from ostinato.learn.estimators import fit
from ostinato.live.config import ServiceConfig
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.gateway.gateway import Gateway
from ostinato.live.gateway.http import Request
from ostinato.live.gateway.route import RouteTable
from ostinato.live.history_file import write_history
from ostinato.live.layout import Layout
from ostinato.live.published import Published, write
from ostinato.live.schema import make_schema
from ostinato.live.tracked import Tracked, write_tracked
from ostinato.replay.history import make_history
from ostinato.stores.registry_folder import FolderRegistry

KEYS = 1_000
REQUESTS, QUICK_REQUESTS = 1_000, 20
ROUNDS, QUICK_ROUNDS = 7, 2
EVENTS = 20_000
AT_ONCE = 64

LANDINGS = features.Events(
    "landings",
    time="landed",
    columns={"carrier": "text", "origin": "text", "tail": "text", "delay": "number"},
)


def windowed() -> list[Any]:
    """Twenty aggregates of three keys."""
    found: list[Any] = []
    for key in ("carrier", "origin", "tail"):
        for window in ("1h", "6h", "1d"):
            found += [
                features.mean(LANDINGS, "delay", by=key, window=window),
                features.count(LANDINGS, by=key, window=window),
            ]
    found += [
        features.last(LANDINGS, "delay", by="tail", window="1d"),
        features.quantile(LANDINGS, "delay", 0.9, by="origin", window="1d"),
    ]
    assert len(found) == 20
    return found


def declared() -> dict[str, list[Any]]:
    """The computed features of each loop that is measured."""
    by_row = [
        features.Expr("far", pl.col("distance") > 1_000.0),
        features.Function("tail_length", lambda tail: len(tail or ""), inputs=["tail"]),
    ]
    own = [features.count(features.requests(), by="carrier", window="1h")]
    return {
        "plain": [],
        "windowed": windowed(),
        "shared": windowed(),
        "rows": [*windowed(), *by_row],
        "own": [*windowed(), *by_row, *own],
    }


@dataclass(frozen=True)
class Cost:
    """Microseconds of processor time by request: alone, of 64 at once; of computing alone."""

    loop: str
    features: int
    request_us: float
    at_once_us: float
    serve_us: float


@dataclass(frozen=True)
class Rate:
    """Posted events per second of processor time."""

    posted: str
    events_per_s: float


class World:
    """A service's folder with a trained version, and a gateway of it in this process."""

    def __init__(self, folder: Path, computed: Sequence[Any], *, gateways: int = 1) -> None:
        self.gateways = gateways
        self.layout = Layout(folder)
        self.layout.make()
        self.loop = Loop(
            name="flights",
            task="binary",
            time="at",
            features=["distance", "carrier", "origin", "tail", *computed],
            label=Label("late", delay="1h", horizon="1d"),
            learner=LogisticRegression(max_iter=300),
        )
        table = _table(500)
        end_ns = int(table["at"].dt.timestamp("ns").max()) + 1  # type: ignore[arg-type] # it has rows
        history = make_history(self.loop, table, start=None, end=None, begin_ns=end_ns)
        self.schema = make_schema(self.loop, table, history)
        write_history(self.layout.history, history)
        artifact = FolderRegistry(self.layout.registry).register(
            "v001", self._trained(history.frame, history.labels), sample_lineage(500)
        )
        write(self.layout.routes, Published(epoch=1, champion="v001", artifacts={"v001": artifact}))
        if self.loop.feature_plan.tallies:
            feed = FeatureFeed(self.schema, self.loop.feature_plan, horizon_ns=10**9)
            write_tracked(
                self.layout, Tracked(feed, OnlineStore(self.loop.feature_plan), 0, _nobody)
            )
        self.asked = [json.dumps({"inputs": row}).encode() for row in _inputs()]
        self.gateway: Any = None

    def _trained(self, frame: pl.DataFrame, labels: Any) -> bytes:
        return fit(
            self.loop.learner,
            frame,
            labels,
            None,
            features=self.loop.feature_names,
            task="binary",
            classes=2,
            seed=0,
        ).to_bytes()

    async def begin(self) -> None:
        config = ServiceConfig(
            target="", loop="flights", durability="async", gateways=self.gateways
        )
        self.gateway = Gateway(self.layout, config, self.schema, self.loop, compiling=compile_model)
        self.table = RouteTable(self.gateway.routes)
        self.gateway.start()
        await self.gateway.loaded(600)

    async def post(self, what: str, body: bytes) -> None:
        route, arguments = self.table.find("POST", f"/loops/flights/{what}")
        request = Request("POST", "", body)
        request.arguments = arguments
        answer = await route.handler(request)
        assert answer.status == 200, answer.body

    async def requests(self, count: int, at_once: int) -> float:
        """Return microseconds by request."""
        begin = time.process_time_ns()
        for start in range(0, count, at_once):
            bodies = [self.asked[(start + i) % len(self.asked)] for i in range(at_once)]
            await asyncio.gather(*(self.post("predict", body) for body in bodies))
        return (time.process_time_ns() - begin) / count / 1_000

    def served(self, count: int) -> float:
        """Return microseconds of computing by row."""
        made = self.gateway.features
        if made is None:
            return 0.0
        rows = [tuple(row.values()) for row in _inputs()]
        begin = time.process_time_ns()
        for place in range(count):
            made.serve([rows[place % KEYS]], [self.gateway.clock.now_ns()])
        return (time.process_time_ns() - begin) / count / 1_000


def _nobody(sentence: str) -> None:
    raise AssertionError(sentence)


def _table(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    at = np.datetime64("2024-01-01", "us") + np.arange(rows) * np.timedelta64(60, "s")
    return pl.DataFrame(
        {
            "at": pl.Series(at).dt.replace_time_zone("UTC"),
            "distance": rng.uniform(100, 2_000, rows),
            "carrier": rng.choice(["AA", "UA", "DL"], rows),
            "origin": rng.choice(["JFK", "LGA", "EWR"], rows),
            "tail": [f"N{i % KEYS}" for i in range(rows)],
            "late": rng.integers(0, 2, rows),
        }
    )


def _inputs() -> list[dict[str, Any]]:
    return [
        {
            "distance": 500.0 + place,
            "carrier": ("AA", "UA", "DL")[place % 3],
            "origin": ("JFK", "LGA", "EWR")[place % 3],
            "tail": f"N{place}",
        }
        for place in range(KEYS)
    ]


def _events(now_ns: int, start: int, count: int, *, ids: bool) -> bytes:
    rows = _inputs()
    events = [
        {
            "time": now_ns - (i * 86_400_000_000_000 // EVENTS),
            **{name: rows[i % KEYS][name] for name in ("carrier", "origin", "tail")},
            "delay": float(i % 90),
            **({"id": start + i} if ids else {}),
        }
        for i in range(count)
    ]
    return json.dumps({"source": "landings", "events": events}).encode()


async def posted(world: World, *, quick: bool) -> list[Rate]:
    """Post events in three ways; the windows are full afterwards."""
    rates = []
    for name, calls, size, ids in (
        ("one by one", 20 if quick else 500, 1, False),
        ("1,000 at once", 1 if quick else 20, 1_000, False),
        ("1,000 at once with ids", 1 if quick else 5, 1_000, True),
    ):
        bodies = [
            _events(world.gateway.clock.now_ns(), call * size, size, ids=ids)
            for call in range(calls)
        ]
        begin = time.process_time_ns()
        for body in bodies:
            await world.post("events", body)
        took_s = (time.process_time_ns() - begin) / 1e9
        rates.append(Rate(name, calls * size / took_s))
    return rates


async def measure(folder: Path, *, quick: bool) -> tuple[list[Cost], list[Rate]]:
    """Measure all loops, in turns."""
    worlds = {
        name: World(folder / name, made, gateways=2 if name == "shared" else 1)
        for name, made in declared().items()
    }
    rates: list[Rate] = []
    for name, world in worlds.items():
        await world.begin()
        if name != "plain":
            rates = await posted(world, quick=quick)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in worlds}
    count = QUICK_REQUESTS if quick else REQUESTS
    gc.collect()
    gc.freeze()
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for name, world in worlds.items():
            alone, together = await world.requests(count, 1), await world.requests(count, AT_ONCE)
            found[name].append((alone, together, world.served(count)))
    costs = [
        Cost(name, len(worlds[name].loop.feature_plan.computed), *map(min, zip(*each, strict=True)))
        for name, each in found.items()
    ]
    for world in worlds.values():
        await world.gateway.close()
    return costs, rates


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few requests")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs, rates = asyncio.run(measure(Path(folder), quick=given.quick))
    if given.json:
        told = {"costs": [asdict(c) for c in costs], "rates": [asdict(r) for r in rates]}
        print(json.dumps(told, indent=1))
        return
    print(f"{'loop':12}{'features':>9}{'request us':>12}{'of 64 us':>12}{'serve us':>12}")
    for cost in costs:
        print(
            f"{cost.loop:12}{cost.features:9}{cost.request_us:12.1f}{cost.at_once_us:12.1f}"
            f"{cost.serve_us:12.1f}"
        )
    for rate in rates:
        print(f"events {rate.posted:25}{rate.events_per_s:12,.0f} /s")


if __name__ == "__main__":
    main()
