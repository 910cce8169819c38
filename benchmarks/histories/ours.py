"""Ostinato: windowed features of every kind, windowed means, and the last values of a join."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from histories.child import Answer, Task, main
from histories.windowed import WINDOWS
from ostinato import features
from ostinato.features.asof import as_of
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch

ORDERS = features.Events("orders", time="at", known="known")


def twenty() -> FeaturePlan:
    """All kinds, windows from an hour to thirty days, keys of 16, 5,000 and a million values."""
    carrier, product, customer = ({"by": key} for key in ("carrier", "product", "customer"))
    return make_plan(
        [
            features.count(ORDERS, window="1h", **carrier),
            features.rate(ORDERS, window="3h", **carrier),
            features.mean(ORDERS, "amount", window="1h", **carrier),
            features.mean(ORDERS, "amount", window="24h", **carrier),
            features.sum(ORDERS, "amount", window="7d", **carrier),
            features.max(ORDERS, "amount", window="24h", **carrier),
            features.quantile(ORDERS, "amount", 0.5, window="24h", **carrier),
            features.distinct(ORDERS, "item", window="24h", **carrier),
            features.count(ORDERS, window="30d", **customer),
            features.sum(ORDERS, "amount", window="30d", **customer),
            features.mean(ORDERS, "amount", window="7d", **customer),
            features.last(ORDERS, "amount", window="30d", **customer),
            features.min(ORDERS, "amount", window="30d", **customer),
            features.distinct(ORDERS, "item", window="30d", **customer),
            features.decayed_mean(ORDERS, "amount", half_life="7d", **customer),
            features.mean(ORDERS, "amount", window="3h", **product),
            features.mean(ORDERS, "amount", window="24h", **product),
            features.quantile(ORDERS, "amount", 0.9, window="7d", **product),
            features.max(ORDERS, "amount", window="7d", **product),
            features.last(ORDERS, "amount", window="7d", **product),
        ]
    )


def means() -> FeaturePlan:
    """The twenty means. Hops of a second: the windows then are to the second what peers have."""
    return make_plan(
        [
            features.mean(ORDERS, "amount", by=key, window=window, hop="1s")
            for key, windows in WINDOWS.items()
            for window in windows
        ]
    )


def join() -> FeaturePlan:
    """The newest value of each of five columns."""
    table = features.Events("features", time="ts")
    return make_plan(
        [features.last(table, f"f{each}", by="entity", window="365d") for each in range(5)]
    )


def nanoseconds(column: pl.Series) -> np.ndarray:
    return (column.dt.epoch("us") * 1_000).to_numpy()


def task(plan: FeaturePlan, events: pl.DataFrame, asked: pl.DataFrame, known: str) -> Task:
    """Return the computation of a plan; it is compiled here, on a few rows."""
    (source,) = plan.sources.values()
    batch = EventBatch(
        source=source.name,
        times_ns=nanoseconds(events[source.time]),
        known_ns=nanoseconds(events[known]),
        frame=events,
    )
    times = nanoseconds(asked[source.time])

    def compute() -> Answer:
        found = as_of(plan, asked, times, {source.name: batch})
        there = sum(found.height - column.null_count() for column in found)
        return Answer(found.height, there, sum(float(column.sum() or 0.0) for column in found))

    as_of(plan, asked[:10], times[:10], {source.name: batch})
    return compute


def _of_orders(plan: FeaturePlan, folder: Path, known: str) -> Task:
    orders, requests = (pl.read_parquet(folder / f"{n}.parquet") for n in ("orders", "requests"))
    return task(plan, orders.sort(known, maintain_order=True), requests, known)


def of_twenty(folder: Path) -> Task:
    return _of_orders(twenty(), folder, "known")


def of_means(folder: Path) -> Task:
    return _of_orders(means(), folder, "at")


def of_join(folder: Path, few: str = "") -> Task:
    names = (f"{few}features", f"{few}labels")
    table, labels = (pl.read_parquet(folder / f"{name}.parquet") for name in names)
    return task(join(), table, labels, "ts")


def of_few(folder: Path) -> Task:
    return of_join(folder, "few_")


if __name__ == "__main__":
    main({"twenty": of_twenty, "means": of_means, "join": of_join, "few": of_few})
