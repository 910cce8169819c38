import numpy as np
import pytest

from ostinato.stats.hazard import (
    HazardDetector,
    count_by_age,
    fit_hazards,
    hazards_from_outcomes,
    label_pipeline_changed,
)

ROWS, HORIZON, MEAN_DELAY = 5000, 30, 7.0
AGES = np.arange(HORIZON)


def revealed(rng, rates, mean_delays):
    """Bad outcomes (cohorts, ages), and rows at risk, of cohorts with these error rates."""
    days = rates.size
    gone = -np.expm1(-(np.arange(HORIZON + 1)) / mean_delays[:, None])
    chance = rates[:, None] * np.diff(gone, axis=1)
    bad = np.zeros((days, HORIZON))
    left, rest = np.full(days, ROWS), np.ones(days)
    for age in range(HORIZON):
        bad[:, age] = rng.binomial(left, chance[:, age] / rest)
        left, rest = left - bad[:, age].astype(int), rest - chance[:, age]
    return bad, ROWS - np.cumsum(bad, axis=1) + bad


def reference(rng, rate, cohorts=30, *, tolerance=0.05):
    bad, at_risk = revealed(rng, np.full(cohorts, rate), np.full(cohorts, MEAN_DELAY))
    return fit_hazards(bad.sum(axis=0), at_risk.sum(axis=0), tolerance=tolerance)


def run(detector, bad, at_risk, *, until_alarm=True):
    for day in range(HORIZON, len(bad)):
        cohorts = day - AGES
        detector.day(AGES, at_risk[cohorts, AGES], bad[cohorts, AGES])
        if detector.crossed and until_alarm:
            return
    return


def world(rng, before, after, days, change, *, delay_after=MEAN_DELAY):
    late = np.arange(HORIZON + days) >= HORIZON + change
    rates = np.where(late, after, before)
    return revealed(rng, rates, np.where(late, delay_after, MEAN_DELAY))


def test_a_rise_from_two_to_three_percent_is_found_within_eight_days():
    rng = np.random.default_rng(1)
    delays, changes = [], []
    for _ in range(25):
        detector = HazardDetector.begin(reference(rng, 0.02, cohorts=60), arl=1e4)
        run(detector, *world(rng, 0.02, 0.03, 60, 20))
        delays.append(detector.crossed_at - 20)
        changes.append(detector.change_point - 20)

    # Waiting for maturity takes the horizon of 30 days at least.
    assert min(delays) > 0
    assert np.median(delays) <= 8
    assert np.median(np.abs(changes)) <= 3


def test_alarms_in_400_days_without_change_are_no_more_than_promised():
    rng = np.random.default_rng(2)
    alarms, runs = 0, 25
    for _ in range(runs):
        hazards = reference(rng, 0.02, tolerance=0.0)
        detector = HazardDetector.begin(hazards, arl=400.0)
        run(detector, *world(rng, 0.02, 0.02, 400, 0))
        alarms += detector.crossed

    # A run length of 400 days allows an alarm in every run at the worst; the bound of the
    # reference keeps far from it.
    assert alarms <= 6


def test_a_reference_without_its_bound_would_break_the_promise():
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(25):
        bad, at_risk = revealed(rng, np.full(5, 0.02), np.full(5, MEAN_DELAY))
        raw = bad.sum(axis=0) / at_risk.sum(axis=0)
        detector = HazardDetector.begin(np.maximum(raw, 1e-9), arl=1e4)
        run(detector, *world(rng, 0.02, 0.02, 200, 0))
        alarms += detector.crossed

    # 200 days at a run length of 10,000 allow half an alarm in 25 runs.
    assert alarms >= 4


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


def test_ages_without_reference_are_left_out():
    hazards = fit_hazards(np.array([5.0, 0.0]), np.array([100.0, 0.0]))
    detector = HazardDetector.begin(hazards)

    detector.day([1, 1], [1000, 10], [900, 10])

    assert hazards[1] == 1.0
    assert detector.log_e == 0.0


def test_increments_are_one_shiryaev_roberts_step_of_all_cohorts():
    hazards = np.array([0.05, 0.02, 0.3])
    detector = HazardDetector.begin(hazards, arl=1e4, components=5)
    ages, at_risk, bad = [2, 0, 0], [3, 10, 4], [1, 2, 0]

    for _ in range(2):
        detector.day(ages, at_risk, bad)

    total = np.zeros(5)
    for _ in range(2):
        for age, risk, found in zip(ages, at_risk, bad, strict=True):
            bet = np.minimum(np.geomspace(0.05, 4.0, 5), 0.9 / hazards[age])
            outcomes = np.repeat([1.0, 0.0], [found, risk - found])
            total = total + np.log1p(np.outer(bet, outcomes - hazards[age])).sum(axis=1)
        total = np.logaddexp(0.0, total)
    after = np.log(np.expm1(total))  # log M of each component
    assert detector.log_e == pytest.approx(np.logaddexp.reduce(after) - np.log(5), rel=1e-9)
    assert detector.n == 2


