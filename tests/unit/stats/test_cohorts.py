from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.stats.cohorts import CohortDetector
from ostinato.stats.hazard import fit_hazards

AGES = 15
CHANCE = np.diff(-np.expm1(-np.arange(AGES + 1) / 4.0))


def world(rng, days, wrong, rows=2000):
    """(days, ages) bad outcomes, good ones, and rows at risk, by cohort and age."""
    bad, good = np.zeros((days, AGES)), np.zeros((days, AGES))
    for day in range(days):
        worse = rng.binomial(rows, wrong(day))
        share = np.append(CHANCE, 1 - CHANCE.sum())
        bad[day] = rng.multinomial(worse, share)[:-1]
        good[day] = rng.multinomial(rows - worse, share)[:-1]
    gone = bad + good
    return bad, rows - np.cumsum(gone, axis=1) + gone


def hazards(p):
    return p * CHANCE / (1 - np.cumsum(CHANCE) + CHANCE)


def play(detector, bad, risk, *, until_alarm=True):
    for day in range(len(bad)):
        step_day(detector, bad, risk, day)
        if detector.crossed and until_alarm:
            return


def step_day(detector, bad, risk, day):
    """Open the cohort of a day, and take in what it reveals of all that are open."""
    log_bad = np.log1p(detector.bets * (1 - detector.hazards))
    detector.open(day)
    cohorts = np.arange(max(day - AGES + 1, 0), day + 1)
    ages = day - cohorts
    waiting = np.zeros((len(cohorts), AGES))
    waiting[np.arange(len(cohorts)), ages] = (risk - bad)[cohorts, ages]
    gains = bad[cohorts, ages][:, None] * log_bad[:, ages].T + detector.others(waiting)
    detector.step(cohorts, gains)
    detector.close(day - AGES + 2)


def by_definition(gains):
    """log of the mean over components of the sum over first cohorts of the products from it on."""
    total = [
        np.exp(sum(cohort[k] for cohort in gains[first:]))
        for k in range(gains.shape[1])
        for first in range(len(gains))
    ]
    return np.log(np.sum(total) / gains.shape[1])


def test_the_evidence_is_the_sum_over_all_first_cohorts():
    rng = np.random.default_rng(0)
    detector = CohortDetector.begin(hazards(0.05), arl=1e9)
    factors = np.zeros((12, detector.rises.size))
    for day in range(12):
        detector.open(day)
        days = np.arange(max(day - 3, 0), day + 1)
        gains = rng.normal(0, 0.3, (len(days), detector.rises.size))
        detector.step(days, gains)
        factors[days] += gains
        assert detector.log_e == pytest.approx(by_definition(factors[: day + 1]))
        detector.close(day - 2)


def test_a_term_of_the_sum_has_mean_one_for_any_losses_with_the_allowed_mean():
    rng = np.random.default_rng(1)
    allowed = np.array([0.1, 0.03])
    detector = CohortDetector.begin(allowed)
    found = rng.random((200_000, 2)) < 2 * allowed  # half of them reveal a loss of one half
    factors = np.zeros(200_000)
    for place in (0, 1):
        bet = detector.bets[5, place]
        factors += np.log1p(bet * (found[:, place] / 2 - allowed[place]))
    assert np.exp(factors).mean() == pytest.approx(1.0, abs=0.002)
    rows = found[:50]
    places, losses = np.nonzero(rows)[1], np.full(int(rows.sum()), 0.5)
    others = (~rows).sum(axis=0)
    total = detector.revealed(places, losses).sum(axis=0) + detector.others(others)
    assert total[5] == pytest.approx(factors[:50].sum())


def test_a_rise_from_a_cohort_on_is_found_within_days_and_dated():
    delays, dated = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        bad, risk = world(rng, 60, lambda day: 0.03 if day >= 40 else 0.02)
        detector = CohortDetector.begin(hazards(0.02) * 1.1, arl=1e4)
        play(detector, bad, risk)
        delays.append(detector.n - 40 if detector.crossed else 60)
        dated.append(detector.change_day - 40)

    # Waiting for maturity takes 15 days, and the sum over bad days two more than this one.
    assert min(delays) > 0
    assert np.median(delays) <= 9
    assert np.median(np.abs(dated)) <= 2
    change_day = detector.change_day
    detector.close(10**6)
    assert detector.change_day == change_day


