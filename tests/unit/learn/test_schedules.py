from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ostinato.core.errors import ConfigError
from ostinato.learn.schedules import Schedule, resolved, set_now, with_parameters


@pytest.mark.parametrize("updates", [0, 3, 8, 399, 400, 10**6])
def test_a_falling_value_is_divided_by_the_root_and_keeps_a_floor(updates):
    value = Schedule(start=0.4, falls_over=1.0).value(updates)

    assert value == pytest.approx(max(0.4 / math.sqrt(1 + updates), 0.02))


def test_a_rising_value_grows_by_its_start_each_time_and_keeps_its_limit():
    plain = Schedule(start=2.0, rises_over=4)
    capped = Schedule(start=2.0, rises_over=4, limit=5.0)

    assert [plain.value(u) for u in (0, 4, 8)] == [2.0, 4.0, 6.0]
    assert [capped.value(u) for u in (0, 4, 8)] == [2.0, 4.0, 5.0]


@pytest.mark.parametrize(
    "fields",
    [
        {"start": 0.1},
        {"start": 0.1, "falls_over": 1, "rises_over": 1},
        {"start": 0.0, "falls_over": 1},
        {"falls_over": -1},
        {"start": math.inf, "falls_over": 1},
        {"start": 0.1, "falls_over": 1, "limit": 0.2},
        {"start": 0.1, "rises_over": 1, "limit": 0.05},
    ],
)
def test_a_schedule_goes_one_way_with_numbers_above_zero(fields):
    with pytest.raises(ConfigError):
        Schedule(**fields)


def test_a_start_left_out_is_the_learners_own():
    learner = make_pipeline(StandardScaler(), LogisticRegression(C=3))

    found = resolved(learner, {"logisticregression__C": Schedule(rises_over=2)})

    assert found["logisticregression__C"].start == 3.0


@pytest.mark.parametrize("name", ["c", "LogisticRegression__C", "logisticregression__c"])
def test_a_parameter_the_learner_lacks_is_refused_by_name(name):
    learner = make_pipeline(StandardScaler(), LogisticRegression())

    with pytest.raises(ConfigError, match="lacks") as caught:
        resolved(learner, {name: Schedule(start=1.0, rises_over=2)})

    assert name in str(caught.value)
    assert "logisticregression__C" in str(caught.value)


@pytest.mark.parametrize("name", ["class_weight", "fit_intercept", "penalty"])
def test_a_parameter_that_is_no_number_needs_a_start(name):
    with pytest.raises(ConfigError, match="missing"):
        resolved(LogisticRegression(), {name: Schedule(falls_over=2)})


def test_settings_are_given_to_a_copy():
    learner, fitted = LogisticRegression(), SGDClassifier(loss="log_loss", random_state=0)
    fitted.fit(np.array([[0.0], [1.0]]), [0, 1])

    changed = with_parameters(learner, {"C": 0.25})
    further = set_now(fitted, {"alpha": 0.5})

    assert (learner.C, changed.C) == (1.0, 0.25)
    assert (fitted.alpha, further.alpha) == (0.0001, 0.5)
    assert np.array_equal(further.coef_, fitted.coef_)
    assert with_parameters(learner, {}) is learner
