"""Made-up flights: text with many levels, missing values, infinities, columns that say nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest


@dataclass(frozen=True)
class Rows:
    frame: pl.DataFrame
    binary: np.ndarray
    multiclass: np.ndarray
    target: np.ndarray
    features: tuple[str, ...]


def make_rows(n: int, *, seed: int = 0, first_carrier: int = 0, shift: float = 0.0) -> Rows:
    rng = np.random.default_rng(seed)
    carrier = rng.integers(first_carrier, first_carrier + 8, n)
    delay = rng.normal(shift, 1.0, n)
    drive = 1.5 * delay + (carrier % 4) - 1.5
    frame = pl.DataFrame(
        {
            "carrier": [None if i % 19 == 3 else f"C{c}" for i, c in enumerate(carrier)],
            "delay": [None if i % 13 == 5 else float(d) for i, d in enumerate(delay)],
            "hour": rng.integers(0, 24, n),
            "speed": np.where(rng.random(n) < 0.02, np.inf, rng.normal(size=n)),
            "weekend": rng.random(n) < 0.3,
            "constant": np.ones(n),
            "nothing": pl.Series([None] * n, dtype=pl.Float64),
        }
    )
    return Rows(
        frame=frame,
        binary=(rng.random(n) < 1 / (1 + np.exp(-drive))).astype(float),
        multiclass=np.digitize(drive + rng.normal(size=n), [-1.0, 1.0]).astype(float),
        target=drive + rng.normal(0, 0.1, n),
        features=tuple(frame.columns),
    )


@pytest.fixture(scope="session")
def rows() -> Rows:
    return make_rows(400)


@pytest.fixture(scope="session")
def later() -> Rows:
    """Rows as they come when serving: half of the carriers were never seen."""
    return make_rows(40, seed=1, first_carrier=4)


@pytest.fixture(scope="session")
def more_rows() -> Callable[..., Rows]:
    return make_rows
