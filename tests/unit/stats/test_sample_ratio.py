import itertools

import numpy as np
import pytest
from scipy.special import gammaln

from ostinato.stats.sample_ratio import SampleRatio


def dirichlet_multinomial(shares, counts, strength):
    """Log Bayes factor of counts from gamma functions: no unit is looked at alone."""
    shares, counts = np.array(shares), np.array(counts)
    prior = strength * shares
    top = gammaln(prior + counts).sum() - gammaln(strength + counts.sum())
    return top - gammaln(prior).sum() + gammaln(strength) - counts @ np.log(shares)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.05, 0.15, 0.8)])
@pytest.mark.parametrize("strength", [1.0, 100.0])
def test_evidence_equals_the_closed_form_of_the_counts(shares, strength):
    rng = np.random.default_rng(1)
    arms = rng.integers(0, len(shares), 3000)
    test = SampleRatio.begin(shares, strength=strength)

    for piece in np.array_split(arms, 11):
        test.update(piece)

    counts = np.bincount(arms)
    assert test.log_e == pytest.approx(dirichlet_multinomial(shares, counts, strength), rel=1e-9)
    assert test.counts.tolist() == counts.tolist()
    assert test.n == 3000


def test_the_crossing_does_not_depend_on_batch_borders():
    rng = np.random.default_rng(2)
    arms = (rng.random(20_000) < 0.53).astype(np.int64)
    whole, single = SampleRatio.begin((0.5, 0.5)), SampleRatio.begin((0.5, 0.5))

    whole.update(arms)
    for start in range(0, arms.size, 7):
        single.update(arms[start : start + 7])

    assert whole.crossed
    assert whole.crossed_at == single.crossed_at
    early = dirichlet_multinomial((0.5, 0.5), np.bincount(arms[: whole.crossed_at]), 100.0)
    before = dirichlet_multinomial((0.5, 0.5), np.bincount(arms[: whole.crossed_at - 1]), 100.0)
    assert before < np.log(1e4) <= early


def test_the_mean_evidence_is_one_under_the_shares_even_when_they_change_half_way():
    first, second = (0.3, 0.7), (0.2, 0.5, 0.3)
    expected = 0.0
    for path in itertools.product(range(2), range(2), range(3), range(3), range(3)):
        test = SampleRatio.begin(first, strength=3.0)
        test.update(np.array(path[:2]))
        test.reset(second)
        test.update(np.array(path[2:]))
        chance = np.prod([first[a] for a in path[:2]] + [second[a] for a in path[2:]])
        expected += chance * np.exp(test.log_e)

    assert expected == pytest.approx(1.0, rel=1e-12)


def test_units_that_fall_as_promised_rarely_cross():
    rng = np.random.default_rng(3)
    crossed = 0
    for _ in range(400):
        test = SampleRatio.begin((0.05, 0.95), alpha=0.05)
        test.update((rng.random(5000) > 0.05).astype(np.int64))
        crossed += test.crossed

    assert 0 < crossed / 400 <= 0.07


def test_a_split_of_48_to_52_is_mostly_caught_within_twenty_thousand_units():
    rng = np.random.default_rng(4)
    found = []
    for _ in range(60):
        test = SampleRatio.begin((0.5, 0.5))
        test.update((rng.random(40_000) < 0.52).astype(np.int64))
        found.append(test.crossed_at)

    assert min(found) > 0
    assert np.median(found) < 16_000


def test_the_same_shares_again_change_nothing_and_a_crossing_stays():
    test = SampleRatio.begin((0.5, 0.5))
    test.update(np.zeros(60, dtype=np.int64))
    found = test.log_e

    test.reset((0.5, 0.5))
    assert test.counts.tolist() == [60, 0]
    test.reset((0.1, 0.9))

    assert test.counts.tolist() == [0, 0]
    assert (test.log_e, test.crossed_at, test.n) == (found, 53, 60)


@pytest.mark.parametrize(
    ("shares", "message"),
    [((0.5, 0.6), "sum"), ((1.0,), "two arms"), ((0.0, 1.0), "two arms"), ((np.nan, 1), "two")],
)
def test_shares_that_are_none_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        SampleRatio.begin(shares)
    with pytest.raises(ValueError, match=message):
        SampleRatio.begin((0.5, 0.5)).reset(shares)


def test_settings_and_arms_out_of_range_are_refused():
    with pytest.raises(ValueError, match="alpha"):
        SampleRatio.begin((0.5, 0.5), alpha=0.0)
    with pytest.raises(ValueError, match="strength"):
        SampleRatio.begin((0.5, 0.5), strength=0.0)
    for bad in ([2], [-1], [[0]]):
        with pytest.raises(ValueError, match="indices"):
            SampleRatio.begin((0.5, 0.5)).update(np.array(bad))
