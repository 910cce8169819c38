"""whylogs: profiles of the reference and of four parts of the rows, which are merged."""

from __future__ import annotations

import math
from pathlib import Path

import whylogs

from profiles.child import Answer, Task, frames, main


def task(folder: Path, scale: int) -> Task:
    before, now = frames(folder, scale)

    def compute() -> Answer:
        whylogs.log(pandas=before).view()
        size = len(now) // 4
        parts = [
            whylogs.log(pandas=now.iloc[at * size : (at + 1) * size]).view() for at in range(4)
        ]
        merged = parts[0]
        for each in parts[1:]:
            merged = merged.merge(each)
        return Answer(4 * size, len(merged.get_columns()), math.nan)

    return compute


if __name__ == "__main__":
    main(task)
