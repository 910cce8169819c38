"""Release rules that others use, written from how they are described.

`interval_judge` has the structure of Kayenta's judge: per metric a Mann-Whitney test of the points
so far at confidence .98, failed when the interval of the shift leaves a band of a quarter of the
estimate, and a score of passed metrics. Points are minutes, looks are hourly, data accumulate.
"""

from __future__ import annotations

import math

import numpy as np

CONFIDENCE = 0.98
BAND = 0.25
PASS_SCORE = 75.0
_Z = 2.3263478740408408  # normal quantile at .99, two-sided .98


def metric_passes(canary: np.ndarray, control: np.ndarray, *, only_up: bool = False) -> bool:
    """Hodges-Lehmann estimate and rank interval of the shift against a band round zero.

    A metric can be declared to fail only where it goes up (errors, losses), or either way.
    """
    pairs = (canary[:, None] - control[None, :]).ravel()
    n, m = len(canary), len(control)
    rank = int(n * m / 2 - _Z * math.sqrt(n * m * (n + m + 1) / 12.0))
    rank = max(rank, 0)
    middle = len(pairs) // 2
    part = np.partition(pairs, [rank, middle, len(pairs) - 1 - rank])
    band = BAND * abs(part[middle])
    up, down = part[rank] > band, part[len(pairs) - 1 - rank] < -band
    return not (up or (down and not only_up))


def interval_judge(
    canary: np.ndarray,
    control: np.ndarray,
    *,
    every: int = 60,
    critical: int = 2,
    only_up: bool = False,
) -> bool:
    """Whether a canary passes every look; (metrics, points) each, the first ones critical."""
    for end in range(every, canary.shape[1] + 1, every):
        passed = [
            metric_passes(ours[:end], theirs[:end], only_up=only_up)
            for ours, theirs in zip(canary, control, strict=True)
        ]
        if not all(passed[:critical]) or 100.0 * np.mean(passed) < PASS_SCORE:
            return False
    return True


def peeked_z(differences: np.ndarray, margin: float, *, every: int = 100) -> tuple[str, int]:
    """Promote at the first look at which the mean is "significantly" above -margin, abort below 0.

    Looks begin after `every` rows; whichever happens first holds.
    """
    looks = np.arange(every, len(differences) + 1, every)
    sums, squares = np.cumsum(differences)[looks - 1], np.cumsum(differences**2)[looks - 1]
    mean = sums / looks
    error = np.sqrt(np.maximum(squares / looks - mean * mean, 1e-12) / looks)
    good, bad = (mean + margin) / error > 1.645, mean / error < -1.645
    either = good | bad
    if not either.any():
        return "kept", len(differences)
    first = int(either.argmax())
    return ("aborted" if bad[first] else "promoted"), int(looks[first])
