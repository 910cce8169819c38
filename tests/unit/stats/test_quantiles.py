import math

import numpy as np
import pytest
from scipy.stats import binom

from ostinato.stats.quantiles import (
    Histogram,
    QuantileComparison,
    _log_evidence,
    _weight,
    quantile_bounds,
    quantile_ranks,
)


def stitched(n, level, alpha):
    """Half width in rank / n of the stitched bound (Howard and Ramdas 2022, theorem 1)."""
    growth = (1.4 * math.log(math.log(2.1 * n)) + math.log(10.0 / alpha)) / n
    return 1.5 * math.sqrt(level * (1.0 - level) * growth) + 0.8 * growth


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_bounds_hold_at_every_look_and_are_not_idle(level):
    rng = np.random.default_rng(1)
    alpha, last, runs = 0.2, 1500, 1000
    looks = np.unique(np.geomspace(20, last, 150).astype(int))
    ranks = [quantile_ranks(n, level, alpha=alpha, tightest_at=300) for n in looks]
    below = np.cumsum(rng.random((runs, last)) < level, axis=1)[:, looks - 1]

    # The quantile lies under the value of rank low when fewer than low values lie under it.
    too_low = (below < np.array([low for low, _ in ranks])).any(axis=1)
    too_high = (below >= np.array([high for _, high in ranks])).any(axis=1)

    for wrong in (too_low, too_high):
        assert 0.02 < wrong.mean() <= alpha / 2 + 0.025


def test_the_evidence_of_the_rank_is_a_likelihood_ratio_with_mean_at_most_one():
    # By hand: with n events, sum over counts of binomial(p) times evidence is 1 for a full mixture
    # above p, whatever p is; and the rank is the first count whose evidence reaches 2 / alpha.
    n, p, alpha = 60, 0.3, 0.05
    weight = _weight(alpha / 2, 100)
    evidence = np.exp([_log_evidence(c, n, p, weight) for c in range(n + 1)])

    assert binom.pmf(np.arange(n + 1), n, p) @ evidence == pytest.approx(1.0, rel=1e-9)
    assert binom.pmf(np.arange(n + 1), n, 0.25) @ evidence < 1.0
    _, high = quantile_ranks(n, p, alpha=alpha, tightest_at=100)
    assert high == np.flatnonzero(evidence >= 2.0 / alpha)[0]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_ranks_are_inside_the_stitched_bound_and_close_to_the_fixed_sample_one(level):
    for n in (1000, 10_000, 1_000_000):
        low, high = quantile_ranks(n, level, alpha=0.05, tightest_at=2000)
        half = (high - low) / (2.0 * n)
        fixed = 1.96 * math.sqrt(level * (1.0 - level) / n)

        assert 1.3 * fixed < half < stitched(n, level, 0.05)
        assert low <= level * n <= high


def test_there_is_no_bound_before_there_could_be_one():
    assert quantile_ranks(0, 0.99, alpha=0.05, tightest_at=2000) == (0, 1)
    low, high = quantile_bounds(np.arange(200.0), 0.99)
    assert (low, high) == (191.0, math.inf)
    assert quantile_bounds(np.zeros(0), 0.5) == (-math.inf, math.inf)
    assert quantile_bounds(Histogram.begin(), 0.5) == (0.0, math.inf)


def test_bounds_from_a_histogram_hold_those_of_the_values_and_little_more():
    rng = np.random.default_rng(2)
    values = np.sort(rng.lognormal(3.0, 1.0, 5000))
    histogram = Histogram.begin(error=0.01)
    histogram.add(rng.permutation(values))

    for level in (0.1, 0.5, 0.99):
        low, high = quantile_bounds(values, level)
        outer_low, outer_high = quantile_bounds(histogram, level)
        assert low / 1.0101 <= outer_low <= low
        assert high <= outer_high <= 1.0101 * high
        assert histogram.quantile(level) == pytest.approx(np.quantile(values, level), rel=0.02)


def test_histograms_merge_to_the_histogram_of_all_values():
    rng = np.random.default_rng(3)
    values = rng.lognormal(0.0, 4.0, 3000)
    whole, left, right = Histogram.begin(), Histogram.begin(), Histogram.begin()

    whole.add(values)
    left.add(values[:1000])
    right.add(values[1000:])
    left.merge(right)

    assert np.array_equal(left.counts, whole.counts)
    with pytest.raises(ValueError, match="same cells"):
        left.merge(Histogram.begin(error=0.02))


def test_values_outside_the_range_of_a_histogram_keep_honest_bounds():
    histogram = Histogram.begin(least=1.0, largest=100.0, error=0.1)

    histogram.add(np.array([0.0, 0.5, 1.0, 1.05, 100.0, 1e9, np.inf]))

    assert histogram.n == 7
    assert histogram.cell(1) == (0.0, 1.0)
    assert histogram.cell(3) == (0.0, 1.0)
    assert histogram.cell(4) == pytest.approx((1.0, 1.1))
    low, high = histogram.cell(7)
    assert 100.0 <= low <= 110.0
    assert high == math.inf
    assert math.isnan(Histogram.begin().quantile(0.5))


def run(rng, *, slower, values=40_000, batch=500, share=0.1):
    test = QuantileComparison.begin(level=0.95, margin=0.1)
    while test.n < values and not test.crossed:
        ours = rng.lognormal(4.0, 0.5, int(batch * share)) * slower
        test.update(rng.lognormal(4.0, 0.5, batch - ours.size), ours)
    return test


def test_a_candidate_within_the_margin_is_rarely_called_slower():
    rng = np.random.default_rng(4)

    assert np.mean([run(rng, slower=1.1, values=10_000).crossed for _ in range(60)]) <= 0.05


def test_a_candidate_half_as_slow_again_is_found():
    rng = np.random.default_rng(5)
    tests = [run(rng, slower=1.5) for _ in range(10)]

    assert all(test.crossed for test in tests)
    assert np.median([test.crossed_at for test in tests]) < 15_000
    assert tests[0].ratio == pytest.approx(1.5, rel=0.25)
    (_, high), (low, _) = tests[0].bounds()
    assert low > 1.1 * high


def test_a_crossing_stays():
    test = QuantileComparison.begin(level=0.5, margin=0.0)

    test.update(np.full(500, 10.0), np.full(500, 20.0))
    test.update(np.full(5000, 30.0), np.full(5000, 20.0))

    assert test.crossed_at == 1000


@pytest.mark.parametrize("bad", [{"level": 1.0}, {"beta": 0.0}, {"margin": -0.1}, {"error": 0.0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        QuantileComparison.begin(**bad)


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_values_that_are_no_durations_are_refused(bad):
    with pytest.raises(ValueError, match="from 0"):
        Histogram.begin().add(np.array([1.0, bad]))
