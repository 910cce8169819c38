"""Ours: cells are fitted to the reference, current rows counted, and both compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from histories.child import Answer, Task, main
from ostinato import Profile

HOURS = 24


def _tables(folder: Path, scale: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.read_parquet(folder / "reference.parquet"), pl.read_parquet(
        folder / f"{scale}.parquet"
    )


def _answer(compared: pl.DataFrame, rows: int) -> Answer:
    measured = compared.filter(pl.col("psi").is_not_null())
    return Answer(rows, measured.height, float(measured["ks"].max()))


def whole(folder: Path, scale: str) -> Task:
    """All of it, from the reference on."""
    before, now = _tables(folder, scale)

    def compute() -> Answer:
        reference = Profile.fit(before)
        return _answer(reference.compare(reference.count(now)), now.height)

    return compute


def hour(folder: Path) -> Task:
    """One more hour of a day of which the others are counted."""
    before, now = _tables(folder, "1")
    reference, rows = Profile.fit(before), now.height // HOURS
    others, last = reference.count(now[:-rows]), now[-rows:]

    def compute() -> Answer:
        return _answer(reference.compare(others + reference.count(last)), rows)

    return compute


def merge(folder: Path) -> Task:
    """Counts of four workers added up; they must be those of one pass."""
    before, now = _tables(folder, "1")
    reference, rows = Profile.fit(before), now.height // 4
    parts = [reference.count(now[at * rows : (at + 1) * rows]) for at in range(4)]
    one = reference.count(now[: 4 * rows])

    def compute() -> Answer:
        merged = parts[0] + parts[1] + parts[2] + parts[3]
        same = [
            np.array_equal(getattr(merged.counted, each), getattr(one.counted, each))
            for each in ("counts", "marks", "marked", "low", "high")
        ]
        return Answer(merged.rows, sum(same), float(all(same)))

    return compute


if __name__ == "__main__":
    scales = {scale: lambda folder, scale=scale: whole(folder, scale) for scale in ("1", "2", "4")}
    main({**scales, "hour": hour, "merge": merge})
