from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ostinato.stats.auc import auc
from ostinato.stats.influence import Estimate, estimate


def test_the_error_of_a_mean_of_lone_rows_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=20_000)

    found = estimate(values.mean(), (values - values.mean()) / values.size)

    assert found.error == pytest.approx(values.std() / math.sqrt(values.size), rel=0.4)
    assert found.error >= values.std(ddof=1) / math.sqrt(values.size) * (1 - 1e-12)


def test_rows_that_hang_together_make_an_estimate_less_sure():
    rng = np.random.default_rng(0)
    days = np.repeat(rng.normal(size=60), 100)
    values = days + rng.normal(size=6000)

    found = estimate(values.mean(), (values - values.mean()) / values.size)

    assert found.error == pytest.approx(1 / math.sqrt(60), rel=0.4)


def test_independent_samples_add_their_variances():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=400), rng.normal(size=100)

    found = estimate(0.0, one / 400, other / 100)

    apart = [estimate(0.0, one / 400).error, estimate(0.0, other / 100).error]
    assert max(apart) < found.error <= math.hypot(*apart) * (1 + 1e-12)


def test_samples_of_one_row_or_none_say_nothing_and_do_not_fail():
    assert estimate(1.0, np.zeros(1), np.empty(0)).interval(0.95) == (1.0, 1.0)


def test_few_stretches_of_time_make_wider_intervals():
    few, many = Estimate(0.0, 1.0, 2.0), Estimate(0.0, 1.0)

    assert few.interval(0.95)[1] == pytest.approx(stats.t(2).ppf(0.975))
    assert many.interval(0.95)[1] == pytest.approx(stats.norm.ppf(0.975), rel=1e-6)


def test_the_area_under_the_curve_counts_pairs_and_ties_by_half():
    rng = np.random.default_rng(1)
    low, high = rng.integers(0, 6, 80).astype(float), rng.integers(1, 8, 50).astype(float)

    pairs = (high[:, None] > low).mean() + 0.5 * (high[:, None] == low).mean()

    assert auc(low, high).value == pytest.approx(pairs, abs=1e-12)


def test_the_area_has_a_fair_error():
    rng = np.random.default_rng(2)
    found = [auc(rng.normal(size=200), rng.normal(0.5, 1.0, 200)) for _ in range(200)]

    spread = np.std([each.value for each in found])
    assert np.median([each.error for each in found]) == pytest.approx(spread, rel=0.3)
