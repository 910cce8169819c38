"""Late outcomes: alarms before labels are mature (B4).

5,000 predictions a day; the bad outcome shows after an exponential delay of a week on average, and
whoever shows none in 30 days is good. Waiting for maturity costs the 30 days; counting the labels
that have come so far mistakes quick labels for all labels. Hazards are fitted and cohorts followed
as `ostinato.decide.late` does, count by count.
"""

from __future__ import annotations

import math

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told
from ostinato.decide.hazards import WEEK, Tally, allowed_hazards, place_of
from ostinato.stats import CohortDetector, EDetector

ROWS, HORIZON, MEAN_DAYS, RATE, ARL = 5_000, 30, 7.0, 0.02, 1e4
REFERENCE_DAYS = 60
_CUTS = 1.0 - np.exp(-np.arange(HORIZON + 1) / MEAN_DAYS)
BY_AGE = np.diff(_CUTS) / _CUTS[-1]  # share of bad outcomes that show at each age


def cohorts(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    """Bad outcomes of each day's predictions by age, (days, ages)."""
    chances = np.column_stack([rates[:, None] * BY_AGE, 1.0 - rates])
    return rng.multinomial(ROWS, chances)[:, :HORIZON]


def alarm_day(detector: CohortDetector, bad: np.ndarray, begun: int, days: int) -> float:
    """Day of the alarm, counted from `begun`; infinite when there is none in so many days."""
    at_risk = ROWS - np.cumsum(bad, axis=1) + bad
    log_bad = np.log1p(detector.bets * (1.0 - detector.hazards))
    log_other = np.log1p(-detector.bets * detector.hazards)
    for day in range(begun, begun + days):
        detector.open(day)
        ages = np.arange(min(day + 1, HORIZON))
        made, places = day - ages, place_of(day, ages, HORIZON)
        found, rest = bad[made, ages], (at_risk - bad)[made, ages]
        gains = found[:, None] * log_bad[:, places].T + rest[:, None] * log_other[:, places].T
        detector.step(made, gains)
        detector.close(day - HORIZON + 2)
        if detector.crossed:
            return day - begun + 1
    return math.inf


def b4(effort: Effort) -> list[Check]:
    nulls, runs, long = effort((300, 60, 400), (30, 12, 200))
    alarms = 0
    for run in range(nulls):
        rng = np.random.default_rng([4, run])
        detector = _fitted(rng)
        bad = cohorts(rng, np.full(HORIZON + long, RATE))
        alarms += alarm_day(detector, bad, HORIZON, long) < math.inf
    bound = effort(0.06, 0.12)
    checks = [at_most(f"null alarms in {long} days, run length 10,000", alarms / nulls, bound)]
    for rate in (0.022, 0.025, 0.03, 0.04):
        if effort.quick and rate != 0.03:
            continue
        ours, mature = [], []
        for run in range(runs):
            rng = np.random.default_rng([4, 1, run])
            detector = _fitted(rng)
            rates = np.r_[np.full(2 * HORIZON, RATE), np.full(200, rate)]
            bad = cohorts(rng, rates)
            alarm_day(detector, bad, HORIZON, HORIZON)
            if detector.crossed:
                detector.reset()
            ours.append(alarm_day(detector, bad, 2 * HORIZON, 170))
            mature.append(_when_mature(bad))
        found = float(np.median(ours))
        what = f"median days to see {RATE} -> {rate}"
        checks.append(at_most(what, found, 8) if rate == 0.03 else told(what, found))
        waits = float(np.median(mature))
        told_what = f"  waiting for maturity: days, {RATE} -> {rate}"
        checks.append(
            at_least(told_what, waits, 3 * found, teeth=True)
            if rate == 0.03
            else told(told_what, waits)
        )
    return checks


def _fitted(rng: np.random.Generator) -> CohortDetector:
    past = cohorts(rng, np.full(REFERENCE_DAYS, RATE))
    at_risk = ROWS - np.cumsum(past, axis=1) + past
    tally = Tally.empty(HORIZON)
    weekday = (np.arange(REFERENCE_DAYS)[:, None] + np.arange(HORIZON) + 3) % WEEK
    where = weekday, np.arange(HORIZON)[None, :]
    np.add.at(tally.at_risk, where, at_risk)
    np.add.at(tally.revealed, where, past)
    np.add.at(tally.losses, where, past)
    allowed = allowed_hazards(tally, tolerance=0.05, season=np.ones(WEEK), level=None)
    return CohortDetector.begin(allowed.worse, arl=ARL)


def _when_mature(bad: np.ndarray) -> float:
    """The e-detector on whole cohorts: each day's bad outcomes are known 30 days later."""
    allowed = RATE * 1.05 + 2.0 * math.sqrt(RATE / (ROWS * REFERENCE_DAYS))
    detector = EDetector.begin(RATE, m_max=allowed, arl=ARL * ROWS)
    rng = np.random.default_rng(4)
    for day in range(HORIZON, 2 * HORIZON + 170):
        losses = np.zeros(ROWS)
        losses[: bad[day].sum()] = 1.0
        detector.update(rng.permutation(losses), np.full(ROWS, allowed))
        if detector.crossed:
            if day < 2 * HORIZON:
                detector.reset()
                continue
            return day - 2 * HORIZON + 1 + HORIZON
    return math.inf
