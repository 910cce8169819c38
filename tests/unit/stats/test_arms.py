import numpy as np
import pytest

from ostinato.stats import TwoArms


def run(incumbent, candidate, seed, cap=40_000, margin=0.02):
    rng = np.random.default_rng(seed)
    test = TwoArms.begin(margin=margin, cap=cap)
    while test.verdict == "undecided":
        test.update(
            (rng.random(400) < incumbent).astype(float),
            (rng.random(100) < candidate).astype(float),
        )
    return test


def test_a_better_candidate_is_promoted_and_a_worse_one_aborted():
    better = [run(0.20, 0.14, seed) for seed in range(20)]
    worse = [run(0.20, 0.28, seed) for seed in range(20)]

    assert {t.verdict for t in better} == {"promote"}
    assert {t.verdict for t in worse} == {"abort"}
    assert max(t.promoted_at for t in better) < 40_000


def test_a_candidate_worse_by_the_margin_is_rarely_promoted():
    tests = [run(0.20, 0.22, seed) for seed in range(150)]

    assert np.mean([t.verdict == "promote" for t in tests]) <= 0.05


def test_without_proof_the_incumbent_is_kept_at_the_cap():
    assert run(0.2, 0.2, 1, cap=2000).verdict == "keep"


def test_nothing_is_decided_in_the_warm_up():
    test = TwoArms.begin(margin=0.01, cap=1000)

    test.update(np.zeros(150), np.ones(150))

    assert test.verdict == "undecided"
    assert test.interval() == (-np.inf, np.inf)


def test_the_first_verdict_stands():
    test = run(0.2, 0.35, 2)
    when = test.aborted_at

    test.update(np.ones(50_000), np.zeros(50_000))

    assert (test.verdict, test.aborted_at) == ("abort", when)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="finite"):
        TwoArms.begin(margin=0.0, cap=10).update(np.array([np.nan]), np.zeros(1))
    with pytest.raises(ValueError, match="margin"):
        TwoArms.begin(margin=-1.0, cap=10)
