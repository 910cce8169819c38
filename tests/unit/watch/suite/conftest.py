from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest


def make_flights(rows: int = 4000, *, seed: int = 0) -> pl.DataFrame:
    """Requests as they should be: a number, a category, a flag, labels two to six hours late."""
    rng = np.random.default_rng(seed)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    asked = [begin + timedelta(minutes=10 * i) for i in range(rows)]
    temp = rng.normal(15.0, 6.0, rows).round(1)
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "asked": asked,
            "temp": pl.Series(temp).scatter(np.flatnonzero(rng.random(rows) < 0.02), None),
            "seats": rng.integers(50, 400, rows),
            "carrier": rng.choice(["AA", "UA", "DL", "B6"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "late": (rng.random(rows) < 0.2).astype(np.int64),
            "landed": [each + timedelta(hours=2 + 4 * float(rng.random())) for each in asked],
        }
    )


@pytest.fixture(scope="session")
def flights() -> Callable[..., pl.DataFrame]:
    return make_flights


@pytest.fixture(scope="session")
def roles() -> dict[str, str]:
    return {"label": "late", "time": "asked", "label_time": "landed", "ids": "id"}
