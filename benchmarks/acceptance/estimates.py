"""Performance with few labels: intervals that cover, and estimates that need none (B11).

A logistic model in four worlds: nothing moved, the inputs moved, the concept moved a little, the
concept moved much. 200 random labels in a window of 5,000 rows; the guess of each row's loss is
what the model's own confidence says, which is all that an estimate without labels has.
"""

from __future__ import annotations

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told, within
from ostinato.stats.ppi import ppi_mean

LABELLED, ROWS = 200, 5_000
WEIGHTS = np.array([1.2, -0.8, 0.5])
WORLDS = {
    "nothing moved": (0.0, WEIGHTS),
    "inputs moved": (0.8, WEIGHTS),
    "concept moved": (0.0, np.array([0.5, -0.8, -0.3])),
    "concept turned": (0.0, np.array([-0.3, 0.2, 0.9])),
}


def window(rng: np.random.Generator, shift: float, weights: np.ndarray, rows: int):
    """Whether the model errs on each row, and the chance it gives itself to err."""
    inputs = rng.normal(shift, 1.0, (rows, 3))
    believed = 1.0 / (1.0 + np.exp(-(inputs @ WEIGHTS)))
    true = 1.0 / (1.0 + np.exp(-(inputs @ weights)))
    errs = (rng.random(rows) < true) != (believed >= 0.5)
    return errs.astype(np.float64), np.minimum(believed, 1.0 - believed)


def b11(effort: Effort) -> list[Check]:
    windows = effort(1_000, 120)
    checks = []
    for index, (world, (shift, weights)) in enumerate(WORLDS.items()):
        rng = np.random.default_rng([11, index])
        truth = float(window(rng, shift, weights, effort(2_000_000, 400_000))[0].mean())
        covered, alone, without, widths = 0, 0, 0, []
        for _ in range(windows):
            errs, guesses = window(rng, shift, weights, ROWS)
            fused = ppi_mean(errs[:LABELLED], guesses[:LABELLED], guesses[LABELLED:])
            covered += fused.low <= truth <= fused.high
            mean, sd = errs[:LABELLED].mean(), errs[:LABELLED].std(ddof=1)
            reach = 1.96 * sd / np.sqrt(LABELLED)
            alone += abs(mean - truth) <= reach
            widths.append((fused.high - fused.low) / (2.0 * reach))
            band = 3.0 * guesses.std() / np.sqrt(ROWS)
            without += abs(guesses.mean() - truth) <= band + 0.005
        low, high = effort((0.93, 0.97), (0.88, 1.0))
        checks.append(within(f"{world}: 95 % interval covers", covered / windows, low, high))
        checks.append(told(f"  {world}: labels alone cover", alone / windows))
        checks.append(told(f"  {world}: width / that of labels alone", np.mean(widths)))
        what = f"{world}: estimate without labels is right"
        if world.startswith("concept"):
            checks.append(at_most(what, without / windows, 0.05, teeth=True))
        else:
            checks.append(at_least(f"  {what}", without / windows, 0.9))
    return checks
