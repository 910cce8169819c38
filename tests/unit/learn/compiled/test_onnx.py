from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ostinato.learn.compiled import compile_model, onnx

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::DeprecationWarning"
)
SMALL = {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 2000, "alpha": 1.0}


@pytest.mark.parametrize(
    ("learner", "task"),
    [
        (MLPClassifier(**SMALL), "binary"),
        (MLPClassifier(activation="tanh", **SMALL), "multiclass"),
        (MLPRegressor(**SMALL), "regression"),
        (GaussianNB(), "binary"),
        (BernoulliNB(), "multiclass"),
    ],
)
def test_networks_are_scored_by_onnx_runtime(learner, task, train, served):
    model = train(learner, task)
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert (compiled.form, compiled.inline) == ("onnx", True), compiled.reason
    np.testing.assert_allclose(compiled.score(rows), model.score(frame), atol=1e-9)
    assert compiled.score([]).shape == model.score(frame[:0]).shape


def test_a_large_graph_stays_out_of_the_event_loop(train, served, monkeypatch):
    monkeypatch.setattr(onnx, "INLINE_BYTES_MAX", 100)
    model = train(GaussianNB(), "binary")
    compiled = compile_model(model, served(model)[0])
    assert (compiled.form, compiled.inline) == ("onnx", False)


def test_without_the_libraries_the_original_serves(train, served, monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    model = train(GaussianNB(), "binary")
    compiled = compile_model(model, served(model)[0])
    assert compiled.form == "original"
    assert "skl2onnx is not installed (pip install 'ostinato[onnx]')" in compiled.reason
