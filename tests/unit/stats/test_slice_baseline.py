from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats import SeasonalBaseline, SliceBaseline


def fitted(rng, rates, rows, *, tolerance=0.05):
    """Bounds from 0/1 losses of so many rows of each slice, in random order."""
    slices = rng.permutation(np.repeat(np.arange(len(rates)), rows))
    losses = (rng.random(slices.size) < rates[slices]).astype(float)
    bins = np.zeros(slices.size, dtype=np.int64)
    overall = SeasonalBaseline.fit(losses, bins, 1, tolerance=tolerance)
    return SliceBaseline.fit(losses, slices[:, None], bins, overall, tolerance=tolerance)


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.8])
def test_the_bounds_of_a_hundred_slices_hold_together(spread):
    rng = np.random.default_rng(1)
    above, tightness = [], []

    for _ in range(40):
        rates = np.minimum(0.1 * np.exp(spread * rng.standard_normal(100)), 0.6)
        bound = fitted(rng, rates, 300, tolerance=0.0)
        above.append(int((bound.highest < rates).sum()))
        tightness.append(float((bound.highest / rates).mean()))

    assert np.mean(above) < 0.5  # of a hundred
    assert np.mean(tightness) < 1.9


def test_a_lone_slice_that_was_bad_from_the_start_is_not_drawn_into_the_crowd():
    rng = np.random.default_rng(2)
    rates = np.full(100, 0.1)
    rates[40] = 0.4

    found = [fitted(rng, rates, 200) for _ in range(100)]

    assert np.mean([each.expected[40] < 0.33 for each in found]) > 0.9  # what shrinking alone does
    assert np.mean([each.highest[40] >= 0.4 for each in found]) > 0.95
    assert np.mean([each.highest[0] for each in found]) < 0.18


def test_slices_of_one_column_say_nothing_about_those_of_another():
    rng = np.random.default_rng(3)
    own, alike, apart = (
        rng.integers(0, 20, 6000),
        rng.integers(20, 30, 6000),
        np.arange(6000) // 600,
    )
    losses = (rng.random(6000) < np.linspace(0.02, 0.4, 10)[apart]).astype(float)
    bins = np.zeros(6000, dtype=np.int64)
    overall = SeasonalBaseline.fit(losses, bins, 1)

    found = [
        SliceBaseline.fit(losses, np.column_stack([own, other]), bins, overall)
        for other in (alike, 20 + apart)
    ]

    assert np.array_equal(found[0].expected[:20], found[1].expected[:20])
    assert np.array_equal(found[0].margin[:20], found[1].margin[:20])
    assert np.all(np.diff(found[1].expected[20:]) > 0.0)
    assert found[0].rows.sum() == found[1].rows.sum() == 12_000


def test_the_bound_of_a_slice_follows_the_season_of_all_rows():
    rng = np.random.default_rng(4)
    bins, slices = rng.integers(0, 2, 8000), rng.integers(0, 2, (8000, 1))
    rates = np.array([0.05, 0.2])[bins] * np.array([1.0, 1.5])[slices[:, 0]]
    losses = (rng.random(8000) < rates).astype(float)

    found = SliceBaseline.fit(losses, slices, bins, SeasonalBaseline.fit(losses, bins, 2))

    places = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    truth = np.array([0.05, 0.2, 0.075, 0.3])
    ratio = found.at(*places) / truth
    assert (ratio > 1.05).all()
    assert (ratio < 1.5).all()
    assert found.highest == pytest.approx(found.at(*places)[[1, 3]])


def test_after_rows_without_loss_the_rule_of_three_is_the_least_bound():
    losses, bins = np.zeros(400), np.zeros(400, dtype=np.int64)
    slices = np.repeat([[0], [1]], [300, 100], axis=0)

    found = SliceBaseline.fit(losses, slices, bins, SeasonalBaseline.fit(losses, bins, 1))

    assert found.highest == pytest.approx([3 / 301, 3 / 101])


def test_shapes_that_do_not_fit_are_refused():
    losses, bins = np.zeros(4), np.zeros(4, dtype=np.int64)
    overall = SeasonalBaseline.fit(losses, bins, 1)

    with pytest.raises(ValueError, match="shapes do not fit"):
        SliceBaseline.fit(losses, np.zeros((3, 1), dtype=np.int64), bins, overall)
    with pytest.raises(ValueError, match="a row in a slice expected"):
        SliceBaseline.fit(losses, np.full((4, 1), -1), bins, overall)
