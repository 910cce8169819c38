"""Distances of counted values: one column with bounds, many columns at once without."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.cell_distances import (
    Runs,
    cell_kolmogorov_smirnov,
    cell_wasserstein,
    effects,
    padded_effects,
    wilson,
)
from ostinato.stats.distances import cramers_v, jensen_shannon, psi
from ostinato.stats.value_distances import bridges, kolmogorov_smirnov, wasserstein

BORDERS = np.linspace(-4, 4, 81)


def counted(values):
    return np.bincount(np.searchsorted(BORDERS, values, side="right"), minlength=82)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return np.sort(rng.normal(size=20_000)), np.sort(rng.normal(0.3, 1.2, 8_000))


def test_distances_of_cells_are_those_of_the_values_up_to_their_width(pair):
    cells = [counted(each) for each in pair]
    drawn = bridges(np.random.default_rng(1), 199)
    ks, exact = cell_kolmogorov_smirnov(*cells), kolmogorov_smirnov(*pair)
    moved = cell_wasserstein(*cells, BORDERS, sd=float(pair[0].std()), bridges=drawn)
    expected = wasserstein(*pair, rng=np.random.default_rng(1), draws=199)

    assert ks.effect <= exact.effect
    assert ks.effect == pytest.approx(exact.effect, abs=0.01)
    assert ks.low == pytest.approx(exact.low, abs=0.01)
    assert moved.effect == pytest.approx(expected.effect, rel=0.02)
    assert moved.low == pytest.approx(expected.low, rel=0.02)


def test_what_has_not_moved_is_flagged_as_often_as_asked():
    rng = np.random.default_rng(2)
    drawn, runs = bridges(rng, 199), 200
    flagged = np.zeros(2)
    for _ in range(runs):
        cells = [counted(rng.normal(size=n)) for n in (5_000, 500)]
        moved = cell_wasserstein(*cells, BORDERS, sd=1.0, bridges=drawn)
        flagged += [cell_kolmogorov_smirnov(*cells).low > 0, moved.low > 0]
    assert (flagged / runs <= 0.1).all()


def test_many_columns_at_once_are_each_by_itself(pair):
    first = [counted(pair[0]), np.array([50.0, 30.0, 20.0])]
    second = [counted(pair[1]), np.array([20.0, 30.0, 50.0])]
    width = np.zeros(82)
    width[1:81] = np.diff(BORDERS)
    runs = Runs(
        starts=np.array([0, 82]), sizes=np.array([82, 3]), widths=np.append(width, np.zeros(3))
    )
    found = effects(runs, *(np.concatenate(each).astype(float) for each in (first, second)))
    drawn = bridges(np.random.default_rng(1), 9)

    for place in range(2):
        alone = cell_kolmogorov_smirnov(first[place], second[place]).effect
        assert found["ks"][place] == pytest.approx(alone)
    moved = cell_wasserstein(first[0], second[0], BORDERS, sd=1.0, bridges=drawn).effect
    assert found["wasserstein"][0] == pytest.approx(moved, rel=0.02)


def test_bins_that_a_column_lacks_change_no_distance():
    tables = np.array([[500.0, 300.0, 200.0, np.nan], [400.0, 100.0, 300.0, 200.0]])
    others = np.array([[450.0, 250.0, 300.0, np.nan], [400.0, 200.0, 200.0, 200.0]])
    found = padded_effects(tables, others)
    for place, size in enumerate((3, 4)):
        pair = tables[place, :size], others[place, :size]
        assert found["psi"][place] == pytest.approx(psi(*pair).effect)
        assert found["js"][place] == pytest.approx(jensen_shannon(*pair).effect)
        assert found["cramers_v"][place] == pytest.approx(cramers_v(*pair).effect, rel=0.01)


def test_an_empty_sample_has_no_distance():
    runs = Runs(starts=np.array([0]), sizes=np.array([2]), widths=np.zeros(2))
    assert np.isnan(effects(runs, np.zeros(2), np.ones(2))["ks"]).all()
    assert np.isnan(padded_effects(np.zeros((1, 2)), np.ones((1, 2)))["psi"]).all()


def test_intervals_of_shares_cover_them_as_often_as_promised():
    rng = np.random.default_rng(3)
    covered = 0
    for hits in rng.binomial(80, 0.1, 2_000):
        low, high = wilson(hits, 80)
        covered += low <= 0.1 <= high
    assert 0.93 <= covered / 2_000 <= 0.98
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 50)[0] == 0.0
    assert wilson(50, 50)[1] == 1.0
