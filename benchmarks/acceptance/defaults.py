"""The default policy against a candidate that is worse by the margin (D1).

Through the gates on a holdout of a week and the live proof, with nothing set by hand; beside it the
proof alone, and what passes when nothing but the average on the holdout is asked.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told
from acceptance.product import DEFAULT, NO_GATES, release

MARGIN = 0.01  # of the champion's loss: the default of a rollout
HOLDOUT_DAYS = 7


def log_losses(rng, effect, rows):
    """Losses of some .4 that differ by .1 between the two models."""
    champion = 0.4 + 0.1 * (rng.random(rows) - 0.5)
    return champion, champion - np.clip(rng.normal(0.4 * effect, 0.1, rows), -0.3, 0.3)


def zero_one(rng, effect, rows):
    """One row in ten is wrong; the models disagree on 6 %."""
    champion = (rng.random(rows) < 0.1).astype(np.float64)
    # Of the champion's errors the candidate repairs a share, of its hits it spoils a share.
    repaired, spoiled = (0.06 + 0.1 * effect) / 0.2, (0.06 - 0.1 * effect) / 1.8
    drawn = rng.random(rows)
    changed = np.where(champion > 0, drawn < repaired, drawn < spoiled)
    return champion, np.where(changed, 1.0 - champion, champion)


WORLDS = {
    "log losses": (log_losses, 100, 4),
    "log losses, little traffic": (log_losses, 5, 28),
    "0/1 losses": (zero_one, 100, 28),
}
"""Losses, rows per hour and days until the rollout's time is over."""


def d1(effort: Effort) -> list[Check]:
    runs = effort(1_000, 40)
    checks = []
    for index, (world, (make, per_hour, live)) in enumerate(WORLDS.items()):
        if effort.quick and index != 1:
            continue
        for factor in effort((-2.0, -1.0, 0.0, 3.0), (-1.0, 3.0)):
            count = runs if factor == -1.0 else max(runs // 10, 40)
            few = runs // 5 if index == 2 else count
            shares = _shares(make, factor * MARGIN, count, few, per_hour, live, index)
            checks += _judged(world, factor, shares, effort)
    return checks


def _shares(make, effect, runs, alone_runs, per_hour, live, seed) -> dict[str, float]:
    whole, alone, observed = Counter(), Counter(), 0
    held = HOLDOUT_DAYS * 24 * per_hour
    for run in range(runs):
        rng = np.random.default_rng([24, seed, run])
        champion, candidate = make(rng, effect, held + live * 24 * per_hour)
        setting = {
            "rows_per_hour": per_hour,
            "holdout_days": HOLDOUT_DAYS,
            "tick_rows": 24 * per_hour,
        }
        whole[release(champion, candidate, policy=DEFAULT, **setting)[0]] += 1
        observed += bool(candidate[:held].mean() < champion[:held].mean())
        if run < alone_runs:
            alone[release(champion, candidate, policy=NO_GATES, **setting)[0]] += 1
    return {
        "whole": whole["promoted"] / runs,
        "gates": 1.0 - whole["rejected"] / runs,
        "alone": alone["promoted"] / min(alone_runs, runs),
        "aborted": alone["aborted"] / min(alone_runs, runs),
        "observed": observed / runs,
    }


def _judged(world: str, factor: float, shares: dict[str, float], effort: Effort) -> list[Check]:
    at = f"{world}, {factor:+g} margins"
    whole = f"{at}: promoted by the default policy"
    alone = f"{at}: promoted by the proof alone"
    checks = [
        at_most(whole, shares["whole"], 0.01) if factor < 0 else told(whole, shares["whole"]),
        told(f"  {at}: passed by the gates", shares["gates"]),
        at_most(alone, shares["alone"], effort(0.06, 0.15))
        if factor == -1.0
        else told(alone, shares["alone"]),
    ]
    better = f"  {at}: better on the holdout's average"
    if factor == -1.0 and world != "log losses":
        checks.append(at_least(better, shares["observed"], 0.08, teeth=True))
    else:
        checks.append(told(better, shares["observed"]))
    if factor == 0.0:
        bound = effort(0.09, 0.15)
        checks.append(at_most(f"{at}: aborted by the proof", shares["aborted"], bound))
    return checks
