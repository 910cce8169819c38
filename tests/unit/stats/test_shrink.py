import numpy as np
import pytest
from scipy.special import ndtr

from ostinato.stats.shrink import npmle

BAR = -0.01


def slices(rng, harm, harmed):
    """A hundred slices of very different size, a few of them harmed: truth, estimate, error."""
    rows = np.exp(rng.normal(np.log(490), 1.0, 100)).clip(200)
    truth = np.full(100, 0.003)
    truth[:harmed] = -harm
    errors = np.sqrt(0.1 / rows)
    return truth, rng.normal(truth, errors), errors


def normal_prior(estimates, errors):
    """What empirical Bayes with a normal prior makes of them: mean and deviation per slice."""
    weights = 1.0 / np.square(errors)
    mean = (weights * estimates).sum() / weights.sum()
    excess = (weights * np.square(estimates - mean)).sum() - (weights.size - 1)
    between = excess / (weights.sum() - np.square(weights).sum() / weights.sum())
    if between <= 0.0:
        return np.full(weights.size, mean), np.full(weights.size, 1e-12)
    precision = 1.0 / between + weights
    return (estimates * weights + mean / between) / precision, 1.0 / np.sqrt(precision)


def test_shrunk_effects_are_three_times_closer_to_the_truth_than_raw_ones():
    rng = np.random.default_rng(1)
    raw, shrunk = [], []
    for _ in range(15):
        truth, estimates, errors = slices(rng, 0.06, 2)
        raw.append(np.square(estimates - truth).mean())
        shrunk.append(np.square(npmle(estimates, errors).means - truth).mean())

    assert np.sqrt(np.mean(raw)) > 2.5 * np.sqrt(np.mean(shrunk))
    assert np.sqrt(np.mean(shrunk)) < 0.006


def test_one_lone_bad_slice_is_not_shrunk_away():
    rng = np.random.default_rng(2)
    found, found_normal, false = [], [], []
    for _ in range(40):
        _, estimates, errors = slices(rng, 0.06, 1)
        harmed = npmle(estimates, errors).below(BAR) > 0.9
        mean, deviation = normal_prior(estimates, errors)
        found.append(harmed[0])
        false.append(harmed[1:].any())
        found_normal.append(ndtr((BAR - mean[0]) / deviation[0]) > 0.9)

    assert np.mean(found) >= 0.5
    assert np.mean(found) >= 2.0 * np.mean(found_normal)
    assert np.mean(false) <= 0.15


def test_each_round_makes_the_estimates_more_likely():
    rng = np.random.default_rng(3)
    _, estimates, errors = slices(rng, 0.1, 5)
    gained = []
    for iterations in (2, 10, 50, 250):
        shrunk = npmle(estimates, errors, iterations=iterations)
        z = (estimates[:, None] - shrunk.grid) / errors[:, None]
        gained.append(np.log(np.exp(-0.5 * z * z) @ shrunk.prior).sum())

    assert np.diff(gained).min() > 0.0


def test_posteriors_follow_bayes_rule_on_the_grid():
    grid = np.array([-1.0, 0.0, 2.0])
    estimates, errors = np.array([0.1, 1.5]), np.array([1.0, 0.5])

    shrunk = npmle(estimates, errors, grid=grid, iterations=1)

    density = np.exp(-0.5 * np.square((estimates[:, None] - grid) / errors[:, None]))
    expected = density / density.sum(axis=1, keepdims=True)
    assert shrunk.posterior == pytest.approx(expected, rel=1e-12)
    assert shrunk.prior == pytest.approx(expected.mean(axis=0))
    assert shrunk.means == pytest.approx(expected @ grid)
    assert shrunk.below(2.0) == pytest.approx(expected[:, :2].sum(axis=1))
    assert shrunk.below(-1.0).tolist() == [0.0, 0.0]


def test_estimates_far_apart_or_all_equal_stay_finite():
    far = npmle(np.array([-1e6, 0.0, 1e6]), np.full(3, 1e-3))
    equal = npmle(np.full(4, 0.2), np.full(4, 0.1))

    assert far.means == pytest.approx([-1e6, 0.0, 1e6], abs=1e4)
    assert equal.means == pytest.approx(np.full(4, 0.2))
    assert np.isfinite(far.posterior).all()


@pytest.mark.parametrize(
    ("estimates", "errors"),
    [([], []), ([1.0], [0.0]), ([np.nan], [1.0]), ([1.0, 2.0], [1.0]), ([1.0], [np.inf])],
)
def test_what_cannot_be_weighed_is_refused(estimates, errors):
    with pytest.raises(ValueError, match="error"):
        npmle(np.array(estimates), np.array(errors))
