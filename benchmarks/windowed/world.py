"""Landings of flights at a large network, and twenty windowed features over three keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ostinato import features
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch

SECOND = 1_000_000_000
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
BEGIN = 1_700_000_000 * SECOND
ORIGINS, CARRIERS, TAILS = 300, 16, 20_000
KEYS = ("origin", "carrier", "tail")
DAYS = 14
"""Time that the events lie in: twice the longest window, so that memory has settled."""


@dataclass(frozen=True, slots=True)
class World:
    """Events in order of time, and requests after them."""

    times: np.ndarray
    frame: pl.DataFrame
    rows: list[tuple[str, str, str]]

    def batch(self, begin: int, end: int) -> EventBatch:
        return EventBatch(
            source="landings",
            times_ns=self.times[begin:end],
            known_ns=self.times[begin:end],
            frame=self.frame[begin:end],
        )


def world(events: int, requests: int, seed: int = 0) -> World:
    rng = np.random.default_rng(seed)

    def column(name: str, count: int) -> list[str]:
        # Some keys have many more events than others.
        drawn = (count * rng.random(events + requests) ** 2).astype(np.int64)
        return [f"{name}{key}" for key in drawn.tolist()]

    columns = [
        column(name, count) for name, count in zip(KEYS, (ORIGINS, CARRIERS, TAILS), strict=True)
    ]
    keys = list(zip(*columns, strict=True))
    frame = pl.DataFrame(keys[:events], schema=list(KEYS), orient="row")
    return World(
        times=BEGIN + np.sort(rng.integers(0, DAYS * DAY, events)),
        frame=frame.with_columns(delay=pl.Series(rng.gamma(1.0, 20.0, events) - 10.0)),
        rows=keys[events:],
    )


def plan(*, sketches: bool, by: tuple[str, ...] = KEYS) -> FeaturePlan:
    """Twenty aggregates; `sketches`: six of them count different values or take quantiles."""
    landings = features.Events("landings", time="landed")
    found: list[features.Aggregate] = []
    for key in by:
        delay = (landings, "delay")
        found += [
            features.count(landings, by=key, window="1h"),
            features.mean(*delay, by=key, window="1h"),
            features.mean(*delay, by=key, window="24h"),
            features.max(*delay, by=key, window="24h"),
            features.distinct(landings, "tail", by=key, window="24h")
            if sketches
            else features.sum(*delay, by=key, window="7d"),
            features.quantile(*delay, 0.9, by=key, window="24h")
            if sketches
            else features.last(*delay, by=key, window="7d"),
        ]
    found += [features.rate(landings, by=key, window="24h") for key in by[:2]]
    return make_plan([*KEYS, *found])
