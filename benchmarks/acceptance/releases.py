"""Release decisions on paired differences: the dual e-process (B6) and the usual rules (B7).

Both rows look at the same streams: paired differences of 0/1 losses with 6 % disagreement and a
margin of half a point, where a test looked at once would need 14,839 rows.
"""

from __future__ import annotations

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, binomial_slack, told
from ostinato.stats import DualEProcess, fixed_sample_size

MARGIN, DISAGREE = 0.005, 0.06
FIXED = fixed_sample_size(MARGIN, DISAGREE)
CAP = 2 * FIXED
PIECE = 2_048
LOOK = 100  # the naive rule looks after every so many rows


def differences(rng: np.random.Generator, effect: float, rows: int) -> np.ndarray:
    """Paired differences in {-1, 0, 1} with mean `effect`; positive favours the candidate."""
    drawn = rng.random(rows)
    better, worse = (DISAGREE + effect) / 2.0, (DISAGREE - effect) / 2.0
    return np.where(drawn < better, 1.0, np.where(drawn < better + worse, -1.0, 0.0))


def decide(stream: np.ndarray, moment: float, *, margin: float = MARGIN) -> tuple[str, int]:
    """Verdict of ours with the default error rates, and the rows it took."""
    test = DualEProcess.begin(margin=margin, second_moment=moment, cap=len(stream))
    for start in range(0, len(stream), PIECE):
        test.update(stream[start : start + PIECE])
        if test.verdict != "undecided":
            break
    return test.verdict, max(test.promoted_at, test.aborted_at) if test.verdict != "keep" else CAP


def trials(seed: int, effect: float, runs: int) -> tuple[dict[str, float], float]:
    """Share of each verdict of ours, and the mean rows over those of the fixed-size test."""
    verdicts, rows = [], []
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        moment = float(np.square(differences(rng, effect, 500)).mean())  # an earlier sample
        verdict, took = decide(differences(rng, effect, CAP), max(moment, 1e-3))
        verdicts.append(verdict)
        rows.append(took)
    shares = {word: verdicts.count(word) / runs for word in ("promote", "abort", "keep")}
    return shares, float(np.mean(rows)) / FIXED


def b6(effort: Effort) -> list[Check]:
    runs = effort(2_000, 150)
    checks = []
    for factor in (-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0):
        if effort.quick and factor not in {-2.0, -1.0, 0.0, 1.0}:
            continue
        shares, rows = trials(6, factor * MARGIN, runs)
        at = f"effect {factor:+g} margins"
        promoted, aborted, kept = (shares[word] for word in ("promote", "abort", "keep"))
        if factor == -1.0:
            slack = binomial_slack(0.05, runs) if effort.quick else 0.01
            checks.append(at_most(f"promoted, {at}", promoted, 0.05 + slack))
            checks.append(at_least(f"kept at the cap, {at}", kept, 0.05))
        elif factor <= -2.0:
            checks.append(at_most(f"promoted, {at}", promoted, effort(0.006, 0.02)))
        else:
            checks.append(told(f"promoted, {at}", promoted))
        if factor >= 0.0:
            slack = binomial_slack(0.05, runs) if effort.quick else 0.01
            checks.append(at_most(f"aborted, {at}", aborted, 0.05 + slack))
        else:
            checks.append(told(f"aborted, {at}", aborted))
        what = f"mean rows / fixed-size test, {at}"
        checks.append(at_most(what, rows, 0.4) if factor == 1.0 else told(what, rows))
    return checks


def b7(effort: Effort) -> list[Check]:
    runs = effort(2_000, 150)
    looks = np.arange(LOOK, CAP + 1, LOOK)
    naive, once, ours, spent = 0, 0, 0, 0
    grouped = np.linspace(0, FIXED, 11, dtype=np.int64)[1:]
    # O'Brien and Fleming's bounds for ten looks, one-sided .05: z_k = 1.678 sqrt(10 / k).
    bounds = 1.678 * np.sqrt(10.0 / np.arange(1, 11))
    for run in range(runs):
        rng = np.random.default_rng([6, run])  # the streams of B6 at the margin
        moment = float(np.square(differences(rng, -MARGIN, 500)).mean())
        stream = differences(rng, -MARGIN, CAP)
        z = _scores(stream + MARGIN)
        naive += bool((z[looks - 1] > 1.645).any())
        once += bool(z[FIXED - 1] > 1.645)
        spent += bool((z[grouped - 1] > bounds).any())
        ours += decide(stream, max(moment, 1e-3))[0] == "promote"
    return [
        at_least(f"z-test peeked every {LOOK} rows: promoted", naive / runs, 0.3, teeth=True),
        told("z-test looked at once, at the fixed size: promoted", once / runs),
        told("group-sequential, ten planned looks: promoted", spent / runs),
        at_most("ours, looked at on every row: promoted", ours / runs, effort(0.06, 0.1)),
    ]


def _scores(values: np.ndarray) -> np.ndarray:
    """z-score of the mean of the first n values, for each n."""
    count = np.arange(1.0, len(values) + 1.0)
    mean = np.cumsum(values) / count
    variance = np.maximum(np.cumsum(values * values) / count - mean * mean, 1e-12)
    return mean / np.sqrt(variance / count)
