from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.units import DAY_NS
from ostinato.release.prior import BURN_IN, Prior


def test_a_prior_sums_up_the_rows_that_both_scored():
    rng = np.random.default_rng(0)
    champion, candidate = rng.uniform(0, 1, 300), rng.uniform(0, 1, 300)
    candidate[:50] = np.nan

    prior = Prior.of(champion, candidate)

    d = champion[50:] - candidate[50:]
    assert prior.base == pytest.approx(champion[50:].mean())
    assert prior.largest == pytest.approx(np.abs(d).max())
    assert prior.moment == pytest.approx((d**2).mean())
    assert prior.day_variance is None


def test_too_few_rows_say_nothing():
    assert Prior.of(np.ones(BURN_IN - 1), np.zeros(BURN_IN - 1)) is None


def test_the_variance_between_days_is_that_of_their_means():
    effects = np.array([0.1, -0.2, 0.3, 0.0])
    times = np.repeat(np.arange(4), 100) * DAY_NS + np.tile(np.arange(100), 4)
    champion = 1.0 + np.repeat(effects, 100)

    prior = Prior.of(champion, np.ones(400), times)

    assert prior.day_variance == pytest.approx(effects.var(ddof=1))


def test_two_days_do_not_tell_how_days_differ_and_a_short_day_is_left_out():
    times = np.repeat(np.arange(3), [200, 200, 20]) * DAY_NS
    champion = 1.0 + np.repeat([0.1, -0.1, 5.0], [200, 200, 20])
    assert Prior.of(champion, np.ones(420), times).day_variance is None

    times = np.repeat(np.arange(4), [200, 200, 200, 20]) * DAY_NS
    champion = 1.0 + np.repeat([0.1, -0.1, 0.0, 5.0], [200, 200, 200, 20])
    assert Prior.of(champion, np.ones(620), times).day_variance == pytest.approx(0.01)
