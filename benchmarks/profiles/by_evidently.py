"""Evidently: the drift preset over all columns."""

from __future__ import annotations

import math
from pathlib import Path

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from profiles.child import CATEGORIES, NUMBERS, Answer, Task, frames, main


def task(folder: Path, scale: int) -> Task:
    before, now = frames(folder, scale)
    schema = DataDefinition(numerical_columns=NUMBERS, categorical_columns=CATEGORIES)

    def compute() -> Answer:
        report = Report([DataDriftPreset(columns=NUMBERS + CATEGORIES)])
        current, reference = (Dataset.from_pandas(each, schema) for each in (now, before))
        metrics = report.run(current, reference).dict()["metrics"]
        return Answer(len(now), len(metrics) - 1, math.nan)

    return compute


if __name__ == "__main__":
    main(task)
