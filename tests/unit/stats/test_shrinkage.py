"""Shrinkage takes off what was luck, and says how unsure the rest is."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.shrinkage import shrink


def picked(rng, *, runs, n, tau, noise):
    """Estimate and truth of the best of n, raw and shrunken, over many runs."""
    found = []
    for _ in range(runs):
        truth = 1.0 + tau * rng.normal(size=n)
        seen = truth + rng.normal(size=n) @ np.linalg.cholesky(noise).T
        after = shrink(seen, noise)
        best = int(np.argmax(after.mean))
        found.append((seen[best], after.mean[best], after.spread[best], truth[best]))
    return np.array(found).T


@pytest.mark.parametrize("tau", [0.2, 1.0])
@pytest.mark.parametrize("shared", [0.0, 0.6])
def test_the_best_of_many_is_not_promised_too_much(tau, shared):
    rng = np.random.default_rng(1)
    noise = (1 - shared) * np.eye(8) + shared
    raw, shrunken, spread, truth = picked(rng, runs=400, n=8, tau=tau, noise=noise)
    assert (raw - truth).mean() > 0.25
    assert abs((shrunken - truth).mean()) < 0.4 * (raw - truth).mean()
    covered = np.abs(shrunken - truth) <= 1.96 * spread
    assert 0.91 <= covered.mean() <= 0.995


def test_one_alone_stays_as_it_is():
    found = shrink(np.array([2.0]), np.array([[0.25]]))
    assert (found.mean[0], found.spread[0]) == (2.0, 0.5)


def test_without_noise_nothing_is_shrunken():
    y = np.array([1.0, 2.0, 5.0])
    found = shrink(y, np.zeros((3, 3)))
    assert found.mean == pytest.approx(y)
    assert found.spread == pytest.approx(np.zeros(3))


def test_mere_noise_is_drawn_to_what_all_have_in_common():
    y = np.array([0.1, -0.1, 0.05, 0.0])
    found = shrink(y, np.eye(4))
    assert np.ptp(found.mean) < 0.2 * np.ptp(y)
    assert found.common == pytest.approx(y.mean())


def test_a_noisier_estimate_moves_further():
    found = shrink(np.array([2.0, -2.0, 2.0, -2.0]), np.diag([4.0, 4.0, 0.1, 0.1]))
    assert abs(found.mean[0]) < 0.8 * abs(found.mean[2])


def test_noise_that_all_share_in_their_own_strength_does_not_lead_outside_the_estimates():
    # Policies that gain by one and the same change: value and noise grow together.
    y = np.array([20.0, 30.0, 50.0, 105.0, 110.0])
    noise = np.outer(y, y) / 9 + np.eye(5)
    found = shrink(y, noise)
    assert found.mean.min() > 20.0
    assert found.mean.max() < 110.0
    assert found.mean[-1] > y.mean()


def test_twins_do_no_harm():
    noise = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = shrink(np.array([3.0, 3.0, 0.0]), noise)
    assert found.mean[0] == pytest.approx(found.mean[1])
    assert shrink(np.array([3.0, 3.0]), np.ones((2, 2))).mean == pytest.approx([3.0, 3.0])


def test_a_larger_unit_changes_nothing_else():
    y, noise = np.array([3.0, 1.0, 0.0]), np.eye(3)
    small, large = shrink(y, noise), shrink(1e6 * y, 1e12 * noise)
    assert large.mean == pytest.approx(1e6 * small.mean)
    assert large.spread == pytest.approx(1e6 * small.spread)


@pytest.mark.parametrize(
    ("y", "noise"),
    [
        (np.array([]), np.empty((0, 0))),
        (np.array([1.0, 2.0]), np.eye(3)),
        (np.array([np.nan, 1.0]), np.eye(2)),
    ],
)
def test_what_does_not_fit_is_refused(y, noise):
    with pytest.raises(ValueError):
        shrink(y, noise)
