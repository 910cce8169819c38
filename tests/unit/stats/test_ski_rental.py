import functools

import numpy as np
import pytest

from ostinato.stats.ski_rental import ShadowPrice, SkiRental

TICKS, NOISE, LARGEST = 1200, 0.028, 0.5
"""Noise: the standard error of a loss of about .2 from 200 labels."""

COSTS = (0.5, 2.0, 8.0)


@functools.cache
def excess(seed):
    """Excess loss (tick, tick of training): a concept that walks, and now and then jumps."""
    rng = np.random.default_rng(seed)
    jumps = (rng.random((TICKS, 1)) < 0.004) * rng.normal(0.0, 0.58, (TICKS, 3))
    concept = np.cumsum(rng.normal(0.0, 0.03, (TICKS, 3)) + jumps, axis=0)
    size = np.square(concept).sum(axis=1)
    apart = np.maximum(size[:, None] + size - 2.0 * concept @ concept.T, 0.0)
    return LARGEST * -np.expm1(-apart / LARGEST)


def best_in_hindsight(lost, cost):
    """Least total of any schedule of trainings, by dynamic programming; the first is free."""
    paid = np.cumsum(lost, axis=0)
    until = np.full(len(lost) + 1, -cost)
    before = np.concatenate([[0.0], paid[np.arange(len(lost) - 1), np.arange(1, len(lost))]])
    for tick in range(1, len(lost) + 1):
        until[tick] = (until[:tick] + cost + paid[tick - 1, :tick] - before[:tick]).min()
    return until[-1]


def total(lost, cost, due):
    """Total of a rule that sees noisy estimates and trains on what is known then."""
    trained, paid = 0, 0.0
    for tick in range(len(lost)):
        paid += lost[tick, trained]
        if due(tick, lost[tick, trained]):
            trained, paid = tick, paid + cost
    return paid


def ski_rental(cost, seed, *, spend_averse=False):
    rule, rng = SkiRental.begin(cost, spend_averse=spend_averse), np.random.default_rng(seed)

    def due(_, lost):
        rule.add(lost + rng.normal(0.0, NOISE), NOISE**2)
        bought = rule.due()
        if bought:
            rule.paid()
        return bought

    return due


def every(period):
    return lambda tick, _: tick % period == period - 1


def test_hindsight_is_the_best_of_all_schedules_on_a_small_world():
    lost = excess(0)[:7, :7] * 5.0
    totals = []
    for schedule in range(2**7):
        bought = [bool(schedule >> tick & 1) for tick in range(7)]
        trained, paid = 0, 0.0
        for tick in range(7):
            if bought[tick] and tick:
                trained, paid = tick, paid + 0.3
            paid += lost[tick, trained]
        totals.append(paid)

    assert best_in_hindsight(lost, 0.3) == pytest.approx(min(totals))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("spend_averse", [False, True])
def test_it_costs_at_most_1_8_of_hindsight_and_less_than_the_best_period(cost, spend_averse):
    ratios, periodic = [], []
    for seed in range(4):
        best = best_in_hindsight(excess(seed), cost)
        due = ski_rental(cost, seed, spend_averse=spend_averse)
        ratios.append(total(excess(seed), cost, due) / best)
        lengths = (5, 10, 20, 40, 80, 160, 320)
        periodic.append(min(total(excess(seed), cost, every(n)) for n in lengths) / best)

    assert np.mean(ratios) <= 1.8
    assert np.mean(ratios) < 0.95 * np.mean(periodic)


def test_without_noise_it_is_two_competitive_on_every_path():
    for seed in range(4):
        for cost in COSTS:
            rule = SkiRental.begin(cost)

            def due(_, lost, rule=rule):
                rule.add(lost, 0.0)
                bought = rule.due()
                if bought:
                    rule.paid()
                return bought

            best = best_in_hindsight(excess(seed), cost)
            # A tick may overshoot the cost by one estimate.
            assert total(excess(seed), cost, due) <= (2.0 + LARGEST / cost) * (best + cost)


def test_noise_alone_buys_nothing():
    rng = np.random.default_rng(5)
    rule = SkiRental.begin(3.0, spend_averse=True)
    bought = 0
    for _ in range(5000):
        rule.add(rng.normal(0.0, NOISE), NOISE**2)
        bought += rule.due()

    assert bought == 0
    assert rule.variance == pytest.approx(5000 * NOISE**2)


