import math

import numpy as np
import pytest

from ostinato.stats.confidence import (
    asymptotic_radius,
    normal_quantile,
    one_sided_radius,
    sub_gaussian_radius,
)

LAST, LOOKS = 3000, np.unique(np.geomspace(1, 3000, 200).astype(int))


def crossings(radius, *, sides):
    """Share of 2,000 paths of standard normal sums that leave the bound at one of the looks."""
    rng = np.random.default_rng(1)
    bound = np.array([radius(int(n)) for n in LOOKS])
    wrong = 0
    for _ in range(4):
        means = np.cumsum(rng.normal(size=(500, LAST)), axis=1)[:, LOOKS - 1] / LOOKS
        wrong += ((np.abs(means) if sides == 2 else means) > bound).any(axis=1).sum()
    return wrong / 2000


def test_the_two_sided_sequence_is_left_at_most_as_often_as_promised():
    share = crossings(lambda n: sub_gaussian_radius(n, 1.0, 0.1, tightest_at=200), sides=2)

    # The bound is exact for endless continuous looking: within 3,000 looks most is spent.
    assert 0.03 < share <= 0.12


def test_the_one_sided_sequence_is_left_at_most_as_often_as_promised():
    share = crossings(lambda n: one_sided_radius(n, 1.0, 0.1, tightest_at=200), sides=1)

    assert 0.03 < share <= 0.12


def test_the_normal_mixture_equals_the_level_at_which_its_likelihood_ratio_is_one_over_alpha():
    # exp(s^2 r2 / (2 (n r2 + 1))) / sqrt(n r2 + 1) = 1 / alpha at s = n radius, for any r2.
    n, alpha, at = 700, 0.05, 300
    s = n * sub_gaussian_radius(n, 1.0, alpha, tightest_at=at)
    r2 = (-2.0 * math.log(alpha) + math.log(1.0 - 2.0 * math.log(alpha))) / at

    ratio = math.exp(s * s * r2 / (2.0 * (n * r2 + 1.0))) / math.sqrt(n * r2 + 1.0)

    assert ratio == pytest.approx(1.0 / alpha, rel=1e-9)
    assert asymptotic_radius(n, 2.0, alpha, tightest_at=at) == pytest.approx(2.0 * s / n)


def test_one_side_costs_less_than_two_and_more_than_a_single_look():
    for n in (100, 1000, 10_000):
        one = one_sided_radius(n, 1.0, 0.05, tightest_at=1000)
        two = asymptotic_radius(n, 1.0, 0.05, tightest_at=1000)

        assert normal_quantile(0.95) / math.sqrt(n) < one < two
        assert one == pytest.approx(asymptotic_radius(n, 1.0, 0.1, tightest_at=1000), rel=0.05)


def test_sequences_are_tightest_near_where_they_were_asked_to_be():
    at = {t: sub_gaussian_radius(1000, 1.0, 0.05, tightest_at=t) for t in (100, 1000, 10_000)}

    assert at[1000] < at[100]
    assert at[1000] < at[10_000]
