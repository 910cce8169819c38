import math

import numpy as np
import pytest
from scipy import stats

from ostinato.stats import benjamini_hochberg, block_bootstrap_mean, one_sided_p, paired


def test_bounds_equal_those_of_the_t_test():
    rng = np.random.default_rng(1)
    d = rng.normal(0.1, 1.0, 40)

    result = paired(d, 0.05)

    reference = stats.ttest_1samp(d, 0.0).confidence_interval(0.90)
    assert (result.low, result.high) == pytest.approx((reference.low, reference.high))
    assert (result.n, result.mean) == (40, pytest.approx(d.mean()))


def test_the_smallest_visible_effect_is_seen_four_times_in_five():
    rng = np.random.default_rng(2)
    visible = paired(rng.normal(0.0, 1.0, 400)).smallest_visible

    seen = [paired(rng.normal(visible, 1.0, 400)).low > 0.0 for _ in range(500)]

    assert 0.72 < np.mean(seen) < 0.88


def test_the_lower_bound_is_wrong_as_often_as_promised():
    rng = np.random.default_rng(3)

    wrong = np.mean([paired(rng.normal(0, 1, 15), 0.1).low > 0.0 for _ in range(2000)])

    assert 0.08 < wrong < 0.12


def test_too_few_rows_leave_everything_open():
    assert paired(np.zeros(0)).low == -math.inf
    assert paired(np.array([3.0])).smallest_visible == math.inf
    assert paired(np.array([3.0])).mean == 3.0


def test_p_values_are_those_of_the_normal_distribution():
    assert one_sided_p(1.645, 1.0) == pytest.approx(0.05, abs=1e-4)
    assert one_sided_p(0.0, 2.0) == 0.5
    assert [one_sided_p(m, 0.0) for m in (1.0, 0.0, -1.0)] == [0.0, 1.0, 1.0]


def test_block_draws_spread_as_the_mean_of_a_dependent_series_does():
    rng = np.random.default_rng(4)

    def series():
        x = rng.normal(size=1000)
        return np.convolve(x, np.ones(5) / 5, mode="valid")

    truth = np.std([series().mean() for _ in range(400)])
    values = series()
    ones = np.ones(values.size)
    blocks = block_bootstrap_mean(values, ones, block_len=30, draws=2000, rng=rng).std()
    single = block_bootstrap_mean(values, ones, block_len=1, draws=2000, rng=rng).std()

    assert 0.7 * truth < blocks < 1.3 * truth
    assert single < 0.6 * truth


def test_draws_are_weighted_means_and_follow_the_generator():
    values, weights = np.array([1.0, 2.0, 3.0, 50.0]), np.array([1.0, 1.0, 2.0, 0.0])

    def draw(block_len):
        rng = np.random.default_rng(5)
        return block_bootstrap_mean(values, weights, block_len=block_len, draws=50, rng=rng)

    assert (draw(4) == 2.25).all()
    assert np.array_equal(draw(2), draw(2))
    assert np.nanmax(draw(1)) <= 3.0


def test_benjamini_hochberg_equals_scipy():
    rng = np.random.default_rng(6)
    for _ in range(50):
        p = np.concatenate([rng.random(20), rng.random(10) ** 6])

        rejected = benjamini_hochberg(p, 0.1)

        assert np.array_equal(rejected, stats.false_discovery_control(p) <= 0.1)
    assert benjamini_hochberg(np.zeros(0), 0.1).size == 0


def test_bad_input_is_refused():
    rng = np.random.default_rng(7)
    with pytest.raises(ValueError, match="alpha"):
        paired(np.zeros(3), 0.5)
    with pytest.raises(ValueError, match="finite"):
        paired(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="pvalues"):
        benjamini_hochberg(np.array([1.2]), 0.1)
    with pytest.raises(ValueError, match="block_len"):
        block_bootstrap_mean(np.zeros(3), np.ones(3), block_len=4, draws=1, rng=rng)
    with pytest.raises(ValueError, match="some weight"):
        block_bootstrap_mean(np.zeros(3), np.zeros(3), block_len=1, draws=1, rng=rng)
