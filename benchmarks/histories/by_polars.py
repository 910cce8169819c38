"""Polars by hand: `join_asof`, and rolling means over orders and requests together."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from histories.child import Answer, Task, main
from histories.windowed import WINDOWS


def join(folder: Path) -> Task:
    table, labels = (pl.read_parquet(folder / f"{n}.parquet") for n in ("features", "labels"))

    def compute() -> Answer:
        found = labels.join_asof(
            table, on="ts", by="entity", strategy="backward", check_sortedness=False
        )
        values = found.select("f0", "f1", "f2", "f3", "f4")
        there = sum(found.height - column.null_count() for column in values)
        return Answer(found.height, there, sum(float(column.sum()) for column in values))

    return compute


def means(folder: Path) -> Task:
    """Requests stand among the orders, without an amount; of equal times they come last."""
    orders, requests = (pl.read_parquet(folder / f"{n}.parquet") for n in ("orders", "requests"))

    def compute() -> Answer:
        there, total = 0, 0.0
        for key, windows in WINDOWS.items():
            both = pl.concat(
                [
                    orders.select("at", key, "amount", asked=False),
                    requests.select("at", key, amount=pl.lit(None, pl.Float64), asked=True),
                ]
            ).sort(key, "at", "asked")
            for window in windows:
                found = both.rolling("at", period=window, closed="both", group_by=key).agg(
                    pl.col("amount").mean()
                )["amount"]
                found = found.filter(both["asked"])
                there += requests.height - found.null_count()
                total += float(found.sum())
        return Answer(requests.height, there, total)

    return compute


if __name__ == "__main__":
    main({"join": join, "means": means})
