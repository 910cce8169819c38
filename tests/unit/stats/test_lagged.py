from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.lagged import FEWEST_PAIRS, lagged_correlations


def test_an_outcome_that_follows_two_windows_later_is_found_there():
    rng = np.random.default_rng(1)
    one = rng.normal(size=60)
    other = np.r_[0.0, 0.0, -one[:-2]] + rng.normal(0, 0.3, 60)

    found = lagged_correlations(one, other, lags=4)

    assert max(found.values(), key=lambda each: abs(each.value)).lag == 2
    assert found[2].value < -0.9
    assert found[2].low < found[2].value < found[2].high < 0
    assert found[0].low < 0 < found[0].high


def test_intervals_cover_also_where_both_series_remember():
    rng, inside = np.random.default_rng(2), []
    for _ in range(400):
        one, other = rng.normal(size=(2, 80))
        for at in range(1, 80):
            one[at] += 0.7 * one[at - 1]
            other[at] += 0.7 * other[at - 1]
        told = lagged_correlations(one, other, lags=0)[0]
        inside.append(told.low <= 0.0 <= told.high)

    assert np.mean(inside) > 0.92


@pytest.mark.parametrize(
    "one",
    [np.arange(FEWEST_PAIRS - 1.0), np.ones(20), np.r_[np.arange(7.0), np.full(10, np.nan)]],
)
def test_series_that_are_short_constant_or_full_of_holes_have_no_correlation(one):
    assert lagged_correlations(one, np.arange(float(len(one))), lags=2) == {}