def test_the_bet_is_fair_under_the_allowed_hazards():
    detector = HazardDetector.begin(np.array([0.02, 0.4]), components=7)

    expected = detector.hazards * np.exp(detector.log_bad)
    expected += (1.0 - detector.hazards) * np.exp(detector.log_other)

    assert expected == pytest.approx(np.ones((7, 2)), rel=1e-12)


def test_a_faster_pipeline_is_told_from_a_worse_model():
    rng = np.random.default_rng(6)
    found = {}
    for name, rate, delay in (("faster", 0.02, 3.0), ("worse", 0.04, MEAN_DELAY)):
        pair = []
        for share, after in ((0.02, rate), (0.3, 0.3 if name == "faster" else 0.3 * 0.98)):
            detector = HazardDetector.begin(reference(rng, share), arl=1e4)
            bad, at_risk = world(rng, share, after, 40, 10, delay_after=delay)
            run(detector, bad, at_risk, until_alarm=False)
            pair.append(detector)
        assert pair[0].crossed
        found[name] = label_pipeline_changed(*pair)

    assert found == {"faster": True, "worse": False}


def test_outcomes_are_counted_at_the_age_they_came():
    bad, at_risk = count_by_age([0, 0, 1, 2, 7], [True, False, True, False, True], 10, 4)

    assert bad.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert at_risk.tolist() == [10.0, 8.0, 7.0, 6.0]
    allowed = hazards_from_outcomes([0, 0, 1], [True, False, True], 10, 2, tolerance=0.1, z=1.0)
    assert allowed.tolist() == fit_hazards([1, 1], [10, 8], tolerance=0.1, z=1.0).tolist()


def test_a_tolerance_raises_what_is_allowed_by_its_share_of_what_was_seen():
    bad, at_risk = np.array([30.0, 10.0]), np.array([1000.0, 900.0])

    more = fit_hazards(bad, at_risk, tolerance=0.1) - fit_hazards(bad, at_risk, tolerance=0.0)

    assert more == pytest.approx(0.1 * bad / at_risk)


def test_reset_forgets_the_evidence_and_keeps_the_count():
    detector = HazardDetector.begin(np.array([0.01]), arl=1000.0)
    fresh = HazardDetector.begin(np.array([0.01]), arl=1000.0)
    detector.day([0], [1000], [60])
    assert detector.crossed
    assert detector.warned

    detector.reset()
    assert (detector.crossed, detector.warned, detector.change_point) == (False, False, 1)
    detector.day([0], [1000], [12])
    fresh.day([0], [1000], [12])

    assert detector.log_e == fresh.log_e
    assert detector.registered() == fresh.registered()
    assert sorted(detector.registered()) == ["arl", "hazards", "rises"]


def test_a_day_without_rows_changes_no_evidence_but_counts():
    detector = HazardDetector.begin(np.array([0.1]), arl=1000.0)

    detector.day([], [], [])

    assert (detector.n, detector.log_e) == (1, 0.0)


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (([0], [5], [6]), "bad must be between"),
        (([0], [5], [-1]), "bad must be between"),
        (([0], [5], [np.nan]), "bad must be between"),
        (([2], [5], [1]), "ages must be in"),
        (([-1], [5], [1]), "ages must be in"),
        (([0, 1], [5], [1]), "shapes must agree"),
    ],
)
def test_counts_that_would_void_the_promise_are_refused(day, message):
    detector = HazardDetector.begin(np.array([0.1, 0.1]))

    with pytest.raises(ValueError, match=message):
        detector.day(*day)
    assert detector.n == 0


def test_settings_out_of_range_are_refused():
    for hazards, arl in (([0.0], 10.0), ([1.1], 10.0), ([np.nan], 10.0), ([0.1], 1.0), ([], 10.0)):
        with pytest.raises(ValueError, match="must be"):
            HazardDetector.begin(np.array(hazards), arl=arl)
    with pytest.raises(ValueError, match="must agree"):
        fit_hazards([3.0], [2.0])
    with pytest.raises(ValueError, match="spans must be"):
        fit_hazards([1.0], [2.0], spans=[0.5])
    with pytest.raises(ValueError, match="tolerance"):
        fit_hazards([1.0], [2.0], tolerance=-0.1)
    with pytest.raises(ValueError, match="n_total = 1"):
        count_by_age([0, 1], [True, False], 1, 3)
    with pytest.raises(ValueError, match="at least 0"):
        count_by_age([-1], [True], 1, 3)
