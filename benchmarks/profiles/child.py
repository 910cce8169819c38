"""Run one contender and tell what it took. Peers import it: standard library only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from histories.child import Answer, Task
from histories.child import main as run

__all__ = ["CATEGORIES", "NUMBERS", "Answer", "Task", "frames", "main"]

NUMBERS = [f"n{each}" for each in range(40)]
CATEGORIES = [f"c{each}" for each in range(10)]


def frames(folder: Path, scale: int):
    """Reference and current rows as pandas tables, for the peers that take those."""
    import pandas as pd  # noqa: PLC0415 - this file is imported where there is no pandas

    return tuple(pd.read_parquet(folder / f"{each}.parquet") for each in ("reference", scale))


def main(task: Callable[[Path, int], Task]) -> None:
    """Carry out ``SCALE FOLDER [ROUNDS]`` of the command line."""
    run({str(scale): lambda folder, scale=scale: task(folder, scale) for scale in (1, 2, 4)})
