"""alibi-detect: `TabularDrift` over one array, categories as numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift

from profiles.child import CATEGORIES, NUMBERS, Answer, Task, frames, main


def task(folder: Path, scale: int) -> Task:
    before, now = frames(folder, scale)
    for each in CATEGORIES:
        levels = pd.CategoricalDtype(sorted(set(before[each].unique()) | set(now[each].unique())))
        for table in (before, now):
            table[each] = table[each].astype(levels).cat.codes
    reference, current = (
        table[NUMBERS + CATEGORIES].to_numpy(dtype=np.float64) for table in (before, now)
    )

    def compute() -> Answer:
        kinds = {len(NUMBERS) + place: None for place in range(len(CATEGORIES))}
        detector = TabularDrift(reference, p_val=0.05, categories_per_feature=kinds)
        found = detector.predict(current, drift_type="feature")["data"]
        return Answer(len(current), len(found["distance"]), math.nan)

    return compute


if __name__ == "__main__":
    main(task)
