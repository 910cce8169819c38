"""Training a day late, small: the error grows with each retraining, and parity stops the first."""

from __future__ import annotations

import numpy as np
import pytest

import late_training

SMALL = 500


@pytest.fixture(scope="module")
def weeks():
    return list(late_training.measure("late since, 4 weeks", seed=0, per_day=SMALL))


def test_one_to_two_percent_of_the_values_differ(weeks):
    assert 0.01 < np.mean([week.differing for week in weeks]) < 0.02


def test_nothing_is_wrong_before_the_first_retraining(weeks):
    assert (weeks[0].gap, weeks[0].gap_error) == (0.0, 0.0)


def test_the_error_grows_with_each_retraining_until_all_rows_are_late(weeks):
    wrong = [week.gap_differing for week in weeks]

    assert all(np.diff(wrong[:5]) > 0)
    assert wrong[4] > 4 * wrong[1] > 0
    assert np.mean(wrong[5:]) > wrong[3]


def test_the_monitor_stops_the_first_training_and_names_the_cause():
    told = late_training.with_parity("late since, 4 weeks", seed=0, per_day=SMALL)

    assert told.startswith("0 retrainings.")
    assert "The source is 1 d late where it is recomputed" in told


def test_a_table_that_was_always_late_trains_nobody():
    told = late_training.with_parity("always late, 4 weeks", seed=0, per_day=SMALL)

    assert told.startswith("The first champion is not trained: parity of declines_7d is broken")
    assert "The source is 1 d late where it is recomputed" in told


def test_a_model_that_is_fed_by_its_answers_is_measured():
    found = list(late_training.measure_fed(seed=0, per_day=60))

    assert len(found) == len(range(late_training.START_DAY, late_training.DAYS, 7))
    assert found[0].gap == 0.0
