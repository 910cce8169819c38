import numpy as np
import pytest

from ostinato.stats.hazard import fit_hazards


def test_a_sum_over_ages_is_bounded_far_closer_than_age_by_age():
    bad = np.full(30, 12.0)
    at_risk = np.full(30, 150_000.0)

    allowed = fit_hazards(bad, at_risk, tolerance=0.0)

    seen = bad / at_risk
    # 360 events in all: the standard error of the sum is 5.3 %, that of each age 29 %.
    assert 1.09 < allowed.sum() / seen.sum() < 1.13
    assert (allowed >= seen).all()


@pytest.mark.parametrize("rate", [0.3, 2.0, 40.0])
def test_bounds_of_all_sums_hold_for_few_events_too(rate):
    rng = np.random.default_rng(4)
    at_risk = np.linspace(4000.0, 900.0, 12)
    truth = rate / 12 / 4000.0 * np.linspace(1.5, 0.5, 12)
    misses = np.zeros(12)
    for _ in range(2000):
        allowed = fit_hazards(rng.binomial(at_risk.astype(int), truth), at_risk, tolerance=0.0)
        misses += np.cumsum(truth) > np.cumsum(allowed)

    # 2.3 % is allowed for each sum; chance adds .35 % per standard error.
    assert (misses / 2000 <= 0.023 + 0.014).all()


def test_bounds_are_of_sums_over_ages_where_an_entry_stands_for_several():
    """The first day alone, then eleven steps of twelve ages each, as for a horizon of months."""
    rng = np.random.default_rng(4)
    spans = np.r_[1.0, np.full(11, 12.0)]
    at_risk = 4000.0 * spans
    truth = np.r_[0.005, np.full(11, 0.0001)]
    misses = np.zeros(12)
    for _ in range(2000):
        found = rng.binomial(at_risk.astype(int), truth)
        allowed = fit_hazards(found, at_risk, spans=spans, tolerance=0.0)
        misses += np.cumsum(spans * truth) > np.cumsum(spans * allowed)

    # 2.3 % is allowed for each sum; chance adds .35 % per standard error.
    assert (misses / 2000 <= 0.023 + 0.014).all()


def test_a_tolerance_raises_what_is_allowed_by_its_share_of_what_was_seen():
    bad, at_risk = np.array([30.0, 10.0]), np.array([1000.0, 900.0])

    more = fit_hazards(bad, at_risk, tolerance=0.1) - fit_hazards(bad, at_risk, tolerance=0.0)

    assert more == pytest.approx(0.1 * bad / at_risk)


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="must agree"):
        fit_hazards([3.0], [2.0])
    with pytest.raises(ValueError, match="spans must be"):
        fit_hazards([1.0], [2.0], spans=[0.5])
    with pytest.raises(ValueError, match="tolerance"):
        fit_hazards([1.0], [2.0], tolerance=-0.1)
