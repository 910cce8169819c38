from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ostinato.core.errors import DataError
from ostinato.learn.compiled import compile_model, forms
from ostinato.learn.compiled.histogram import histogram_trees

CLASSIFIERS = [
    (HistGradientBoostingClassifier(max_iter=12), "trees", True),
    (lgb.LGBMClassifier(n_estimators=8, min_child_samples=5), "trees", False),
    (lgb.LGBMClassifier(n_estimators=8, use_missing=False), "trees", False),
    (lgb.LGBMClassifier(n_estimators=8, zero_as_missing=True), "trees", False),
    (
        lgb.LGBMClassifier(n_estimators=8, boosting_type="rf", subsample=0.5, subsample_freq=1),
        "trees",
        False,
    ),
    (xgb.XGBClassifier(n_estimators=8), "trees", False),
    (xgb.XGBRFClassifier(n_estimators=8), "trees", False),
    (RandomForestClassifier(8), "trees", True),
    (ExtraTreesClassifier(8, max_depth=6), "trees", True),
    (DecisionTreeClassifier(), "trees", True),
    (GradientBoostingClassifier(n_estimators=8), "trees", True),
    (LogisticRegression(max_iter=1000), "linear", False),
    (SGDClassifier(loss="log_loss"), "linear", False),
    (LinearDiscriminantAnalysis(), "linear", False),
]
REGRESSORS = [
    (HistGradientBoostingRegressor(max_iter=12), "trees", True),
    (lgb.LGBMRegressor(n_estimators=8, min_child_samples=5), "trees", False),
    (xgb.XGBRegressor(n_estimators=8), "trees", False),
    (RandomForestRegressor(8, max_depth=6), "trees", True),
    (ExtraTreesRegressor(8, max_depth=6), "trees", True),
    (DecisionTreeRegressor(max_depth=6), "trees", True),
    (GradientBoostingRegressor(n_estimators=8, loss="huber"), "trees", True),
    (Ridge(), "linear", False),
    (LinearRegression(), "linear", False),
    (SGDRegressor(), "linear", False),
    (HuberRegressor(max_iter=1000), "linear", False),
]
COUNTERS = [
    (HistGradientBoostingRegressor(max_iter=12, loss="poisson"), "trees", True),
    (lgb.LGBMRegressor(n_estimators=8, objective="poisson"), "trees", False),
    (lgb.LGBMRegressor(n_estimators=8, objective="tweedie"), "trees", False),
    (xgb.XGBRegressor(n_estimators=8, objective="count:poisson"), "trees", False),
    (PoissonRegressor(), "linear", False),
    (TweedieRegressor(power=1.5), "linear", False),
]
CASES = (
    [(*case, task) for task in ("binary", "multiclass") for case in CLASSIFIERS]
    + [(*case, "regression") for case in REGRESSORS]
    + [(*case, "counts") for case in COUNTERS]
    + [(GradientBoostingClassifier(n_estimators=8, loss="exponential"), "trees", True, "binary")]
)


def name(value):
    return value if isinstance(value, str | bool) else type(value).__name__


@pytest.mark.parametrize(("learner", "form", "exact", "task"), CASES, ids=name)
def test_every_family_scores_as_the_original(learner, form, exact, task, train, served):
    model = train(learner, task)
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert (compiled.form, compiled.inline) == (form, True), compiled.reason
    assert compiled.largest_difference < 1e-14
    assert compiled.exact or not exact, compiled.reason
    found, expected = compiled.score(rows), model.score(frame)
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
    alone = np.concatenate([compiled.score([row]) for row in rows])
    np.testing.assert_array_equal(alone, found)
    assert compiled.score([]).shape == model.score(frame[:0]).shape


def test_values_of_another_type_score_as_the_original_reads_them(train, served):
    model = train(HistGradientBoostingClassifier(max_iter=12), "binary")
    compiled = compile_model(model, served(model)[0])
    row = dict.fromkeys(model.encoding.features) | {"carrier": "C3", "delay": 0.7}
    for change in ({"delay": "0.7"}, {"delay": 1}, {"hour": " 7 "}, {"carrier": 3}, {"speed": ""}):
        odd = row | change
        frame = pl.DataFrame({name: [value] for name, value in odd.items()})
        assert compiled.score([tuple(odd.values())]) == model.score(frame)


def test_a_value_that_cannot_be_read_is_named_and_not_scored(train, served):
    model = train(Ridge(), "regression")
    compiled = compile_model(model, served(model)[0])
    row = list(served(model)[1][0])
    row[1] = "late"
    with pytest.raises(DataError, match="'delay' held numbers"):
        compiled.score([tuple(row)])


def test_a_form_that_scores_otherwise_does_not_serve(train, served, monkeypatch):
    def sabotaged(model):
        form = histogram_trees(model)
        return replace(form, score=lambda rows: form.score(rows) + 1e-8)

    monkeypatch.setattr(forms, "TREES", {("sklearn", "HistGradientBoostingClassifier"): sabotaged})
    model = train(HistGradientBoostingClassifier(max_iter=3), "binary")
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert (compiled.form, compiled.inline, compiled.exact) == ("original", False, True)
    assert compiled.reason == (
        "the original serves: trees: differs by 1e-08 where 1e-09 is allowed"
    )
    np.testing.assert_array_equal(compiled.score(rows), model.score(frame))
    assert compile_model(model, frame, tolerance=1e-7).form == "trees"


