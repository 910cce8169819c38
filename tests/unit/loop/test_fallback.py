from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import ostinato as ost
from ostinato.core.canonical import digest
from ostinato.loop.plan import declaration, make_plan


def loop(task="binary", **more):
    learner = LinearRegression() if task == "regression" else LogisticRegression()
    return ost.Loop(
        name="demo", task=task, time="t", features=["x"], label="y", learner=learner, **more
    )


def plan_of(declared, classes):
    return make_plan(
        declared,
        declared.policy,
        scorer=None,
        classes=classes,
        group_names=(),
        data_from_ns=0,
        matured_to_ns=0,
        bucket_ns=1,
        seed=0,
    )


@pytest.mark.parametrize(
    ("task", "given", "kept"),
    [
        ("binary", 0, 0.0),
        ("binary", np.float64(0.3), 0.3),
        ("regression", -12, -12.0),
        ("multiclass", [0.2, 0.3, 0.5], (0.2, 0.3, 0.5)),
        ("multiclass", np.array([0.25, 0.25, 0.25, 0.25]), (0.25,) * 4),
        ("binary", None, None),
    ],
)
def test_an_answer_that_fits_the_task_is_kept_as_floats(task, given, kept):
    assert loop(task, fallback=given).fallback == kept


@pytest.mark.parametrize(
    ("task", "given"),
    [
        ("binary", 1.5),
        ("binary", -0.1),
        ("binary", True),
        ("binary", float("nan")),
        ("binary", [0.5, 0.5]),
        ("binary", "0.5"),
        ("regression", float("inf")),
        ("regression", [1.0]),
        ("multiclass", 0.5),
        ("multiclass", [0.5, 0.5]),
        ("multiclass", [0.5, 0.6, 0.1]),
        ("multiclass", [1.5, -0.3, -0.2]),
        ("multiclass", "abc"),
        ("multiclass", ["a", "b", "c"]),
    ],
)
def test_an_answer_that_does_not_fit_the_task_is_refused_with_what_was_found(task, given):
    with pytest.raises(ost.ConfigError, match=r"Loop\(fallback=...\)") as raised:
        loop(task, fallback=given)
    assert raised.value.found == repr(given)


def test_an_answer_has_one_probability_per_class():
    with pytest.raises(ost.ConfigError, match="3 probabilities for 4 classes"):
        loop("multiclass", fallback=[0.2, 0.3, 0.5], classes=["a", "b", "c", "d"])
    with pytest.raises(ost.ConfigError, match="3 probabilities for 4 classes"):
        plan_of(loop("multiclass", fallback=[0.2, 0.3, 0.5]), 4)


def test_serving_gets_the_answer_as_numbers():
    assert plan_of(loop(fallback=0.3), 2).stages["serve"].fallback == (0.3,)
    assert plan_of(loop(), 2).stages["serve"].fallback is None
    three = plan_of(loop("multiclass", fallback=[0.2, 0.3, 0.5]), 3)
    assert three.stages["serve"].fallback == (0.2, 0.3, 0.5)


def test_a_loop_without_one_keeps_its_digest_and_one_with_it_has_another():
    without, with_one = loop(), loop(fallback=0.3)
    declared = declaration(without, without.policy)
    assert "fallback" not in declared
    assert digest(declared) != digest(declaration(with_one, with_one.policy))