def test_spend_averse_waits_until_the_lower_bound_reaches_the_cost():
    bold, averse = SkiRental.begin(10.0), SkiRental.begin(10.0, spend_averse=True)
    for rule in (bold, averse):
        rule.add(11.0, 4.0)
    assert (bold.due(), averse.due()) == (True, False)

    averse.add(1.8, 0.0)

    assert averse.lower == pytest.approx(12.8 - 1.2816 * 2.0)
    assert averse.due()


def test_an_alarm_buys_at_once_what_the_future_will_surely_cost():
    rule = SkiRental.begin(10.0)
    rule.add(1.0, 0.1)

    assert not rule.due(ahead=9.9)
    assert rule.due(ahead=10.0)
    assert not rule.due(0.5, ahead=14.9)


def test_a_purchase_begins_anew_and_keeps_what_was_registered():
    rule = SkiRental.begin(10.0, spend_averse=True)
    registered = rule.registered()
    rule.add(30.0, 1.0)

    rule.paid()

    assert rule == SkiRental.begin(10.0, spend_averse=True)
    assert rule.registered() == registered == {"cost": 10.0, "spend_averse": True}


def spend_under(budget, periods, cost, drift, *, length=100):
    """Purchases in a world whose excess loss grows with the age of the model."""
    rule, shadow = SkiRental.begin(cost), ShadowPrice.begin(budget, length)
    age, spent = 0, np.zeros(periods)
    for tick in range(periods * length):
        age += 1
        rule.add(drift * age, 0.0)
        shadow.advance(1.0)
        if rule.due(shadow.price):
            rule.paid()
            shadow.spend(cost)
            spent[tick // length] += cost
            age = 0
    return spent, shadow


def test_spending_is_held_to_a_third_of_what_it_would_be():
    drift = 0.02  # without a budget: a purchase every 10 ticks, 10 per period
    free, shadow = spend_under(30.0, 20, 1.0, drift)
    assert free.mean() == pytest.approx(10.0, abs=1.0)
    assert shadow.price == 0.0

    held, shadow = spend_under(3.0, 20, 1.0, drift)

    assert held[4:].mean() == pytest.approx(3.0, rel=0.1)
    assert held.sum() <= 1.1 * 20 * 3.0
    assert shadow.price > 1.0


def test_no_more_than_one_budget_is_saved_up():
    shadow = ShadowPrice.begin(5.0, 30.0)

    shadow.advance(3000.0)
    assert (shadow.balance, shadow.price) == (-1.0, 0.0)
    shadow.spend(5.0)
    shadow.spend(5.0)

    assert shadow.balance == 1.0
    assert shadow.price > np.expm1(3.0)


def test_a_burst_is_dearer_than_the_same_spending_spread_out():
    burst, spread = ShadowPrice.begin(10.0, 30.0), ShadowPrice.begin(10.0, 30.0)
    burst.advance(29.0)
    for _ in range(29):
        spread.advance(1.0)
        spread.spend(0.5)
    burst.spend(14.5)

    assert burst.balance == pytest.approx(spread.balance)
    assert burst.price > 1.3 * spread.price


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="cost must be"):
        SkiRental.begin(0.0)
    for saved, variance in ((np.nan, 1.0), (1.0, -1.0), (np.inf, 1.0), (1.0, np.nan)):
        with pytest.raises(ValueError, match="saved must be"):
            SkiRental.begin(1.0).add(saved, variance)
    for budget, period in ((0.0, 1.0), (1.0, 0.0), (np.inf, 1.0)):
        with pytest.raises(ValueError, match="budget and period"):
            ShadowPrice.begin(budget, period)
    with pytest.raises(ValueError, match="gains"):
        ShadowPrice.begin(1.0, 1.0, gain=-1.0)
    with pytest.raises(ValueError, match="elapsed"):
        ShadowPrice.begin(1.0, 1.0).advance(-1.0)
    with pytest.raises(ValueError, match="amount"):
        ShadowPrice.begin(1.0, 1.0).spend(np.nan)