def test_a_form_wrong_at_one_threshold_does_not_serve(train, served, monkeypatch):
    def wrong_grove(model):
        model = replace(model, estimator=model.estimator)
        nodes = [n for it in model.estimator._predictors for p in it for n in [p.nodes]]
        kept = [n.copy() for n in nodes]
        for n in nodes[:1]:
            n["num_threshold"][0] = np.nextafter(n["num_threshold"][0], np.inf)
        form = histogram_trees(model)
        for n, before in zip(nodes, kept, strict=True):
            n[:] = before
        return form

    monkeypatch.setattr(forms, "TREES", {("sklearn", "HistGradientBoostingRegressor"): wrong_grove})
    model = train(HistGradientBoostingRegressor(max_iter=2), "regression", ["delay", "hour"])
    assert compile_model(model, served(model)[0]).form == "original"


def test_a_library_that_changed_inside_leaves_the_original(train, served, monkeypatch):
    def renamed(model):
        return model.estimator._trees_of_another_version

    monkeypatch.setattr(forms, "TREES", {("sklearn", "HistGradientBoostingClassifier"): renamed})
    model = train(HistGradientBoostingClassifier(max_iter=3), "binary")
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert compiled.form == "original"
    assert "trees: AttributeError: " in compiled.reason
    np.testing.assert_array_equal(compiled.score(rows), model.score(frame))


@pytest.mark.parametrize(
    ("learner", "reason"),
    [
        (SGDClassifier(loss="modified_huber"), "linear: its loss is modified_huber"),
        (xgb.XGBClassifier(n_estimators=3, booster="dart"), "trees: its booster is dart"),
    ],
    ids=name,
)
def test_what_cannot_be_reproduced_is_served_by_the_original(learner, reason, train, served):
    model = train(learner, "binary")
    compiled = compile_model(model, served(model)[0])
    assert (compiled.form, compiled.inline) == ("original", False)
    assert reason in compiled.reason


def test_an_objective_without_a_known_link_is_left_to_lightgbm(train, served):
    model = train(lgb.LGBMRegressor(n_estimators=3, reg_sqrt=True), "regression")
    compiled = compile_model(model, served(model)[0])
    assert compiled.form == "lightgbm"
    assert "its objective is regression sqrt" in compiled.reason


def test_a_wrapper_is_served_by_the_original(train, served):
    learner = CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=3), cv=2)
    model = train(learner, "binary")
    compiled = compile_model(model, served(model)[0])
    assert compiled.form == "original"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_without_numba_lightgbm_is_called_row_by_row(task, train, served, without_numba):
    kind = lgb.LGBMRegressor if task == "regression" else lgb.LGBMClassifier
    model = train(kind(n_estimators=8), task)
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert (compiled.form, compiled.inline) == ("lightgbm", True), compiled.reason
    np.testing.assert_allclose(compiled.score(rows), model.score(frame), rtol=1e-14)
    assert compiled.score([]).shape == model.score(frame[:0]).shape


def test_linear_leaves_are_left_to_lightgbm(train, served):
    model = train(lgb.LGBMRegressor(n_estimators=8, linear_tree=True), "regression")
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert compiled.form == "lightgbm", compiled.reason
    assert "its leaves hold linear models" in compiled.reason
    np.testing.assert_allclose(compiled.score(rows), model.score(frame), rtol=1e-12)


def test_without_numba_trees_are_served_by_the_original(train, served, without_numba):
    model = train(HistGradientBoostingClassifier(max_iter=3), "binary")
    compiled = compile_model(model, served(model)[0])
    assert compiled.form == "original"
    assert "Numba is not installed (pip install 'ostinato[live]')" in compiled.reason


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_without_numba_linear_models_are_folded_with_numpy(task, train, served, without_numba):
    model = train(LogisticRegression(max_iter=1000), task)
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert (compiled.form, compiled.inline) == ("linear", True)
    np.testing.assert_allclose(compiled.score(rows), model.score(frame), atol=1e-14)


def test_a_sample_without_rows_still_reaches_the_corners(train, served):
    model = train(HistGradientBoostingClassifier(max_iter=3), "binary")
    compiled = compile_model(model, served(model)[0][:0])
    assert compiled.form == "trees"


def test_a_sample_without_a_feature_is_refused(train, served):
    model = train(Ridge(), "regression")
    with pytest.raises(DataError, match="'delay' is missing"):
        compile_model(model, served(model)[0].drop("delay"))


def test_a_model_too_slow_for_the_event_loop_says_so(train, served, monkeypatch):
    monkeypatch.setattr("ostinato.learn.compiled.grove.INLINE_STEPS_MAX", 10)
    model = train(HistGradientBoostingClassifier(max_iter=12), "binary")
    compiled = compile_model(model, served(model)[0])
    assert (compiled.form, compiled.inline) == ("trees", False)


def test_a_forest_too_large_for_the_cache_counts_ten_times(train, served, monkeypatch):
    model = train(RandomForestClassifier(8), "binary")
    fits = compile_model(model, served(model)[0]).inline
    monkeypatch.setattr("ostinato.learn.compiled.grove.CACHED_NODES", 10)
    monkeypatch.setattr("ostinato.learn.compiled.grove.INLINE_STEPS_MAX", 200)
    assert (fits, compile_model(model, served(model)[0]).inline) == (True, False)
