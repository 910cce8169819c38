import numpy as np
import pytest

from ostinato.stats import EDetector, SeasonalBaseline


def day(n, rng, swing=0.2, p=0.1):
    hours = np.arange(n) // 20 % 24
    rate = p * (1.0 + swing * np.sin(2 * np.pi * hours / 24))
    return (rng.random(n) < rate).astype(float), hours, rate


def test_bins_that_do_not_differ_share_the_overall_mean_and_its_error():
    losses = np.tile([1.0, 0.0, 0.0, 0.0], 600)
    bins = np.repeat(np.arange(24), 100)

    baseline = SeasonalBaseline.fit(losses, bins, 24)

    assert baseline.expected == pytest.approx(np.full(24, 0.25))
    assert baseline.standard_error == pytest.approx(np.full(24, losses.std() / np.sqrt(2400)))


def test_bins_that_differ_by_far_more_than_noise_keep_their_own_mean():
    losses = np.concatenate([np.tile([1.0, 0.0], 500), np.tile([1.0] + [0.0] * 19, 50)])
    bins = np.repeat([0, 1], 1000)

    baseline = SeasonalBaseline.fit(losses, bins, 3)

    assert baseline.mean == 0.275
    assert baseline.expected == pytest.approx([0.5, 0.05, 0.275], abs=0.002)
    assert baseline.standard_error[0] == pytest.approx(0.5 / np.sqrt(1000), rel=0.1)
    assert baseline.at(np.array([1, 1])).tolist() == [baseline.upper[1]] * 2


def test_losses_that_resemble_their_neighbours_make_the_mean_less_sure():
    losses = np.tile([1.0, 0.0, 0.0, 0.0], 600)
    bins = np.zeros(2400, dtype=np.int64)

    one, nine = (SeasonalBaseline.fit(losses, bins, 1, design_effect=d) for d in (1.0, 9.0))

    assert nine.standard_error == pytest.approx(3.0 * one.standard_error)
    assert nine.expected == pytest.approx(one.expected)


def test_the_bound_lies_above_the_truth_in_nearly_every_bin_and_close_to_it():
    rng = np.random.default_rng(1)
    losses, hours, rate = day(40_000, rng)

    baseline = SeasonalBaseline.fit(losses, hours, 24)

    truth = np.array([rate[hours == h][0] for h in range(24)])
    assert (baseline.upper > truth).sum() >= 23
    assert (baseline.upper < 1.5 * truth).all()


def test_the_standard_error_matches_the_spread_over_repeated_samples():
    rng = np.random.default_rng(2)
    fits = [SeasonalBaseline.fit(*day(10_000, rng, swing=0.0)[:2], 24) for _ in range(200)]

    spread = np.std([fit.expected for fit in fits], axis=0).mean()
    claimed = np.mean([fit.standard_error for fit in fits])

    assert 0.9 * spread < claimed < 1.6 * spread


def test_a_bin_without_rows_is_less_sure_than_the_others():
    rng = np.random.default_rng(3)
    losses, hours, _ = day(40_000, rng, swing=0.8)
    kept = hours != 5

    baseline = SeasonalBaseline.fit(losses[kept], hours[kept], 24)

    assert baseline.expected[5] == pytest.approx(baseline.mean)
    assert baseline.standard_error[5] > 2 * np.delete(baseline.standard_error, 5).max()


def test_seasonal_swings_raise_no_alarm_and_a_real_rise_does():
    rng = np.random.default_rng(4)
    losses, hours, _ = day(60_000, rng)
    baseline = SeasonalBaseline.fit(losses, hours, 24)
    detector = EDetector.begin(baseline.mean, m_max=baseline.highest)

    later, bins, rate = day(200_000, rng)
    detector.update(later, baseline.at(bins))
    assert not detector.crossed
    worse = (rng.random(5000) < 1.5 * rate[:5000]).astype(float)
    detector.update(worse, baseline.at(bins[:5000]))

    assert 200_000 < detector.crossed_at < 203_000


def test_bounds_stay_strictly_inside_zero_and_one():
    zeros = SeasonalBaseline.fit(np.zeros(99), np.zeros(99, dtype=int), 2)
    ones = SeasonalBaseline.fit(np.ones(5), np.zeros(5, dtype=int), 1)

    assert zeros.upper.tolist() == [0.03, 0.03]
    assert ones.highest == 0.999
    assert ones.expected_at(np.array([0])).tolist() == [1.0]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        SeasonalBaseline.fit(np.zeros(0), np.zeros(0, dtype=int), 3)
    with pytest.raises(ValueError, match="bins must be in"):
        SeasonalBaseline.fit(np.zeros(2), np.array([0, 3]), 3)
