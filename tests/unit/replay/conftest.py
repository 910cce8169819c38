"""A small seeded world: four numbers, a category, a late label, and a concept that can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import ostinato as ost


def make_world(
    rows: int = 6000, *, change: float | None = None, days: int = 60, seed: int = 0
) -> pl.DataFrame:
    """A table in order of time; from share `change` on the first effect is reversed."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(0, days * 86_400, rows))
    x = rng.normal(size=(rows, 4))
    kind = rng.choice(["a", "b", "c"], rows)
    effect = np.tile([1.5, -1.0, 0.5, 0.0], (rows, 1))
    if change is not None:
        effect[int(rows * change) :, 0] = -1.5
    odds = (x * effect).sum(axis=1) + (kind == "a")
    label = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    times = pl.Series("at", seconds * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.DataFrame(
        {"at": times, **{f"x{i}": x[:, i] for i in range(4)}, "kind": kind, "y": label}
    )


@pytest.fixture(scope="session")
def world() -> Callable[..., pl.DataFrame]:
    return make_world


@pytest.fixture(scope="session")
def make_loop() -> Callable[..., ost.Loop]:
    """Loops that are not watched unless asked for: watching takes its time in every tick."""

    def make(**changes: Any) -> ost.Loop:
        settings: dict[str, Any] = {
            "name": "small",
            "task": "binary",
            "time": "at",
            "features": ["x0", "x1", "x2", "x3", "kind"],
            "label": ost.Label("y", delay="6h", horizon="12h"),
            "learner": LogisticRegression(),
            "slices": ["kind"],
            "policy": ost.policies.scheduled("7d", holdout="3d"),
            "monitors": None,
        }
        return ost.Loop(**{**settings, **changes})

    return make
