from __future__ import annotations

import importlib.util
import os
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from ostinato.core.errors import ConfigError, DataError, LearnerError
from ostinato.learn.limits import FitCost, measured_fit

RNG = np.random.default_rng(0)
FRAME = pl.DataFrame({"x": RNG.normal(size=300), "unused": [object()] * 300})
LABELS = (RNG.random(300) < 0.4).astype(float)


class Acts(ClassifierMixin, BaseEstimator):
    """Does as it is told while it is fitted."""

    def __init__(self, act="answer"):
        self.act = act

    def fit(self, X, y):
        self.share_ = float(np.mean(y))
        print("a learner that prints")  # noqa: T201 - must not disturb the answer
        if self.act == "sleep":
            time.sleep(60)
        if self.act == "hold the interpreter":
            re.match("(a+)+$", "a" * 60 + "b")
        if self.act == "die":
            os._exit(7)
        if self.act == "raise":
            raise ValueError("no use")
        if self.act == "keep a lock":
            self.lock_ = threading.Lock()
        return self

    def predict_proba(self, X):
        return np.tile([1 - self.share_, self.share_], (len(X), 1))


def train(learner, **options):
    options = {"features": ["x"], "task": "binary", "classes": 2, "seed": 0} | options
    return measured_fit(learner, FRAME, LABELS, None, **options)


def test_a_fit_is_measured():
    model, cost = train(LogisticRegression())
    assert model.score(FRAME).shape == (300,)
    assert isinstance(cost, FitCost)
    assert cost.wall_seconds > 0
    assert cost.cpu_seconds > 0
    assert cost.peak_memory_bytes >= 0


def test_a_limit_changes_neither_the_model_nor_its_bytes():
    free, _ = train(LogisticRegression())
    limited, cost = train(LogisticRegression(), time_limit=60)
    assert limited.to_bytes() == free.to_bytes()
    assert 0 < cost.wall_seconds < 60


@pytest.mark.parametrize("act", ["sleep", "hold the interpreter"])
def test_a_learner_that_hangs_is_ended_at_the_limit_and_says_where(act):
    begin = time.perf_counter()
    with pytest.raises(
        LearnerError, match=r"Acts did not finish within 0\.3 seconds.*running: File"
    ):
        train(Acts(act), time_limit=0.3)
    assert time.perf_counter() - begin < 20


def test_a_learner_that_ends_its_process_is_told_so():
    with pytest.raises(LearnerError, match=r"Acts ended its process.*was: exit code 7"):
        train(Acts("die"), time_limit=30)


def test_what_it_raises_comes_back_as_it_is():
    with pytest.raises(
        LearnerError, match=r"Acts raised in fit.*was: ValueError: no use"
    ) as caught:
        train(Acts("raise"), time_limit=30)
    assert caught.value.hint is not None
    with pytest.raises(DataError, match="'y' is missing"):
        train(LogisticRegression(), features=["y"], time_limit=30)


def test_a_fitted_estimator_that_cannot_travel_is_refused():
    with pytest.raises(LearnerError, match="cannot be sent to another process; was: TypeError"):
        train(Acts("keep a lock"), time_limit=30)


@pytest.mark.parametrize("namesake", [False, True])
def test_a_class_from_a_loop_file_travels_with_its_code(tmp_path: Path, monkeypatch, namesake):
    if namesake:  # another folder on the path has a file of the same name
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "my_loop.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path / "other")
    file = tmp_path / "my_loop.py"
    file.write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "def helper():\n    return 5\n"
        "class Mine(LogisticRegression):\n"
        "    def fit(self, X, y):\n"
        "        self.five_ = helper()\n        return super().fit(X, y)\n"
    )
    spec = importlib.util.spec_from_file_location("my_loop", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["my_loop"] = module
    try:
        spec.loader.exec_module(module)
        model, _ = train(module.Mine(), time_limit=30)
    finally:
        del sys.modules["my_loop"]
    assert type(model.estimator) is module.Mine
    assert model.estimator.five_ == 5


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_a_limit_is_a_positive_number(limit):
    with pytest.raises(ConfigError, match="time_limit is not a positive number"):
        train(LogisticRegression(), time_limit=limit)
