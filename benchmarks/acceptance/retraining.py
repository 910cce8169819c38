"""When to train again: total cost against the best schedule chosen in hindsight (B15).

The concept wanders and sometimes jumps; a model's excess loss is the squared way since it was
trained. Each step costs the excess loss, each training its price. Rules see the excess through 200
labels. The oracle knows everything (dynamic programming); the best fixed period is also chosen
afterwards.
"""

from __future__ import annotations

import math

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most
from ostinato.stats.ski_rental import SkiRental

STEPS, LABELS, DISAGREE = 1_500, 200, 0.06
WANDER, JUMP_RATE, JUMP = 0.02, 0.005, 0.5


def excess(rng: np.random.Generator, steps: int) -> np.ndarray:
    """Excess loss at each step of the model trained at each step, (trained, now)."""
    moves = rng.normal(0.0, WANDER, steps)
    jumps = (rng.random(steps) < JUMP_RATE) * rng.normal(0.0, JUMP, steps)
    place = np.cumsum(moves + jumps)
    lost = np.minimum((place[None, :] - place[:, None]) ** 2, 0.4)
    return np.triu(lost)


def oracle(lost: np.ndarray, price: float) -> float:
    """Least total cost of any schedule that begins with a fresh model."""
    steps = len(lost)
    spent = np.cumsum(lost, axis=1)
    best = np.full(steps + 1, np.inf)
    best[0] = -price  # the first model is there
    for trained in range(steps):
        begun = best[trained] + price - (spent[trained, trained - 1] if trained else 0.0)
        ends = begun + spent[trained, trained:]
        best[trained + 1 :] = np.minimum(best[trained + 1 :], ends)
    return float(best[steps])


def periodic(lost: np.ndarray, price: float, period: int) -> float:
    now = np.arange(len(lost))
    return float(lost[now // period * period, now].sum() + price * ((len(lost) - 1) // period))


def ski_rental(rng: np.random.Generator, lost: np.ndarray, price: float) -> float:
    rule, trained, total = SkiRental.begin(price), 0, 0.0
    for now in range(len(lost)):
        if rule.due():
            rule.paid()
            trained, total = now, total + price
        seen = lost[trained, now]
        total += seen
        noise = math.sqrt((DISAGREE + seen) / LABELS)  # both models on the same labelled rows
        rule.add(seen + rng.normal(0.0, noise), noise * noise)
    return total


def b15(effort: Effort) -> list[Check]:
    worlds, steps = effort((40, STEPS), (6, 500))
    checks, means = [], []
    for price in (0.5, 2.0, 8.0):
        ours, fixed, never = [], [], []
        for seed in range(worlds):
            rng = np.random.default_rng([15, seed])
            lost = excess(rng, steps)
            least = max(oracle(lost, price), 1e-9)
            ours.append(ski_rental(rng, lost, price) / least)
            periods = np.unique(np.geomspace(2, steps, 60).astype(int))
            fixed.append(min(periodic(lost, price, each) for each in periods) / least)
            never.append(float(lost[0].sum()) / least)
        means.append(float(np.mean(ours)))
        # Renting until the price is paid costs at most twice the best when nothing is noisy.
        checks.append(at_most(f"cost / oracle, price {price:g}", means[-1], effort(2.0, 2.2)))
        what = f"best period in hindsight / oracle, price {price:g}"
        checks.append(at_least(what, float(np.mean(fixed)), means[-1], teeth=True))
        what = f"never training / oracle, price {price:g}"
        checks.append(at_least(what, float(np.mean(never)), 2.0, teeth=True))
    checks.append(at_most("cost / oracle, mean of the three", float(np.mean(means)), 1.8))
    return checks
