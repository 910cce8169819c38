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


def test_weights_of_one_change_nothing_and_others_give_the_weighted_mean():
    losses = np.random.default_rng(0).uniform(0, 1, 900)
    plain, ones, uneven = (TwoArms.begin(margin=0.1, cap=10_000) for _ in range(3))
    weights = np.where(np.arange(900) < 300, 4.0, 1.0)

    plain.update(losses, losses)
    ones.update(losses, losses, np.ones(900), np.ones(900))
    uneven.update(losses, losses, weights, np.ones(900))

    assert ones.interval() == pytest.approx(plain.interval())
    assert uneven.incumbent.mean == pytest.approx(np.average(losses, weights=weights))
    # (300 * 4 + 600)^2 / (300 * 16 + 600): what the rows are worth.
    assert uneven.incumbent.worth == pytest.approx(600.0)
    assert uneven._radius(uneven.incumbent) > plain._radius(plain.incumbent)


def test_the_interval_of_a_weighted_arm_covers_its_weighted_mean():
    missed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        test = TwoArms.begin(margin=0.1, cap=20_000)
        for step in range(20):
            weights = np.full(500, 0.05 if step < 10 else 0.25)
            level = 0.2 if step < 10 else 0.3
            test.update((rng.random(500) < level) * 1.0, np.empty(0), weights, np.empty(0))
            truth = (
                level
                if step < 10
                else (0.5 * 0.2 + 0.25 * (step - 9) * 0.3) / (0.5 + 0.25 * (step - 9))
            )
            if abs(test.incumbent.mean - truth) > test._radius(test.incumbent):
                missed += 1
                break

    assert missed <= 12  # 5 by the promise of alpha / 2
