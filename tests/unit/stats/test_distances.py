import numpy as np
import pytest
from scipy import stats as scipy_stats

from ostinato.stats.distances import cramers_v, jensen_shannon, psi, total_variation
from ostinato.stats.value_distances import kolmogorov_smirnov, wasserstein

OF_COUNTS = {"psi": psi, "js": jensen_shannon, "v": cramers_v}


@pytest.mark.parametrize("n", [200, 1000, 10_000, 1_000_000])
@pytest.mark.parametrize("bins", [5, 10, 20])
def test_unmoved_counts_are_flagged_as_often_as_asked(n, bins):
    rng = np.random.default_rng(bins * n)
    runs = 400
    for shares in (np.full(bins, 1.0 / bins), rng.dirichlet(np.full(bins, 0.5))):
        flagged = dict.fromkeys(OF_COUNTS, 0)
        surely = dict.fromkeys(OF_COUNTS, 0)
        for _ in range(runs):
            pair = rng.multinomial(10_000, shares), rng.multinomial(n, shares)
            for name, distance in OF_COUNTS.items():
                found = distance(*pair)
                flagged[name] += found.p < 0.1
                surely[name] += found.low > 0.0
        for name in OF_COUNTS:
            assert 0.5 <= flagged[name] / runs / 0.1 <= 2.0, name
            assert surely[name] / runs <= 0.1, name


@pytest.mark.parametrize("n", [200, 1000])
def test_unmoved_values_are_flagged_as_often_as_asked(n):
    rng = np.random.default_rng(n)
    flagged, runs = np.zeros(3), 250
    for _ in range(runs):
        pair = np.sort(rng.lognormal(size=5000)), np.sort(rng.lognormal(size=n))
        counts = rng.multinomial(5000, np.full(8, 0.125)), rng.multinomial(n, np.full(8, 0.125))
        flagged += [
            kolmogorov_smirnov(*pair).p < 0.1,
            wasserstein(*pair, rng=rng, draws=99).p <= 0.1,
            total_variation(*counts, rng=rng, draws=99).p <= 0.1,
        ]

    assert (flagged / runs >= 0.05).all()
    assert (flagged / runs <= 0.2).all()


def test_the_usual_rule_for_psi_flags_small_samples_that_did_not_move():
    rng = np.random.default_rng(1)
    shares = np.full(30, 1 / 30)
    found = [psi(rng.multinomial(10_000, shares), rng.multinomial(200, shares)) for _ in range(100)]

    assert np.mean([f.effect > 0.1 for f in found]) > 0.8
    assert np.mean([f.excess > 0.1 for f in found]) < 0.1
    assert np.mean([f.p < 0.01 for f in found]) < 0.05
    assert np.mean([f.effect for f in found]) == pytest.approx(found[0].by_chance, rel=0.12)


def test_effects_are_what_their_formulas_say():
    first, second = np.array([500.0, 300.0, 200.0]), np.array([300.0, 300.0, 400.0])
    p, q = (first + 0.5) / 1001.5, (second + 0.5) / 1001.5
    rng = np.random.default_rng(2)

    assert psi(first, second).effect == pytest.approx(((p - q) * np.log(p / q)).sum())
    middle = (p + q) / 2
    bits = 0.5 * (p * np.log2(p / middle) + q * np.log2(q / middle)).sum()
    assert jensen_shannon(first, second).effect == pytest.approx(bits)
    oracle = scipy_stats.chi2_contingency(np.array([first, second]), correction=False)
    found = cramers_v(first, second)
    assert found.effect == pytest.approx(np.sqrt(oracle.statistic / 2000))
    assert found.p == pytest.approx(oracle.pvalue)
    assert total_variation(first, second, rng=rng).effect == pytest.approx(0.2)


