"""Advice says yes where keeping up pays, and no where it does not."""

from __future__ import annotations

import pytest

import ostinato as ost
from ostinato.replay.advice import Estimate, doubts_about

POLICIES = {
    "static": ost.policies.static(),
    "weekly": ost.policies.scheduled("7d", holdout="3d"),
}


def drifting(world, seed=0):
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(seed)
    rows = 24_000
    table = world(rows, days=120, seed=seed)
    angle = np.linspace(0, np.pi, rows)
    odds = 2 * (np.cos(angle) * table["x0"].to_numpy() + np.sin(angle) * table["x1"].to_numpy())
    return table.with_columns(y=pl.Series((rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)))


def test_a_turning_world_is_worth_following(world, make_loop):
    policies = {
        **POLICIES,
        "weekly": ost.policies.scheduled("7d", window=ost.Last("15d"), holdout="3d"),
    }
    advice = ost.compare(make_loop(), drifting(world), policies, tick="6h").advice
    assert advice.worth_it
    assert advice.policy == "weekly"
    assert advice.low < advice.value_per_month < advice.high
    assert advice.low > 0
    assert advice.text.startswith("Worth it")


def test_the_best_of_many_is_not_promised_what_it_measured(world, make_loop):
    policies = {
        "static": ost.policies.static(),
        **{
            f"every {days}d": ost.policies.scheduled(f"{days}d", holdout="3d") for days in (5, 7, 9)
        },
    }
    advice = ost.compare(make_loop(), world(4000, change=0.5), policies, tick="12h").advice
    assert advice.value_per_month < advice.in_sample
    assert 0 < advice.sure <= 1
    assert "picked for its luck" in advice.text
    assert advice.in_sample.low < advice.in_sample < advice.in_sample.high


@pytest.mark.parametrize("seed", range(4))
def test_a_still_world_is_not(seed, world, make_loop):
    advice = ost.compare(make_loop(), world(6000, seed=seed), POLICIES, tick="12h").advice
    assert not advice.worth_it
    assert advice.policy == "static"
    assert advice.text.startswith("Not worth it: ")


def test_more_data_alone_is_no_reason_to_learn_for_ever(world, make_loop):
    # The static model starts on very little: one retraining would do.
    from sklearn.ensemble import HistGradientBoostingClassifier

    loop = make_loop(learner=HistGradientBoostingClassifier(max_iter=30, early_stopping=False))
    table = world(12_000, days=120)
    advice = ost.compare(loop, table, POLICIES, tick="12h", start="1970-01-04").advice
    assert not advice.worth_it


def test_a_policy_that_surely_loses_is_told_so():
    assert doubts_about(Estimate(-5.0, -7.0, -3.0), 0.2) == ["It costs more than it brings."]
    assert doubts_about(Estimate(5.0, -1.0, 11.0), 0.2)[0].startswith("The net value cannot")
    assert doubts_about(Estimate(5.0, 1.0, 9.0), 0.2) == []


def test_dear_training_makes_it_not_worth_it(world, make_loop):
    prices = ost.Prices(metric_unit=1.0, train_hour=1e9)
    policies = {
        **POLICIES,
        "weekly": ost.policies.scheduled("7d", window=ost.Last("15d"), holdout="3d"),
    }
    advice = ost.compare(make_loop(), drifting(world), policies, tick="6h", prices=prices).advice
    assert not advice.worth_it
    assert advice.value_per_month < 0


def test_alarms_that_come_to_nothing_have_a_price(world, make_loop):
    table, loop = world(4000), make_loop()
    free, priced = (
        ost.compare(loop, table, POLICIES, tick="12h", prices=ost.Prices(train_hour=0.0, alarm=p))
        for p in (0.0, 7.0)
    )
    cost = priced.replays["weekly"].cost
    nothing = cost["rejections"] + cost["aborts"] + cost["failed_trainings"] + cost["rollbacks"]
    assert nothing > 0
    assert cost["cost"] == 7.0 * nothing
    assert free.replays["weekly"].cost["cost"] == 0.0
    assert priced.replays["static"].cost["cost"] == 0.0


def test_a_cost_matrix_counts_errors(world, make_loop):
    prices = ost.Prices(false_positive=1.0, false_negative=5.0, currency="USD")
    found = ost.compare(make_loop(), world(3000, change=0.4), POLICIES, tick="12h", prices=prices)
    books = found.replays["static"].books
    assert set(books.harm.tolist()) <= {0.0, 1.0, 5.0}
    assert "USD" in found.advice.text


def test_only_static_leaves_nothing_to_compare(world, make_loop):
    advice = ost.compare(
        make_loop(), world(2000), {"static": ost.policies.static()}, tick="1d"
    ).advice
    assert not advice.worth_it
    assert "nothing to compare" in advice.text


def test_an_estimate_is_a_number_with_an_interval():
    found = Estimate(2.0, 1.0, 3.0)
    assert found == 2.0
    assert (found.low, found.high) == (1.0, 3.0)
