from __future__ import annotations

import builtins
import math
import sys
from functools import partial

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ostinato.core.errors import ConfigError
from ostinato.learn import learners
from ostinato.learn.describe import describe, learner_digest
from ostinato.learn.estimators import fit

MAKERS = {
    "gradient_boosting": {"max_iter": 5},
    "linear": {},
    "lightgbm": {"n_estimators": 5},
    "xgboost": {"n_estimators": 5},
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_ready_made_learners_learn_every_task(name, task, rows, later):
    labels = {"binary": rows.binary, "multiclass": rows.multiclass, "regression": rows.target}
    learner = getattr(learners, name)(task, **MAKERS[name])
    model = fit(
        learner,
        rows.frame,
        labels[task],
        None,
        features=rows.features,
        task=task,
        classes=3,
        seed=0,
    )
    assert model.score(later.frame).shape == ((40, 3) if task == "multiclass" else (40,))


@pytest.mark.parametrize("name", MAKERS)
def test_an_unknown_task_is_refused(name):
    with pytest.raises(ConfigError, match="The task is unknown; was: 'ranking'"):
        getattr(learners, name)("ranking")


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ConfigError, match=r"parameter of the learner is unknown; was: .*'trees'"):
        learners.gradient_boosting("binary", trees=3)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_an_absent_library_is_named_with_the_command_that_installs_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=rf"pip install 'ostinato\[{name}\]'"):
        getattr(learners, name)("binary")


def test_a_description_holds_nested_learners_and_no_addresses():
    learner = make_pipeline(
        ColumnTransformer([("scale", StandardScaler(), ["x"])]),
        FunctionTransformer(func=builtins.len),
        RandomForestClassifier(n_estimators=7),
    )
    name, parameters = describe(learner)
    assert name == "sklearn.pipeline.Pipeline"
    assert "0x" not in str(parameters)
    last = parameters["steps"][2][1]
    assert last["learner"] == "sklearn.ensemble.RandomForestClassifier"
    assert last["parameters"]["n_estimators"] == 7


def test_equal_learners_have_equal_digests_and_others_do_not():
    def digest(**parameters):
        return learner_digest(HistGradientBoostingClassifier(**parameters))

    assert digest() == digest()
    assert digest(max_iter=9) != digest()
    assert learner_digest(LogisticRegression()) != digest()


def test_a_function_among_the_parameters_is_described_by_its_name():
    class Sampler:
        def draw(self):
            return None

    _, parameters = describe(FunctionTransformer(func=Sampler().draw, kw_args={"a": Sampler()}))
    assert "0x" not in str(parameters)
    assert parameters["func"].endswith("Sampler.draw")
    assert parameters["kw_args"]["a"].endswith("Sampler")


def test_a_partial_function_is_described_by_what_it_holds():
    def described(base):
        return describe(FunctionTransformer(func=partial(math.log, base)))[1]["func"]

    assert described(2) == {"partial": "math.log", "args": [2], "keywords": {}}
    assert described(2) != described(3)


@pytest.mark.parametrize(
    "generator",
    [np.random.RandomState(0), np.random.default_rng(0), np.random.PCG64(0)],
)
def test_a_random_generator_among_the_parameters_is_refused_by_name(generator):
    learner = make_pipeline(StandardScaler(), RandomForestClassifier(random_state=generator))
    with pytest.raises(ConfigError, match=r"RandomForestClassifier\(random_state=...\) is a"):
        describe(learner)
