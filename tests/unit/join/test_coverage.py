from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.join.coverage import AGES, NO_LABEL, Coverage

HORIZON = 3_200


def test_ages_are_counted_in_steps_of_the_horizon():
    clock = Coverage()
    times = np.zeros(6, dtype=np.int64)
    known = np.array([0, 150, 1_600, 3_200, 3_201, NO_LABEL])
    clock.mature(times, known, horizon_ns=HORIZON)
    assert (clock.rows, clock.labelled, clock.overdue) == (6, 5, 1)
    assert np.flatnonzero(clock.ages).tolist() == [0, 1, 15, 31, 32]
    assert clock.share_by_age()[-1] == pytest.approx(5 / 6)
    assert (np.diff(clock.share_by_age()) >= 0).all()


@pytest.mark.parametrize("horizon", [0, 1, 7, 2**62])
def test_every_horizon_has_its_ages(horizon):
    clock = Coverage()
    clock.mature(np.array([0, 0]), np.array([horizon, horizon + 1]), horizon_ns=horizon)
    assert clock.ages[AGES] == 1
    assert clock.ages.sum() == 2


def test_share_is_unknown_before_anything_matured():
    assert np.isnan(Coverage().share_by_age()).all()


def test_totals_of_parts_merge_to_the_totals_of_the_whole():
    draw = np.random.default_rng(0)
    times = draw.integers(0, 1_000, 500)
    known = np.where(draw.random(500) < 0.3, NO_LABEL, times + draw.integers(0, 5_000, 500))
    whole, left, right = Coverage(), Coverage(), Coverage()
    whole.mature(times, known, horizon_ns=HORIZON)
    left.mature(times[:200], known[:200], horizon_ns=HORIZON)
    right.mature(times[200:], known[200:], horizon_ns=HORIZON)
    left.merge(right)
    assert encode(left) == encode(whole)
    assert encode(decode(encode(left))) == encode(whole)


def test_late_revised_and_withdrawn_labels_move_in_the_totals(join):
    joining = join(horizon=100, revise=500)
    joining.tick(10, joining.predictions([1, 2, 3], [10, 10, 10]), joining.labels((1, 20, 0)))
    joining.tick(110)
    clock = joining.state.coverage
    assert (clock.rows, clock.labelled, clock.overdue) == (3, 1, 2)
    joining.tick(120, joining.labels((2, 115, 1), (1, 60, 1)))
    assert (clock.labelled, clock.overdue) == (2, 1)
    assert np.flatnonzero(clock.ages).tolist() == [12, 32]
    joining.tick(130, joining.labels((2, 125, float("nan"))))
    assert (clock.rows, clock.labelled, clock.ages.sum()) == (3, 1, 1)


def test_each_cohort_says_how_many_of_its_labels_are_known(join):
    joining = join(horizon=100, revise=500)
    joining.tick(10, joining.predictions([1, 2], [5, 10]), joining.labels((1, 9, 0)))
    joining.tick(110, joining.predictions([3, 4, 5, 6], [105, 106, 107, 108], offset=2))
    joining.tick(120, joining.labels((5, 119, 1)))
    first, second = joining.state.cohort_coverage()
    assert (first.first_ns, first.last_ns, first.rows) == (5, 10, 2)
    assert (first.labelled, first.share, first.matured) == (1, 0.5, True)
    assert (second.labelled, second.share, second.matured) == (1, 0.25, False)
