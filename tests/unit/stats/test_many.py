import math

import numpy as np
import pytest

from ostinato.stats import DetectorBank, ELond, e_d_bh, weighted_log_e


def by_definition(e_values, q, patience):
    """Try every r: the largest for which r streams have an e-value of at least N T / (q r)."""
    n = e_values.size
    best = max(
        (r for r in range(1, n + 1) if (e_values >= n * patience / (q * r)).sum() >= r), default=0
    )
    return e_values >= n * patience / (q * best) if best else np.zeros(n, dtype=bool)


def test_reports_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    sizes = []
    for _ in range(300):
        e_values = rng.lognormal(4.0, 3.0, rng.integers(1, 30))
        found = e_d_bh(e_values, q=0.1, patience=5.0)
        assert np.array_equal(found, by_definition(e_values, 0.1, 5.0))
        sizes.append(found.sum())

    assert min(sizes) == 0
    assert max(sizes) > 3


def test_evidence_without_end_is_reported_and_none_is_not():
    assert e_d_bh(np.array([np.inf, 0.0]), q=0.05, patience=1e6).tolist() == [True, False]
    assert e_d_bh(np.zeros(0), q=0.05, patience=1e6).size == 0


def test_healthy_streams_are_spared_and_broken_ones_found():
    rng = np.random.default_rng(2)
    healthy, broken, last, q = 190, 10, 4000, 0.05
    rates = np.repeat([0.1, 0.2], [healthy, broken])
    bank = DetectorBank.begin(np.full(healthy + broken, 0.1), arl=last / q)
    reported = np.zeros(healthy + broken, dtype=bool)

    for _ in range(last // 100):
        bank.update_table((rng.random((100, rates.size)) < rates).astype(float), np.array(0.1))
        reported |= e_d_bh(np.exp(np.minimum(bank.log_e, 700.0)), q=q, patience=last)

    assert reported[healthy:].all()
    assert not reported[:healthy].any()
    # Each stream on its own, at the same error over the patience, cries wolf.
    assert bank.crossed[:healthy].any()


def test_a_weighted_mean_of_evidence_is_taken_outside_the_logs():
    log_e = np.array([0.0, math.log(5.0), 900.0])

    assert weighted_log_e(log_e[:2], np.array([3.0, 1.0])) == pytest.approx(math.log(2.0))
    assert weighted_log_e(log_e, np.array([1.0, 0.0, 1.0])) == pytest.approx(900.0 - math.log(2.0))
    with pytest.raises(ValueError, match="weight"):
        weighted_log_e(log_e, np.zeros(3))
    with pytest.raises(ValueError, match="weight"):
        weighted_log_e(log_e, np.ones(2))


def test_levels_share_out_the_error_and_grow_with_rejections():
    tests, spent = ELond.begin(alpha=0.05), 0.0
    for _ in range(20_000):
        spent += tests.level
        assert not tests.test(0.0)

    # What the tests after these get is the integral of the tail, 2 / sqrt(n) / zeta(1.5).
    assert spent == pytest.approx(0.05 * (1.0 - 2.0 / math.sqrt(20_000) / 2.6124), rel=1e-3)
    before = tests.level
    assert tests.test(1.0 / before)
    assert tests.level == pytest.approx(2.0 * before, rel=1e-3)


def test_false_rejections_among_dependent_tests_are_as_rare_as_promised():
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(300):
        tests, wrong = ELond.begin(alpha=0.2), 0
        shared = rng.normal()
        for t in range(60):
            true = t % 3 > 0
            z = (0.0 if true else 4.0) + 0.7 * shared + math.sqrt(0.51) * rng.normal()
            wrong += tests.test(math.exp(2.5 * z - 0.5 * 2.5**2)) and true
        shares.append(wrong / max(tests.rejected, 1))
        assert tests.tested == 60

    assert 0.0 < np.mean(shares) <= 0.2


def test_rejections_equal_those_of_an_independent_implementation():
    oracle = pytest.importorskip("online_fdr.e_values")

    class SameShares:
        def calc_gamma(self, index, **_):
            return index**-1.5 / 2.612375348685488

    rng = np.random.default_rng(4)
    e_values = np.exp(rng.normal(2.0, 4.0, 500))
    theirs, ours = oracle.ELond(0.1, gamma_seq=SameShares()), ELond.begin(alpha=0.1)

    found = [ours.test(e) for e in e_values]

    assert found == [theirs.test_one(float(e)) for e in e_values]
    assert 10 < sum(found) < 490


def test_batch_rule_equals_that_of_an_independent_implementation():
    oracle = pytest.importorskip("online_fdr.e_values")
    rng = np.random.default_rng(5)
    for _ in range(50):
        e_values = np.exp(rng.normal(2.0, 3.0, 40))
        theirs = oracle.e_bh(e_values.tolist(), 0.2)

        assert e_d_bh(e_values, q=0.2, patience=1.0).tolist() == list(theirs)


def test_values_that_are_no_evidence_are_refused():
    for bad in (-1.0, math.nan):
        with pytest.raises(ValueError, match=">= 0"):
            ELond.begin().test(bad)
        with pytest.raises(ValueError, match=">= 0"):
            e_d_bh(np.array([bad]), q=0.1, patience=1.0)
    with pytest.raises(ValueError, match="expected"):
        e_d_bh(np.ones(1), q=0.1, patience=0.0)
    with pytest.raises(ValueError, match="alpha"):
        ELond.begin(alpha=1.0)
