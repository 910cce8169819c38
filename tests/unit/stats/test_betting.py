import itertools

import numpy as np
import pytest

from ostinato.stats.betting import STAKES, BettingMean, BettingTest
from ostinato.stats.confidence import asymptotic_radius


def capital_path(values, mean):
    """Log capital of the mixture after each value."""
    logs = np.zeros(STAKES.size)
    path = []
    for x in values:
        logs += np.log(1.0 + STAKES / mean * (x - mean))
        path.append(np.logaddexp.reduce(logs) - np.log(STAKES.size))
    return np.array(path)


def capital(values, mean):
    return capital_path(values, mean)[-1]


@pytest.mark.parametrize("side", ["above", "below"])
def test_evidence_equals_the_product_of_the_factors_stream_by_stream(side):
    rng = np.random.default_rng(1)
    values = rng.beta(1.0, 4.0, (700, 5))
    values[rng.random((700, 5)) < 0.3] = np.nan
    test = BettingTest.begin(mean=0.15, streams=5, side=side, alpha=0.001)

    for piece in np.array_split(values, 4):
        test.update(piece)

    for stream in range(5):
        known = values[:, stream][~np.isnan(values[:, stream])]
        flipped = known if side == "above" else 1.0 - known
        mean = 0.15 if side == "above" else 0.85
        path = capital_path(flipped, mean)
        assert test.log_e[stream] == pytest.approx(path[-1], rel=1e-9)
        assert test.n[stream] == known.size
        over = np.flatnonzero(path >= np.log(1000.0))
        assert test.crossed_at[stream] == (over[0] + 1 if over.size else -1)
    assert test.crossed.all() == (side == "above")


def test_the_mean_evidence_is_one_at_the_mean_and_less_below_it():
    for mean in (0.3, 0.2):
        expected = 0.0
        for path in itertools.product((0.0, 1.0), repeat=8):
            test = BettingTest.begin(mean=0.3)
            test.update(np.array(path))
            expected += np.exp(test.log_e[0]) * np.prod([mean if x else 1.0 - mean for x in path])

        assert expected == pytest.approx(1.0, rel=1e-9) if mean == 0.3 else expected < 1.0


def test_streams_at_the_mean_rarely_cross_and_others_do():
    rng = np.random.default_rng(2)
    test = BettingTest.begin(mean=0.1, streams=300, alpha=0.1)

    test.update((rng.random((1500, 300)) < np.repeat([0.1, 0.15], [200, 100])).astype(float))

    assert 0.0 < test.crossed[:200].mean() <= 0.13
    assert test.crossed[200:].mean() > 0.95


def test_bounds_are_the_means_whose_capital_reaches_the_level():
    rng = np.random.default_rng(3)
    values = (rng.random(500) < 0.07).astype(float)
    mean = BettingMean.begin(cells=1)

    mean.update(values)
    (low,), (high,) = mean.interval(0.1)

    assert capital(values, low) == pytest.approx(np.log(20.0), rel=1e-9)
    assert capital(1.0 - values, 1.0 - high) == pytest.approx(np.log(20.0), rel=1e-9)
    assert low < values.mean() < high


@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_bounds_are_about_as_wide_as_the_asymptotic_ones_and_need_no_warm_up(rate):
    rng = np.random.default_rng(4)
    for n, most in ((200, 0.9), (1000, 1.1), (10_000, 1.2), (100_000, 1.1)):
        values = (rng.random(n) < rate).astype(float)
        mean = BettingMean.begin(cells=1)
        mean.update(values)
        low, high = mean.interval(0.05)
        radius = asymptotic_radius(n, values.std(), 0.05, tightest_at=5000)

        assert 0.5 < (high - low)[0] / (2.0 * radius) < most


def test_bounds_cover_the_mean_at_every_look():
    rng = np.random.default_rng(5)
    streams, alpha = 300, 0.2
    mean, missed = BettingMean.begin(streams=streams, cells=32), np.zeros(streams, dtype=bool)
    truth = 0.1

    for _ in range(25):
        values = rng.beta(0.5, 4.5, (40, streams))
        mean.update(values.reshape(-1), np.tile(np.arange(streams), 40))
        low, high = mean.interval(alpha)
        missed |= (low > truth) | (high < truth)

    assert 0.0 < missed.mean() <= alpha + 0.06


def test_cells_can_only_widen_the_bounds_and_hardly_do():
    values = np.random.default_rng(6).beta(1.0, 9.0, 3000)
    found = {}
    for cells in (16, 128):
        mean = BettingMean.begin(cells=cells)
        mean.update(values)
        found[cells] = mean.interval(0.05)
        # The capital of the histogram is below the exact one: the exact bound is not outside.
        assert capital(values, found[cells][0][0]) >= np.log(40.0)

    width = {cells: (high - low)[0] for cells, (low, high) in found.items()}
    assert width[128] <= width[16] < 1.1 * width[128]


def test_histograms_of_values_merge_by_adding_and_order_does_not_matter():
    rng = np.random.default_rng(7)
    values = rng.random(400)
    whole, left, right = (BettingMean.begin() for _ in range(3))

    whole.update(rng.permutation(values))
    left.update(values[:100])
    right.update(values[100:])
    left.counts += right.counts

    assert np.allclose(left.counts, whole.counts)
    assert np.allclose(left.interval(), whole.interval(), rtol=1e-9)
    assert left.n == pytest.approx([400.0])
    low, high = BettingMean.begin().interval()
    assert (low[0], high[0]) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize("bad", [1.1, -0.1])
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="values must be"):
        BettingTest.begin(mean=0.1).update(np.array([bad]))
    with pytest.raises(ValueError, match="values must be"):
        BettingMean.begin().update(np.array([bad]))
    with pytest.raises(ValueError, match="streams"):
        BettingMean.begin().update(np.array([0.5]), np.array([1]))
    with pytest.raises(ValueError, match="streams"):
        BettingTest.begin(mean=0.1).update(np.zeros((3, 2)))


@pytest.mark.parametrize("bad", [{"mean": 1.0}, {"alpha": 0.0}, {"streams": 0}, {"side": "left"}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError):
        BettingTest.begin(**({"mean": 0.1} | bad))
    with pytest.raises(ValueError, match="from 1"):
        BettingMean.begin(cells=0)
