"""Counts per arm: errors in a canary (B8) and shares of units (B9)."""

from __future__ import annotations

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told
from ostinato.stats import ConditionalBinomial, SampleRatio

BASE, SWING, SHARE = 0.02, 0.5, 0.05


def error_counts(
    rng: np.random.Generator, risk: float, batches: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors per batch in canary and control, and canary requests, under a daily swing."""
    day = 2.0 * np.pi * (np.arange(batches) * size / 100_000 + rng.random())
    rate = BASE * (1.0 + SWING * np.sin(day))
    requests = rng.binomial(size, SHARE, batches)
    canary = rng.binomial(requests, rate * risk)
    return canary, rng.binomial(size - requests, rate), requests


def b8(effort: Effort) -> list[Check]:
    paths, batches, size = effort((2_000, 500, 2_000), (200, 200, 2_000))
    checks = []
    for risk in (1.0, 1.1):
        aborted, peeked, counted = 0, 0, 0
        for path in range(paths):
            rng = np.random.default_rng([8, path])
            canary, control, requests = error_counts(rng, risk, batches, size)
            test = ConditionalBinomial.begin()
            test.update(canary, control, SHARE)
            aborted += test.crossed
            peeked += _peeked(canary, control, requests, size)
            # The progressive-delivery rule: more than 3 % errors in any of the intervals.
            counted += bool((canary > np.maximum(0.03 * requests, 2)).any())
        bound = effort(0.06, 0.1)
        checks.append(at_most(f"aborted at relative risk {risk}", aborted / paths, bound))
        if risk == 1.0:
            what = "z-test of rates peeked every batch: aborted at relative risk 1"
            checks.append(at_least(what, peeked / paths, 0.2, teeth=True))
            what = "more than 3 % errors in an interval: aborted at relative risk 1"
            checks.append(at_least(what, counted / paths, 0.5, teeth=True))
    for risk in (1.3, 1.5, 2.0, 5.0):
        took = []
        for path in range(effort(200, 60)):
            rng = np.random.default_rng([8, 1, path])
            canary, control, requests = error_counts(rng, risk, 8_000, 100)
            test = ConditionalBinomial.begin()
            test.update(canary, control, SHARE)
            errors = np.cumsum(canary + control)
            at = np.searchsorted(errors, test.crossed_at) if test.crossed else len(errors) - 1
            took.append(int(requests[: at + 1].sum()))
        what = f"canary requests to abort at relative risk {risk:g}"
        median = float(np.median(took))
        checks.append(
            at_most(what, median, effort(500, 700)) if risk == 2.0 else told(what, median)
        )
    return checks


def _peeked(canary, control, requests, size) -> bool:
    """One-sided z-test of two proportions on all counts so far, looked at after each batch."""
    ours, theirs = np.cumsum(requests), np.cumsum(size - requests)
    bad, others = np.cumsum(canary), np.cumsum(control)
    pooled = (bad + others) / (ours + theirs)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / ours + 1.0 / theirs))
    z = (bad / ours - others / theirs) / np.maximum(error, 1e-9)
    return bool((z[4:] > 1.645).any())


def b9(effort: Effort) -> list[Check]:
    paths, units = effort((10_000, 10_000), (300, 10_000))
    crossed, peeked, strict = 0, 0, 0
    looks = np.arange(100, units + 1, 100)
    for path in range(paths):
        arms = (np.random.default_rng([9, path]).random(units) < 0.5).astype(np.int64)
        test = SampleRatio.begin([0.5, 0.5])
        test.update(arms)
        crossed += test.crossed
        z = np.abs(np.cumsum(arms)[looks - 1] - 0.5 * looks) / np.sqrt(0.25 * looks)
        peeked += bool((z > 1.96).any())
        strict += bool((z > 3.891).any())
    caught = []
    for path in range(effort(200, 40)):
        arms = (np.random.default_rng([9, 1, path]).random(60_000) < 0.52).astype(np.int64)
        test = SampleRatio.begin([0.5, 0.5])
        test.update(arms)
        caught.append(test.crossed_at if test.crossed else np.inf)
    return [
        at_most("null paths that cross at level 1e-4", crossed / paths, 1.5e-4),
        told("chi-squared at level 1e-4 peeked every 100 units: cross", strict / paths),
        at_least("chi-squared at p < .05 peeked: cross", peeked / paths, 0.2, teeth=True),
        at_most("units until 48/52 is caught, median", float(np.median(caught)), 2e4),
        at_most(
            "units until 48/52 is caught, 95 % of paths", float(np.quantile(caught, 0.95)), 4e4
        ),
    ]
