"""By hand, with NumPy: counts between 127 quantiles of the reference, then PSI and KS."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from profiles.child import CATEGORIES, NUMBERS, Answer, Task, frames, main

QUANTILES = np.linspace(0, 1, 129)[1:-1]


def psi_ks(reference: np.ndarray, current: np.ndarray) -> tuple[float, float]:
    p, q = reference / reference.sum(), current / current.sum()
    ks = float(np.abs(np.cumsum(p) - np.cumsum(q)).max())
    p, q = np.maximum(p, 1e-6), np.maximum(q, 1e-6)
    return float(((p - q) * np.log(p / q)).sum()), ks


def task(folder: Path, scale: int) -> Task:
    before, now = frames(folder, scale)
    pairs = [(before[each].to_numpy(), now[each].to_numpy()) for each in NUMBERS]

    def compute() -> Answer:
        found = []
        for first, second in pairs:
            edges = np.unique(np.quantile(first, QUANTILES))
            counts = [
                np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
                for values in (first, second)
            ]
            found.append(psi_ks(*counts)[1])
        for each in CATEGORIES:
            a, b = before[each].value_counts(), now[each].value_counts()
            levels = a.index.union(b.index)
            psi_ks(*(c.reindex(levels, fill_value=0).to_numpy() for c in (a, b)))
        return Answer(len(now), len(NUMBERS) + len(CATEGORIES), max(found))

    return compute


if __name__ == "__main__":
    main(task)