def test_effects_of_values_are_what_scipy_finds():
    rng = np.random.default_rng(3)
    first = np.sort(rng.normal(size=4000))
    second = np.sort(rng.normal(0.2, 1.3, size=3000))

    ks, moved = kolmogorov_smirnov(first, second), wasserstein(first, second, rng=rng)

    oracle = scipy_stats.ks_2samp(first, second, method="asymp")
    assert ks.effect == pytest.approx(oracle.statistic)
    assert np.log(ks.p) == pytest.approx(np.log(oracle.pvalue), rel=0.05)
    expected = scipy_stats.wasserstein_distance(first, second) / first.std()
    assert moved.effect == pytest.approx(expected, rel=0.02)
    assert moved.p == pytest.approx(1 / 1001)


@pytest.mark.parametrize("n", [500, 20_000])
def test_lower_bounds_stay_below_the_true_distance(n):
    rng = np.random.default_rng(4)
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.3, 0.3, 0.2, 0.2])
    middle = (p + q) / 2
    true = {
        "psi": ((p - q) * np.log(p / q)).sum(),
        "js": 0.5 * (p * np.log2(p / middle) + q * np.log2(q / middle)).sum(),
        "v": np.sqrt(0.25 * (np.square(p - q) / middle).sum()),
    }
    above, lows = dict.fromkeys(true, 0), dict.fromkeys(true, 0.0)
    tv_above = ks_above = 0
    for _ in range(200):
        pair = rng.multinomial(50_000, p), rng.multinomial(n, q)
        for name, distance in OF_COUNTS.items():
            low = distance(*pair).low
            above[name] += low > true[name]
            lows[name] += low / 200
        tv_above += total_variation(*pair, rng=rng, draws=99).low > 0.1
        pair = np.sort(rng.normal(size=5000)), np.sort(rng.normal(0.3, size=500))
        ks_above += kolmogorov_smirnov(*pair).low > 2 * scipy_stats.norm.cdf(0.15) - 1

    for name, value in true.items():
        assert above[name] <= 25, name  # 10 expected at 5 %
        assert lows[name] > (0.3 if n == 500 else 0.8) * value, name
    assert max(tv_above, ks_above) <= 25


def test_with_a_million_rows_a_shift_of_nothing_is_significant_and_small():
    rng = np.random.default_rng(5)
    first = np.sort(rng.normal(size=1_000_000))
    second = np.sort(rng.normal(0.005, size=1_000_000))

    found = kolmogorov_smirnov(first, second)

    assert found.p < 0.01
    assert found.effect < 0.01


def test_thin_bins_are_merged_with_their_neighbours():
    first, second = np.array([1000, 2, 1, 3, 1000, 1]), np.array([100, 0, 0, 1, 99, 4])
    rng = np.random.default_rng(6)

    merged = psi(np.array([1000, 1007]), np.array([100, 104]))

    assert psi(first, second) == merged
    alone = psi(np.array([50]), np.array([20]))
    assert (alone.effect, alone.p, alone.low, alone.by_chance) == (0.0, 1.0, 0.0, 0.0)
    assert cramers_v(np.array([3, 0]), np.array([0, 2])).p == 1.0
    assert total_variation(np.array([50]), np.array([20]), rng=rng).p == 1.0


def test_samples_that_cannot_be_compared_are_refused():
    rng = np.random.default_rng(7)
    some = np.array([1.0, 2.0])
    for pair in (([1, 2], [1]), ([0, 0], [1, 1]), ([-1, 5], [1, 1]), ([np.nan, 1], [1, 1])):
        for distance in OF_COUNTS.values():
            with pytest.raises(ValueError, match=r"need the same bins|counts must be"):
                distance(np.array(pair[0]), np.array(pair[1]))
    for values in ([], [2.0, 1.0], [1.0, np.nan], [np.nan]):
        with pytest.raises(ValueError, match="sorted, free of NaN"):
            kolmogorov_smirnov(np.array(values), some)
    with pytest.raises(ValueError, match="must vary"):
        wasserstein(np.ones(5), some, rng=rng)
