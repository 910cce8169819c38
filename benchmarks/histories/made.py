"""The histories: orders with three keys, and a table of features beside one of labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

DAYS = 90
CARRIERS, PRODUCTS, CUSTOMERS, ENTITIES = 16, 5_000, 1_000_000, 10_000
_SECOND = 1_000_000  # microseconds
_DAY = 86_400 * _SECOND
_BEGIN = 1_755_000_000 * _SECOND


@dataclass(frozen=True)
class Sizes:
    """Rows: orders and requests, features and labels, and those that Feast is given."""

    orders: int = 10_000_000
    requests: int = 1_000_000
    features: int = 5_000_000
    labels: int = 1_000_000
    few_features: int = 500_000
    few_labels: int = 100_000


QUICK = Sizes(200_000, 20_000, 100_000, 20_000, 5_000, 1_000)


def make(folder: Path, sizes: Sizes) -> None:
    """Write all tables that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "sizes.txt"
    if stamp.exists() and stamp.read_text() == str(sizes):
        return
    _orders(sizes.orders, 0).write_parquet(folder / "orders.parquet")
    _requests(sizes.requests, 1).write_parquet(folder / "requests.parquet")
    for name, features, labels in (
        ("", sizes.features, sizes.labels),
        ("few_", sizes.few_features, sizes.few_labels),
    ):
        _features(features, 2).write_parquet(folder / f"{name}features.parquet")
        _labels(labels, 3).write_parquet(folder / f"{name}labels.parquet")
    stamp.write_text(str(sizes))


def _moments(rng: np.random.Generator, count: int, first_day: int = 0) -> np.ndarray:
    """Whole seconds, so that every contender can mean the same by a window."""
    return np.sort(rng.integers(first_day * 86_400, DAYS * 86_400, count)) * _SECOND + _BEGIN


def _keys(rng: np.random.Generator, count: int) -> dict[str, pl.Series]:
    """Few carriers, some products (a few of them sell most), many customers."""
    carriers = np.array([f"C{each:02}" for each in range(CARRIERS)])
    products = np.array([f"P{each:05}" for each in range(PRODUCTS)])
    popular = np.minimum((rng.pareto(1.0, count) * 100).astype(np.int64), PRODUCTS - 1)
    busy = (rng.pareto(1.2, count) * 4e4).astype(np.int64) % CUSTOMERS
    return {
        "carrier": pl.Series(carriers[rng.integers(0, CARRIERS, count)]),
        "product": pl.Series(products[popular]),
        "customer": pl.Series(busy),
    }


def _time(microseconds: np.ndarray) -> pl.Series:
    return pl.Series(microseconds).cast(pl.Datetime("us", "UTC"))


def _orders(count: int, seed: int) -> pl.DataFrame:
    """One in ten becomes known up to ten minutes late."""
    rng = np.random.default_rng(seed)
    times = _moments(rng, count)
    late = rng.integers(0, 600, count) * (rng.random(count) < 0.1) * _SECOND
    return pl.DataFrame(
        {
            "at": _time(times),
            "known": _time(times + late),
            **_keys(rng, count),
            "amount": np.round(rng.lognormal(3, 1, count), 2) - 5,
            "item": rng.integers(0, 50_000, count),
        }
    )


def _requests(count: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"at": _time(_moments(rng, count, 10)), **_keys(rng, count)})


def _busy_entities(rng: np.random.Generator, count: int) -> np.ndarray:
    return (rng.pareto(1.2, count) * 400).astype(np.int64) % ENTITIES


def _features(count: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, DAYS * _DAY, count)) + _BEGIN
    values = {f"f{each}": rng.normal(size=count) for each in range(5)}
    return pl.DataFrame({"entity": _busy_entities(rng, count), "ts": _time(times), **values})


def _labels(count: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(9 * _DAY, DAYS * _DAY, count)) + _BEGIN
    return pl.DataFrame({"entity": _busy_entities(rng, count), "ts": _time(times)})