def test_a_reference_without_its_bound_would_break_the_promise():
    alarms = {"raw": 0, "bound": 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        past, past_risk = world(rng, 5, lambda day: 0.02)
        found, at_risk = past.sum(axis=0), past_risk.sum(axis=0)
        bad, risk = world(rng, 150, lambda day: 0.02)
        for kind, allowed in (
            ("raw", np.maximum(found / at_risk, 1e-9)),
            ("bound", fit_hazards(found, at_risk)),
        ):
            detector = CohortDetector.begin(allowed, arl=1e4)
            play(detector, bad, risk)
            alarms[kind] += detector.crossed

    # 150 days at a run length of 10,000 allow a third of an alarm in 20 runs.
    assert alarms["raw"] >= 4
    assert alarms["bound"] <= 2


def test_places_without_reference_are_left_out():
    detector = CohortDetector.begin(fit_hazards(np.array([5.0, 0.0]), np.array([100.0, 0.0])))

    assert detector.hazards[1] == 1.0
    assert not detector.revealed([1, 1], [1.0, 0.0]).any()
    assert not detector.others([0, 1000]).any()


def test_false_alarms_come_no_more_often_than_once_in_the_run_length():
    alarms = 0
    for seed in range(40):
        detector = CohortDetector.begin(hazards(0.02), arl=500.0)
        play(detector, *world(np.random.default_rng(seed), 150, lambda day: 0.02))
        alarms += detector.crossed

    # 40 x 150 days at one alarm in 500 days or less: 12 expected at most, 28 is wrong once in 1e5.
    assert alarms < 28


def test_cohorts_that_are_closed_or_unknown_do_not_count_and_order_is_kept():
    detector = CohortDetector.begin(hazards(0.02))
    for day in (3, 4, 7):
        detector.open(day)
    ones = np.ones((3, detector.rises.size))
    detector.step(np.array([4, 5, 9]), ones)
    assert detector.gains.sum(axis=1).tolist() == [0.0, 12.0, 0.0]
    detector.close(5)
    assert detector.days.tolist() == [7]
    with pytest.raises(ValueError, match="open in order"):
        detector.open(7)


def test_a_healthy_sum_warns_on_few_days_whatever_the_run_length():
    warned = days = 0
    for seed in range(12):
        detector = CohortDetector.begin(hazards(0.02) * 1.1, arl=400.0)
        bad, risk = world(np.random.default_rng(seed), 60, lambda day: 0.02)
        for day in range(60):
            step_day(detector, bad, risk, day)
            if day >= 20:
                warned, days = warned + detector.warns, days + 1

    # A hundredth of the run length alone would be 4, and lie inside the healthy range.
    assert detector.days.size == AGES - 1
    assert warned / days < 0.02


def test_a_warning_comes_no_later_than_the_alarm():
    detector = CohortDetector.begin(hazards(0.02), arl=5.0)
    for day in range(20):
        detector.open(day)
    assert detector.warn == 5.0
    assert CohortDetector.begin(hazards(0.02), arl=1e4).warn == 100.0


def test_a_reset_forgets_the_evidence_and_closes_the_cohorts():
    rng = np.random.default_rng(3)
    detector = CohortDetector.begin(hazards(0.02), arl=1e3)
    bad, risk = world(rng, 30, lambda day: 0.06)
    play(detector, bad, risk)
    last = detector.days[-1]

    detector.reset()

    assert not detector.crossed
    assert detector.log_e == 0.0
    assert detector.days.size == 0
    assert detector.change_day == last + 1
    detector.step(np.arange(last), np.ones((last, detector.rises.size)))
    assert detector.log_e == 0.0


def test_after_a_reset_the_sum_begins_at_nothing_and_not_at_the_open_cohorts():
    detector = CohortDetector.begin(np.full(60, 0.01), arl=30.0)
    for day in range(62):
        detector.open(day)

    detector.reset()
    for day in range(62, 90):  # benign: nothing is revealed that would be evidence
        detector.open(day)
        cohorts = np.arange(day - 59, day + 1)
        detector.step(cohorts, np.zeros((60, detector.rises.size)))

    # One term for each of the 28 cohorts opened since, none for the others.
    assert detector.log_e == pytest.approx(np.log(28))
    assert not detector.crossed


def test_a_restart_changes_nothing():
    rng = np.random.default_rng(3)
    bad, risk = world(rng, 40, lambda day: 0.02)
    once = CohortDetector.begin(hazards(0.02))
    play(once, bad, risk)
    again = CohortDetector.begin(hazards(0.02))
    play(again, bad[:20], risk[:20])
    copy = decode(encode(again))
    assert encode(copy) == encode(again)
    assert copy.change_day == again.change_day


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hazards": [0.0]}, "hazards must be"),
        ({"hazards": [[0.1]]}, "hazards must be"),
        ({"hazards": [0.1], "arl": 1.0}, "arl must be above 1"),
        ({"hazards": [0.1], "components": 0}, "components at least 1"),
    ],
)
def test_values_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        CohortDetector.begin(**values)


def test_losses_out_of_range_are_refused():
    detector = CohortDetector.begin([0.1])
    with pytest.raises(ValueError, match=r"losses must be in \[0, 1\]"):
        detector.revealed([0], [1.5])
    with pytest.raises(ValueError, match="shapes must agree"):
        detector.revealed([0, 0], [0.5])
