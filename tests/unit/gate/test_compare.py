from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.core.units import DAY_NS
from ostinato.gate.compare import compare
from ostinato.stats.intervals import paired

START_NS = 20_000 * DAY_NS + DAY_NS // 3  # days begin and end in part


def draw(rng, *, days, rows, day_effect):
    times = START_NS + np.sort(rng.integers(0, days * DAY_NS, rows))
    effect = rng.normal(0.0, day_effect, days + 1)[times // DAY_NS - START_NS // DAY_NS]
    return times, effect + rng.normal(0.0, 1.0, rows)


def test_days_count_as_one_observation_each():
    times = START_NS // DAY_NS * DAY_NS + np.repeat(np.arange(4), 3) * DAY_NS
    gains = np.repeat([1.0, 2.0, 3.0, 4.0], 3)

    gain = compare(times, gains, 0.05)

    by_day = paired(np.array([1.0, 2.0, 3.0, 4.0]), 0.05)
    assert (gain.rows, gain.clusters, gain.mean) == (12, 4, 2.5)
    assert gain.se == pytest.approx(by_day.se)
    assert (gain.low, gain.high) == (pytest.approx(by_day.low), pytest.approx(by_day.high))


def test_rows_count_where_there_are_too_few_days():
    rng = np.random.default_rng(0)
    times, gains = draw(rng, days=1, rows=100, day_effect=0.0)

    gain = compare(times, gains, 0.05)

    plain = paired(gains, 0.05)
    assert gain.clusters == 100
    assert (gain.low, gain.se) == (pytest.approx(plain.low), pytest.approx(plain.se))


@pytest.mark.parametrize("days", [3, 7, 30])
def test_with_day_effects_the_naive_bound_undercovers_and_the_clustered_one_holds(days):
    rng = np.random.default_rng(days)
    naive = clustered = 0
    for _ in range(600):
        times, gains = draw(rng, days=days, rows=60 * days, day_effect=0.3)
        naive += paired(gains, 0.05).low <= 0
        clustered += compare(times, gains, 0.05).low <= 0

    assert naive / 600 < 0.83
    assert 0.895 <= clustered / 600 <= 0.98


def test_the_smallest_visible_effect_is_seen_four_times_in_five():
    rng = np.random.default_rng(1)
    times, gains = draw(rng, days=8, rows=800, day_effect=0.2)
    visible = compare(times, gains, 0.05).smallest_visible
    seen = 0
    for _ in range(400):
        times, gains = draw(rng, days=8, rows=800, day_effect=0.2)
        one = compare(times, gains, 0.05)
        seen += one.low + one.smallest_visible > 0
    assert 0.0 < visible < 1.0
    assert 0.70 <= seen / 400 <= 1.0


def test_p_values_below_a_bar_are_uniform_when_the_gain_is_at_the_bar():
    rng = np.random.default_rng(2)
    pvalues = [
        compare(*draw(rng, days=6, rows=300, day_effect=0.3), 0.05).p_below(0.0) for _ in range(600)
    ]

    assert 0.02 <= np.mean(np.array(pvalues) < 0.05) <= 0.09
    assert 0.44 <= np.mean(np.array(pvalues) < 0.5) <= 0.56


def test_one_row_or_none_tells_nothing():
    for rows in (0, 1):
        gain = compare(np.full(rows, START_NS), np.ones(rows), 0.05)
        assert (gain.low, gain.high, gain.smallest_visible) == (-math.inf, math.inf, math.inf)
        assert gain.p_below(5.0) == 1.0


def test_gains_that_never_vary_are_certain():
    gain = compare(START_NS + np.arange(10) * DAY_NS, np.full(10, -1.0), 0.05)

    assert (gain.low, gain.high) == (-1.0, -1.0)
    assert (gain.p_below(0.0), gain.p_below(-1.0)) == (0.0, 1.0)
