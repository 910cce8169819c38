"""By hand, with SciPy: `ks_2samp` and `chi2_contingency`."""

from __future__ import annotations

from pathlib import Path

from scipy.stats import chi2_contingency, ks_2samp

from profiles.child import CATEGORIES, NUMBERS, Answer, Task, frames, main


def task(folder: Path, scale: int) -> Task:
    before, now = frames(folder, scale)

    def compute() -> Answer:
        largest = max(
            ks_2samp(before[each].to_numpy(), now[each].to_numpy()).statistic for each in NUMBERS
        )
        for each in CATEGORIES:
            a, b = before[each].value_counts(), now[each].value_counts()
            levels = a.index.union(b.index)
            chi2_contingency([c.reindex(levels, fill_value=0) for c in (a, b)])
        return Answer(len(now), len(NUMBERS) + len(CATEGORIES), float(largest))

    return compute


if __name__ == "__main__":
    main(task)
