"""Fairlearn 0.15.0 is the oracle of the definitions: what it says of these counts stands here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.stats.fairness import equalized_odds, mean_gap, rate_gap, wilson

# Groups f, m, x: selected of all, of those with label 1, of those with label 0.
SELECTED, ROWS = np.array([179.0, 203.0, 37.0]), np.array([416.0, 400.0, 84.0])
TRUE, POSITIVES = np.array([118.0, 158.0, 23.0]), np.array([178.0, 207.0, 37.0])
FALSE, NEGATIVES = np.array([61.0, 45.0, 14.0]), np.array([238.0, 193.0, 47.0])


def test_differences_and_ratios_are_those_of_fairlearn():
    selection = rate_gap(SELECTED, ROWS)
    true_positive, false_positive = rate_gap(TRUE, POSITIVES), rate_gap(FALSE, NEGATIVES)

    assert selection.value == pytest.approx(0.07721153846153839, abs=1e-12)
    assert selection.ratio == pytest.approx(0.8478590375142101, abs=1e-12)
    assert (selection.highest, selection.lowest) == (1, 0)
    assert true_positive.value == pytest.approx(0.14166340253296772, abs=1e-12)
    assert true_positive.ratio == pytest.approx(0.8144030106055423, abs=1e-12)
    difference, ratio = equalized_odds(true_positive, false_positive)
    assert difference == pytest.approx(0.14166340253296772, abs=1e-12)
    assert ratio == pytest.approx(0.7827535159141377, abs=1e-12)


def test_intervals_cover_the_true_gap_of_two_groups():
    rng = np.random.default_rng(4)
    rates, rows = np.array([0.7, 0.2]), np.array([60.0, 90.0])
    inside = dict.fromkeys(("difference", "ratio", "mean", "mean ratio"), 0)
    for _ in range(1000):
        gap = rate_gap(rng.binomial(rows.astype(int), rates).astype(float), rows)
        inside["difference"] += gap.low <= 0.5 <= gap.high
        inside["ratio"] += gap.ratio_low <= 2 / 7 <= gap.ratio_high
        values = [rng.gamma(4.0, size=60), rng.gamma(2.0, size=90)]
        sums, squares = ([float((v**p).sum()) for v in values] for p in (1, 2))
        means = mean_gap(np.array(sums), np.array(squares), rows)
        inside["mean"] += means.low <= 2.0 <= means.high
        inside["mean ratio"] += means.ratio_low <= 0.5 <= means.ratio_high

    assert all(920 <= count <= 985 for count in inside.values()), inside


def test_a_group_without_any_hit_has_a_ratio_of_zero_with_an_upper_bound():
    gap = rate_gap(np.array([0.0, 40.0]), np.array([50.0, 80.0]))

    assert (gap.ratio, gap.ratio_low) == (0.0, 0.0)
    assert 0 < gap.ratio_high < 1
    assert gap.se > 0


def test_rates_that_are_zero_everywhere_have_no_ratio_and_count_as_equal():
    none = rate_gap(np.zeros(2), np.array([50.0, 80.0]))

    assert none.value == 0.0
    assert math.isnan(none.ratio)
    assert equalized_odds(rate_gap(TRUE, POSITIVES), none)[1] == pytest.approx(0.8144030106055423)
    assert math.isnan(equalized_odds(none, none)[1])


def test_means_that_may_be_negative_have_no_ratio():
    gap = mean_gap(np.array([-10.0, 50.0]), np.array([90.0, 90.0]), np.array([40.0, 40.0]))

    assert gap.value == pytest.approx(1.5)
    assert math.isnan(gap.ratio)


@pytest.mark.parametrize(("hits", "rows"), [(0.0, 10.0), (10.0, 10.0), (1.0, 1.0)])
def test_score_intervals_stay_inside_zero_and_one(hits, rows):
    low, high = wilson(hits, rows)

    assert 0.0 <= low <= hits / rows <= high <= 1.0
    assert high - low < 1.0
