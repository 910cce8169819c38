"""Has the distribution moved? False flags of calibrated distances and of fixed thresholds (B10)."""

from __future__ import annotations

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told, within
from ostinato.stats.distances import cramers_v, jensen_shannon, psi
from ostinato.stats.kll import QuantileSketch
from ostinato.stats.value_distances import kolmogorov_smirnov

LEVEL = 0.05


def b10(effort: Effort) -> list[Check]:
    draws = effort(3_000, 300)
    low, high = effort((0.5, 2.0), (0.3, 2.2))
    checks = []
    for rows in (200, 1_000, 10_000, 1_000_000):
        for bins in (5, 10, 20):
            if effort.quick and (rows, bins) not in {(200, 5), (1_000, 10), (1_000_000, 20)}:
                continue
            rng = np.random.default_rng([10, rows, bins])
            shares = np.full(bins, 1.0 / bins)
            reference = rng.multinomial(10 * rows, shares, draws)
            current = rng.multinomial(rows, shares, draws)
            for name, distance in (("PSI", psi), ("JS", jensen_shannon), ("chi2", cramers_v)):
                pairs = zip(reference, current, strict=True)
                rate = float(np.mean([distance(a, b).p < LEVEL for a, b in pairs]))
                what = f"{name}, {bins} bins, n={rows:,}: null flags / nominal"
                checks.append(within(what, rate / LEVEL, low, high))
    return [*checks, *_ranks(effort, low, high), *_thresholds(effort)]


def _ranks(effort: Effort, low: float, high: float) -> list[Check]:
    checks = []
    for rows, draws, level in ((200, 2_000, 0.05), (10_000, 600, 0.05), (1_000_000, 40, 0.25)):
        if effort.quick and rows > 200:
            continue
        rng = np.random.default_rng([10, 1, rows])
        flags = 0
        for _ in range(effort(draws, 400)):
            first = np.sort(rng.normal(size=rows))
            flags += kolmogorov_smirnov(first, np.sort(rng.normal(size=rows))).p < level
        what = f"KS, n={rows:,}: null flags / nominal {level}"
        checks.append(within(what, flags / effort(draws, 400) / level, low, high))
    try:
        apart = [_sketched(seed) for seed in range(effort(20, 3))]
    except ImportError:  # the extra is not installed
        return checks
    return [*checks, at_most("KS of sketches - exact, in their rank error", max(apart), 2.0)]


def _sketched(seed: int) -> float:
    rng = np.random.default_rng([10, 2, seed])
    first, second = np.sort(rng.normal(size=20_000)), np.sort(rng.normal(0.1, 1.0, 20_000))
    sketches = [QuantileSketch.begin(), QuantileSketch.begin()]
    for sketch, values in zip(sketches, (first, second), strict=True):
        sketch.update(rng.permutation(values))
    found = sketches[0].kolmogorov_smirnov(sketches[1]).effect
    error = max(sketch.rank_error for sketch in sketches)
    return abs(found - kolmogorov_smirnov(first, second).effect) / error


def _thresholds(effort: Effort) -> list[Check]:
    """The rule of thumb, PSI over .1 in 30 bins of the reference, and ours on the same rows."""
    checks, draws = [], effort(600, 100)
    for rows, bound in ((200, 0.8), (500, None), (2_000, None)):
        rng = np.random.default_rng([10, 3, rows])
        thumb, ours = 0, 0
        for _ in range(draws):
            reference = np.sort(rng.normal(size=10_000))
            cuts = np.quantile(reference, np.arange(1, 30) / 30)
            counts = [
                np.bincount(np.searchsorted(cuts, values), minlength=30).astype(float)
                for values in (reference, rng.normal(size=rows))
            ]
            p, q = (np.maximum(each / each.sum(), 1e-4) for each in counts)
            thumb += float(((p - q) * np.log(p / q)).sum()) > 0.1
            ours += psi(*counts).low > 0.1
        what = f"PSI > .1 in 30 bins, n={rows:,}: null flags"
        checks.append(
            told(what, thumb / draws)
            if bound is None
            else at_least(what, thumb / draws, bound, teeth=True)
        )
        checks.append(
            at_most(f"ours, sure of PSI > .1, n={rows:,}: null flags", ours / draws, 0.02)
        )
    return checks
