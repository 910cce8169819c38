from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.concentration import concentration
from ostinato.stats.propensity import check_weights, estimate


def sums(weights, values, known):
    w, v = weights[known], values[known]
    return {
        "weight": w.sum(),
        "squares": (w**2).sum(),
        "total": (w * v).sum(),
        "crossed": (w**2 * v).sum(),
        "squares_total": (w**2 * v**2).sum(),
        "mean_weight": weights.mean(),
    }


def test_weighted_means_stand_for_all_rows_where_the_naive_one_does_not():
    """Rows with high values are chosen more often, with the chances that are logged."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(400):
        values = rng.gamma(2.0, size=3000)
        chances = np.clip(values / 10.0, 0.02, 0.8)
        chosen = rng.random(3000) < chances
        weights = np.where(chosen, 1 / chances, 0.0)
        told = estimate(**sums(weights, values, chosen))
        inside.append(told.low <= 2.0 <= told.high)
        assert check_weights(rows=3000, weight=weights.sum(), squares=(weights**2).sum()).mean > 0.7
        assert values[chosen].mean() > 2.5

    assert 0.92 <= np.mean(inside) <= 0.985


def test_estimates_are_those_of_the_formulas_over_the_rows():
    rng = np.random.default_rng(3)
    values, chances = rng.normal(5, 1, 500), rng.uniform(0.1, 0.5, 500)
    chosen = rng.random(500) < chances
    weights = np.where(chosen, 1 / chances, 0.0)

    told = estimate(**sums(weights, values, chosen))

    assert told.snips == pytest.approx((weights * values).sum() / weights.sum())
    assert told.ips == pytest.approx((weights * values).mean())
    assert told.worth == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    residuals = weights * (values - told.snips)
    assert told.se == pytest.approx(np.sqrt((residuals**2).sum()) / weights.sum())


def test_weights_that_are_not_what_was_done_are_found():
    rng = np.random.default_rng(4)
    chosen = rng.random(20_000) < 0.05
    honest, wrong = chosen / 0.05, chosen / 0.04

    assert check_weights(rows=20_000, weight=honest.sum(), squares=(honest**2).sum()).holds
    assert not check_weights(rows=20_000, weight=wrong.sum(), squares=(wrong**2).sum()).holds


def test_nothing_is_estimated_of_no_rows():
    nothing = dict.fromkeys(("weight", "squares", "total", "crossed", "squares_total"), 0.0)

    assert estimate(**nothing, mean_weight=0.0) is None
    assert concentration(np.zeros(4), rows=10) is None


def test_concentration_is_that_of_the_definitions():
    weights = np.array([5.0, 1.0, 0.0, 2.0, 2.0])
    found = concentration(weights, rows=1000)

    apart = np.abs(weights[:, None] - weights).mean() / (2 * weights.mean())
    shares = weights[weights > 0] / weights.sum()
    assert found.gini == pytest.approx(apart)
    assert found.effective == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert found.parts == 4


def test_the_error_of_the_effective_number_is_that_of_repeated_counts():
    rng, shares = np.random.default_rng(5), np.array([0.5, 0.3, 0.1, 0.1])
    found = [concentration(rng.multinomial(2000, shares) * 1.0, rows=2000) for _ in range(500)]

    spread = np.std([each.effective for each in found])
    assert found[0].se == pytest.approx(spread, rel=0.15)
