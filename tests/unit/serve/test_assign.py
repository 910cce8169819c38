from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ostinato.core.ids import hash_keys
from ostinato.core.records import Routes
from ostinato.serve.assign import CANARY, CHAMPION, EXPLORE, HOLDBACK, assign, probabilities

UNITS = hash_keys(np.arange(50_000))


def routes(canary_share=0.0, holdback_share=0.0, canary="v2"):
    return Routes(
        champion="v1",
        canary=canary,
        canary_share=canary_share,
        holdback="v0",
        holdback_share=holdback_share,
    )


def units_in(role, routes, loop="demo"):
    return set(np.flatnonzero(assign(routes, UNITS, loop=loop) == role).tolist())


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.5])
def test_canary_and_holdback_get_their_shares(share):
    assert len(units_in(CANARY, routes(share))) / len(UNITS) == pytest.approx(share, abs=0.006)
    held = units_in(HOLDBACK, routes(holdback_share=share))
    assert len(held) / len(UNITS) == pytest.approx(share, abs=0.006)


def test_units_of_a_small_canary_stay_in_every_larger_one():
    canaries = [units_in(CANARY, routes(share)) for share in (0.0, 0.01, 0.05, 0.25, 1.0)]
    assert all(small < large for small, large in pairwise(canaries))
    assert canaries[0] == set()
    assert len(canaries[-1]) == len(UNITS)


def test_unit_is_answered_alike_whoever_comes_with_it():
    table = routes(0.3, 0.1)
    together = assign(table, UNITS, loop="demo")
    alone = [assign(table, UNITS[row : row + 1], loop="demo")[0] for row in range(200)]
    assert together[:200].tolist() == alone


def test_holdback_comes_before_the_canary_and_does_not_depend_on_it():
    held = units_in(HOLDBACK, routes(0.0, 0.1))
    assert units_in(HOLDBACK, routes(1.0, 0.1)) == held
    assert units_in(HOLDBACK, routes(0.5, 0.1, canary="v3")) == held
    assert units_in(CANARY, routes(1.0, 0.1)).isdisjoint(held)


def test_each_canary_and_each_loop_draws_its_own_units():
    one = units_in(CANARY, routes(0.1))
    for other in (
        units_in(CANARY, routes(0.1, canary="v3")),
        units_in(CANARY, routes(0.1), loop="other"),
    ):
        assert len(one & other) / len(UNITS) == pytest.approx(0.01, abs=0.003)


def test_without_canary_and_holdback_the_champion_answers_everyone():
    assert units_in(CHAMPION, Routes(champion="v1")) == set(range(len(UNITS)))
    without = Routes(champion="v1", canary_share=1.0, holdback_share=0.5)
    assert units_in(CHAMPION, without) == set(range(len(UNITS)))


def test_nobody_is_assigned_when_nobody_asks():
    assert assign(routes(0.5, 0.5), UNITS[:0], loop="demo").shape == (0,)


def test_explored_units_are_a_share_of_what_canary_and_holdback_leave():
    table = replace(routes(0.3, 0.2), explore_share=0.1)

    explored = units_in(EXPLORE, table)

    assert len(explored) / len(UNITS) == pytest.approx(0.7 * 0.8 * 0.1, abs=0.005)
    assert explored <= units_in(EXPLORE, replace(table, canary_share=0.0, holdback_share=0.0))
    assert units_in(CANARY, table) == units_in(CANARY, routes(0.3, 0.2))
    assert units_in(HOLDBACK, table) == units_in(HOLDBACK, routes(0.3, 0.2))


def test_each_loop_explores_its_own_units():
    table = Routes(champion="v1", explore_share=0.1)
    both = units_in(EXPLORE, table) & units_in(EXPLORE, table, loop="other")
    assert len(both) / len(UNITS) == pytest.approx(0.01, abs=0.003)


def test_the_probability_of_each_role_is_the_share_of_units_that_get_it():
    table = replace(routes(0.3, 0.2), explore_share=0.1)

    chances = probabilities(table)

    seen = np.bincount(assign(table, UNITS, loop="demo"), minlength=len(chances)) / len(UNITS)
    assert chances.sum() == pytest.approx(1.0)
    assert seen == pytest.approx(chances, abs=0.007)


def test_without_any_share_nothing_is_left_to_chance():
    assert probabilities(Routes(champion="v1")) is None
    without = Routes(champion="v1", canary_share=1.0, holdback_share=0.5)
    assert probabilities(without) is None
