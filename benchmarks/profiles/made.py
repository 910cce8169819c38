"""The rows: forty numbers of three shapes, ten categories; some of the current ones moved.

Columns and shifts are those with which the peers were measured before this was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

NUMBERS = tuple(f"n{each}" for each in range(40))
CATEGORIES = tuple(f"c{each}" for each in range(10))
REFERENCE = "reference"
_AT_ONCE = 250_000


@dataclass(frozen=True)
class Sizes:
    """Rows of the reference, and of one scale of current rows."""

    reference: int = 100_000
    current: int = 1_000_000


QUICK = Sizes(5_000, 20_000)
SCALES = (1, 2, 4)


def make(folder: Path, sizes: Sizes) -> None:
    """Write all tables that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "sizes.txt"
    if stamp.exists() and stamp.read_text() == str(sizes):
        return
    _rows(sizes.reference, moved=False).write_parquet(folder / f"{REFERENCE}.parquet")
    for scale in SCALES:
        _rows(scale * sizes.current, moved=True).write_parquet(folder / f"{scale}.parquet")
    stamp.write_text(str(sizes))


def _rows(count: int, *, moved: bool) -> pl.DataFrame:
    rng = np.random.default_rng(count)
    parts = [
        _part(rng, min(_AT_ONCE, count - start), moved=moved) for start in range(0, count, _AT_ONCE)
    ]
    return pl.concat(parts)


def _part(rng: np.random.Generator, count: int, *, moved: bool) -> pl.DataFrame:
    columns: dict[str, np.ndarray] = {}
    for place, name in enumerate(NUMBERS):
        values = rng.normal(0.15 if moved and place % 4 == 0 else 0.0, 1.0, count)
        shapes = {1: np.exp, 2: lambda each: np.floor(each * 10)}
        columns[name] = shapes.get(place % 4, np.asarray)(values)
    for place, name in enumerate(CATEGORIES):
        levels = 5 * (place + 1)
        odds = 1 / np.arange(1, levels + 1) ** (1.1 if moved and place % 4 == 0 else 1.0)
        chosen = rng.choice(levels, count, p=odds / odds.sum())
        columns[name] = np.array([f"level_{each}" for each in range(levels)])[chosen]
    return pl.DataFrame(columns)
