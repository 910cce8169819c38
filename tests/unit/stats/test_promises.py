"""How good the decisions are beside the best there could be, and beside what is usually done."""

import math

import numpy as np
import pytest

from ostinato.stats import DualEProcess, EDetector
from ostinato.stats.chart_limits import limit_for
from ostinato.stats.chart_rates import run_length


def oracle(before, after, arl):
    """Steps and limit of the CUSUM that knows both rates, for losses that are 0 or 1."""
    gain = math.log(after / before), math.log((1.0 - after) / (1.0 - before))

    def length(limit):
        return run_length(
            lambda nodes, z: nodes + gain[0 if z > 0 else 1], rate=before, low=0.0, limit=limit
        )

    return gain, limit_for(arl, length, 0.5, math.log(arl) + 1.0, halvings=16)


def oracle_delay(losses, gain, limit):
    steps = np.cumsum(np.where(losses > 0.0, *gain))
    path = steps - np.minimum(np.minimum.accumulate(steps), 0.0)
    return int((path >= limit).argmax()) + 1


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.12), (0.1, 0.15), (0.02, 0.04)])
def test_the_e_detector_is_hardly_slower_than_a_cusum_that_knows_the_change(before, after):
    rng = np.random.default_rng(1)
    gain, limit = oracle(before, after, 1e6)
    ours, best = [], []
    for _ in range(100):
        # A change long after the start finds the evidence low: 2,000 events of the old rate.
        detector = EDetector.begin(before, arl=1e6)
        old = (rng.random(2000) < before).astype(float)
        new = (rng.random(15_000) < after).astype(float)
        detector.update(np.concatenate([old, new]), np.full(17_000, before))
        ours.append(detector.crossed_at - 2000)
        best.append(oracle_delay(np.concatenate([old, new]), gain, limit) - 2000)

    assert min(*ours, *best) > 0
    assert np.median(ours) <= 1.4 * np.median(best)


def test_a_peeking_z_test_promotes_harm_where_the_e_process_does_not():
    rng = np.random.default_rng(2)
    q, margin, last, runs = 0.06, 0.005, 29_678, 150
    looks = np.arange(100, last, 100)
    peeked = promoted = 0
    for _ in range(runs):
        u = rng.random(last)
        d = np.where(u < (q - margin) / 2.0, 1.0, np.where(u < q, -1.0, 0.0))
        total, squares = np.cumsum(d)[looks - 1], np.cumsum(np.square(d))[looks - 1]
        z = (total / looks + margin) / np.sqrt(np.maximum(squares, 1.0)) * looks
        peeked += (z > 1.645).any()
        test = DualEProcess.begin(margin=margin, second_moment=q, cap=last)
        test.update(d)
        promoted += test.verdict == "promote"

    assert peeked / runs >= 0.3
    assert promoted / runs <= 0.07
