from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.release import Canary, ReleaseConfig
from ostinato.release.prior import Prior
from ostinato.release.traffic import Rate, outlook

PRIOR = Prior(base=1.0, variance=1.0, largest=2.0, moment=0.04)


def config(**changes):
    rollout = Canary(**{"cap": "10d", "over": "1d", **changes})
    return ReleaseConfig(
        rollout=rollout, paired=True, task="regression", metric="mae", horizon_ns=2 * DAY_NS
    )


def steady(per_day, days):
    rate = Rate()
    for hour in range(24 * days):
        rate.add(hour * HOUR_NS + np.arange(per_day // 24) * (HOUR_NS * 24 // per_day))
    return rate


def test_a_rate_is_known_after_a_day_and_forgets_what_is_older_than_a_week():
    assert steady(240, 1).per_ns() is None
    assert steady(240, 3).per_ns() * DAY_NS == pytest.approx(240, rel=0.02)

    busier = steady(240, 20)
    for hour in range(20 * 24, 30 * 24):
        busier.add(hour * HOUR_NS + np.arange(100))

    assert busier.per_ns() * DAY_NS == pytest.approx(2400, rel=0.05)
    assert len(busier.days) <= 8


def test_a_quiet_time_lowers_the_rate():
    rate = steady(240, 3)
    rate.add(np.array([6 * DAY_NS]))
    assert rate.per_ns() * DAY_NS == pytest.approx(120, rel=0.02)


def test_the_outlook_says_what_the_cap_brings_and_what_that_could_show():
    enough, facts = outlook(steady(480, 5), config(min_samples=500), PRIOR, now_ns=7 * DAY_NS)

    assert enough
    # 8 of the 10 days bring labels in time; n = 6.18 q / margin^2, and the other way round.
    assert facts["rows_expected"] == pytest.approx(8 * 480, rel=0.02)
    assert facts["rows_needed"] == pytest.approx(6.18 * 0.04 / 0.01**2, rel=0.01)
    harm = np.sqrt(6.18 * 0.04 / facts["rows_expected"])
    assert facts["smallest_harm"] == pytest.approx(harm, rel=0.01)


def test_traffic_that_cannot_bring_a_verdict_is_told_and_unknown_traffic_is_not_blamed():
    few, facts = outlook(steady(48, 5), config(min_samples=500), None, now_ns=7 * DAY_NS)
    unknown, nothing = outlook(Rate(), config(min_samples=500), None, now_ns=7 * DAY_NS)

    assert not few
    assert facts["rows_expected"] == pytest.approx(8 * 48 - 100, abs=10)
    assert (unknown, nothing) == (True, {})


def test_what_comes_late_is_what_was_seen_to_be_late_not_the_horizon():
    plan = replace(config(cap="28d", min_samples=500), horizon_ns=30 * DAY_NS)
    rate = steady(480, 5)  # the last labelled request is one of the end of day 5

    quick, facts = outlook(rate, plan, None, now_ns=6 * DAY_NS)
    late, none = outlook(rate, plan, None, now_ns=40 * DAY_NS)

    assert quick
    assert facts["rows_expected"] == pytest.approx(27 * 480 - 100, rel=0.02)
    assert facts["labels_late_ns"] == pytest.approx(DAY_NS, rel=0.01)
    assert not late
    assert (none["rows_expected"], none["labels_late_ns"]) == (0, 30 * DAY_NS)


def test_without_pairs_a_verdict_takes_the_rows_of_two_arms():
    plan = config(steps=[0.05, 0.2, 1.0])
    paired, facts = outlook(steady(480, 5), plan, PRIOR, now_ns=7 * DAY_NS)
    alone, more = outlook(steady(480, 5), replace(plan, paired=False), PRIOR, now_ns=7 * DAY_NS)

    # n = 6.18 * 2 variances / margin^2 in the smaller arm, a fifth of the rows.
    assert more["rows_needed"] == pytest.approx(6.18 * 2.0 / 0.01**2 / 0.2, rel=0.01)
    harm = 0.01 * np.sqrt(more["rows_needed"] / more["rows_expected"])
    assert more["smallest_harm"] == pytest.approx(harm)
    assert more["smallest_harm"] > 5 * facts["smallest_harm"]
    assert "days_needed" not in more
    assert paired
    assert alone
