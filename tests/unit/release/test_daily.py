from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS
from ostinato.release.daily import Daily
from ostinato.stats.weak_null import WeakNullEProcess

MARGIN, ROWS, SD = 0.0045, 150, 0.15


def begin(day_sd, **changes):
    fields = {
        "margin": MARGIN,
        "day_variance": day_sd**2,
        "second_moment": SD**2 + day_sd**2,
        "scale": 8 * SD,
        "alpha": 0.05,
        "beta": 0.05,
    }
    return Daily.begin(**(fields | changes))


def world(rng, *, mean, day_sd, days=28):
    """Differences whose rows of one day share an effect, and their times."""
    effects = mean + rng.normal(0.0, day_sd, days)
    times = np.repeat(np.arange(days), ROWS) * DAY_NS + np.tile(np.arange(ROWS), days)
    return np.repeat(effects, ROWS) + rng.normal(0.0, SD, days * ROWS), times


def spread(day_sd):
    return math.hypot(day_sd, SD / math.sqrt(ROWS))  # of a day's mean


def aborts(test):
    return test.aborted_at >= 0 or test.log_e_abort >= math.log(20)


def test_a_day_counts_once_it_is_over_and_is_worth_its_mean():
    test = begin(0.05)

    test.update(np.array([0.02, 0.04]), np.array([5, 6]))
    test.update(np.array([0.03]), np.array([7]))
    before = test.days.n
    test.update(np.array([0.5]), np.array([DAY_NS + 1]))

    assert (before, test.days.n) == (0, 1)
    assert test.days.mean == pytest.approx(0.03)
    assert (test.n, test.mean) == (4, pytest.approx(0.59 / 4))


def test_the_interval_is_that_of_days_and_holds_nothing_before_two_are_over():
    differences, times = world(np.random.default_rng(0), mean=0.02, day_sd=0.01, days=21)
    test = begin(spread(0.01))

    test.update(differences[: 2 * ROWS], times[: 2 * ROWS])
    early = test.interval()
    test.update(differences[2 * ROWS :], times[2 * ROWS :])

    assert early == (-math.inf, math.inf)
    low, high = test.interval()
    assert low < test.mean < high
    assert test.mean == pytest.approx(0.02, abs=0.01)


def test_it_does_not_matter_how_the_rows_are_cut():
    rng = np.random.default_rng(0)
    differences, times = world(rng, mean=-0.01, day_sd=0.03)
    once, cut = begin(0.03), begin(0.03)

    once.update(differences, times)
    for start in range(0, len(times), 61):
        cut.update(differences[start : start + 61], times[start : start + 61])
        cut = decode(encode(cut))

    assert cut.log_e_abort == pytest.approx(once.log_e_abort)
    assert cut.log_e_promote == pytest.approx(once.log_e_promote)
    assert (cut.days.n, cut.n) == (once.days.n, once.n)


def test_days_that_swing_stop_nobody_who_is_no_worse_where_rows_do():
    wrong = {"daily": 0, "average": 0}
    for seed in range(60):
        differences, times = world(np.random.default_rng(seed), mean=0.0, day_sd=0.045)
        days = begin(spread(0.045))
        days.update(differences, times)
        rows = WeakNullEProcess.begin(margin=MARGIN, second_moment=SD**2, cap=10**6, scale=8 * SD)
        rows.update(differences)
        wrong["daily"] += aborts(days)
        wrong["average"] += rows.aborted_at >= 0

    assert wrong["daily"] <= 6  # 3 by the promise; 7 or more once in 30 such tests
    assert wrong["average"] >= 20


def test_a_candidate_worse_by_the_margin_is_hardly_promoted_however_days_swing():
    promoted = 0
    for seed in range(60):
        differences, times = world(np.random.default_rng(seed), mean=-MARGIN, day_sd=0.02)
        test = begin(spread(0.02))
        test.update(differences, times)
        promoted += test.promoted_at >= 0

    assert promoted <= 6


def test_harm_beyond_any_ordinary_day_shows_within_hours_and_lesser_harm_in_weeks():
    rng = np.random.default_rng(1)
    differences, times = world(rng, mean=-0.5, day_sd=0.03, days=1)
    gross = begin(spread(0.03))
    gross.update(differences, times)
    differences, times = world(rng, mean=-0.04, day_sd=0.03)
    lesser = begin(spread(0.03))
    lesser.update(differences[:ROWS], times[:ROWS])
    at_first = aborts(lesser)
    lesser.update(differences[ROWS:], times[ROWS:])

    assert gross.days.n == 0
    assert aborts(gross)
    assert not at_first
    assert aborts(lesser)


def test_the_parameters_of_both_tests_are_registered():
    found = begin(0.03).registered()

    assert found["days"]["beta"] == found["rows"]["beta"] == 0.025
    assert found["days"]["scale"] == pytest.approx(2 * math.hypot(0.03, MARGIN))
    assert found["tolerance"] == pytest.approx(3 * math.hypot(0.03, MARGIN))


def test_gross_harm_that_begins_after_good_weeks_shows_within_hours_too():
    rng = np.random.default_rng(2)
    good, times = world(rng, mean=0.05, day_sd=0.02, days=20)
    bad, _ = world(rng, mean=-0.5, day_sd=0.02, days=1)
    test = begin(spread(0.02))

    test.update(good, times)
    before = test.rows.log_e_abort
    test.update(bad[:40], times[-1] + DAY_NS + np.arange(40))

    assert before < math.log(40)
    assert test.rows.log_e_abort >= math.log(40)
    assert aborts(test)


def test_starting_anew_every_day_keeps_the_error_rate_of_gross_harm():
    wrong = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        test = begin(0.01, beta=0.2)  # half of it for rows
        tail = test.tolerance  # worse by just what is still forgiven
        differences, times = world(rng, mean=-tail, day_sd=0.0, days=28)
        crossed = False
        for start in range(0, len(times), 50):
            test.update(differences[start : start + 50], times[start : start + 50])
            crossed |= test.rows.log_e_abort >= math.log(10)
        wrong += crossed

    assert wrong <= 45  # 30 by the promise
