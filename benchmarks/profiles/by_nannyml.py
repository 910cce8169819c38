"""NannyML: univariate drift, two statistics per column, in chunks of 100,000 rows."""

from __future__ import annotations

import math
from pathlib import Path

import nannyml

from profiles.child import CATEGORIES, NUMBERS, Answer, Task, frames, main


def task(folder: Path, scale: int) -> Task:
    before, now = frames(folder, scale)
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=NUMBERS + CATEGORIES,
        chunk_size=min(100_000, len(before)),
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
        categorical_methods=["chi2", "jensen_shannon"],
    )

    def compute() -> Answer:
        table = calculator.fit(before).calculate(now).to_df()
        columns = {each[0] for each in table.columns} - {"chunk"}
        return Answer(len(now), len(columns), math.nan)

    return compute


if __name__ == "__main__":
    main(task)
