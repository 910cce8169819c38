from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato.core.errors import LearnerError, StoreError
from ostinato.learn.encoding import Encoding
from ostinato.learn.estimators import fit
from ostinato.learn.model import Model

FRAME = pl.DataFrame({"x": [0.0, 1.0, 2.0]})


@dataclass
class Answers:
    """An estimator that answers what it is told to."""

    answer: Any

    def predict(self, X):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    predict_proba = predict


def model(answer, task="binary", classes=2, seen=(0, 1)):
    encoding = Encoding.fit(FRAME, ["x"], style="ordinal")
    return Model(
        encoding=encoding, estimator=Answers(answer), task=task, classes=classes, seen=seen
    )


def test_binary_scores_are_the_probability_of_class_1():
    answer = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    assert model(answer).score(FRAME).tolist() == [0.1, 0.8, 0.5]


def test_the_estimators_own_order_of_classes_is_respected():
    swapped = model(np.array([[0.9, 0.1]] * 3))
    swapped.estimator.classes_ = np.array([1, 0])
    assert swapped.score(FRAME).tolist() == [0.9] * 3


def test_nan_answers_are_returned_as_they_are():
    answer = np.array([[np.nan, np.nan], [0.2, 0.8], [0.5, 0.5]])
    np.testing.assert_array_equal(model(answer).score(FRAME), [np.nan, 0.8, 0.5])
    regression = model(np.array([1.0, np.nan, 3.0]), "regression", 0, ())
    np.testing.assert_array_equal(regression.score(FRAME), [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("answer", "task", "message"),
    [
        (np.zeros(3), "binary", r"Answers answered with the wrong shape; was: \(3,\) for 3 rows"),
        (np.zeros((2, 2)), "binary", r"was: \(2, 2\)"),
        (np.zeros((3, 3)), "multiclass", r"expected: \(3, 2\)"),
        (np.zeros((3, 1)), "regression", r"was: \(3, 1\) for 3 rows; expected: \(3,\)"),
        (["a", "b", "c"], "regression", "raised while it scored 3 rows; was: ValueError"),
        (
            KeyError("nope"),
            "binary",
            "Answers raised while it scored 3 rows; was: KeyError: 'nope'",
        ),
    ],
)
def test_wrong_answers_become_learner_errors_with_facts(answer, task, message):
    with pytest.raises(LearnerError, match=message):
        model(answer, task, 4, () if task == "regression" else (0, 1)).score(FRAME)


@pytest.mark.parametrize(
    ("row", "task", "message"),
    [
        ([-0.1, 1.1], "binary", r"no probabilities; was: -0.1, 1 such rows of 3"),
        ([0.0, np.inf], "binary", "was: inf, 1 such rows of 3"),
        ([3.0, -2.0], "multiclass", "was: 3, 1 such rows of 3"),
        ([0.4, 0.5], "multiclass", r"do not add up; was: a sum of 0.9, 1 such rows of 3"),
    ],
)
def test_answers_that_are_no_probabilities_become_learner_errors(row, task, message):
    answer = np.array([[0.2, 0.8], row, [np.nan, np.nan]])
    with pytest.raises(LearnerError, match=message):
        model(answer, task, 4).score(FRAME)


def test_probabilities_may_be_off_by_rounding_and_are_clipped():
    answer = np.array([[-1e-7, 1 + 1e-7], [0.5, 0.5], [0.4996, 0.5]])
    assert model(answer).score(FRAME).tolist() == [1.0, 0.5, 0.5]
    assert model(answer, "multiclass", 2).score(FRAME)[0].tolist() == [0.0, 1.0]


def test_no_rows_are_scored_without_asking_the_estimator():
    assert model(None).score(FRAME[:0]).shape == (0,)
    assert model(None, "multiclass", 4).score(FRAME[:0]).shape == (0, 4)


def test_a_model_comes_back_from_its_bytes_and_gives_the_same_ones(rows, later):
    trained = fit(
        LogisticRegression(),
        rows.frame,
        rows.binary,
        None,
        features=rows.features,
        task="binary",
        classes=2,
        seed=0,
    )
    back = Model.from_bytes(trained.to_bytes())
    assert (back.score(later.frame) == trained.score(later.frame)).all()
    assert back.to_bytes() == trained.to_bytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read; was: EOFError"),
        (b"\x80\x05garbage", "cannot be read"),
        (pickle.dumps("something else"), "hold no model; was: str"),
        (b"cno_such_library\nThing\n.", "ModuleNotFoundError"),
    ],
)
def test_bytes_that_are_no_model_are_refused(data, message):
    with pytest.raises(StoreError, match=message):
        Model.from_bytes(data)
