from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from ostinato.core.errors import LearnerError
from ostinato.learn.compiled import compile_model

NUMBERS = ["delay", "hour", "speed"]
USED = ["carrier", *NUMBERS]


def prepared(encoder, numbers=None, categories=("carrier",), **options):
    numbers = numbers or make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("categories", encoder, list(categories))], **options
    )


def filled(encoder):
    return make_pipeline(
        SimpleImputer(strategy="constant", missing_values=None, fill_value="?"), encoder
    )


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "preparation",
    [
        prepared(OneHotEncoder(handle_unknown="ignore")),
        prepared(OneHotEncoder(handle_unknown="ignore", drop="first", sparse_output=False)),
        prepared(filled(OneHotEncoder(handle_unknown="ignore"))),
        prepared("drop"),
        prepared(
            OneHotEncoder(handle_unknown="ignore"),
            make_pipeline(SimpleImputer(strategy="median"), RobustScaler(), MinMaxScaler()),
        ),
        prepared(
            make_pipeline(OneHotEncoder(handle_unknown="ignore"), MaxAbsScaler()),
            make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=3.0)),
        ),
    ],
)
def test_usual_pipelines_are_folded(preparation, task, train, served):
    model = train(make_pipeline(preparation, LogisticRegression(max_iter=3000)), task, USED)
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert (compiled.form, compiled.inline) == ("linear", True), compiled.reason
    np.testing.assert_allclose(compiled.score(rows), model.score(frame), atol=1e-13)


def test_a_scaler_and_a_regression_on_numbers_alone(train, served):
    model = train(make_pipeline(StandardScaler(), Ridge()), "regression", ["hour", "weekend"])
    frame, rows = served(model)
    compiled = compile_model(model, frame)
    assert compiled.form == "linear", compiled.reason
    np.testing.assert_allclose(compiled.score(rows), model.score(frame), rtol=1e-12)


def test_what_a_pipeline_refuses_is_refused(train, served):
    strict = prepared(OneHotEncoder(handle_unknown="error"))
    model = train(make_pipeline(strict, LogisticRegression(max_iter=3000)), "binary", USED)
    compiled = compile_model(model, served(model)[0])
    assert (compiled.form, compiled.inline) == ("linear", False), compiled.reason
    known, unseen = ("C3", 0.5, 7, 1.0), ("never", 0.5, 7, 1.0)
    frame = pl.DataFrame([known], schema=USED, orient="row")
    np.testing.assert_allclose(compiled.score([known]), model.score(frame), atol=1e-13)
    with pytest.raises(LearnerError, match="unknown categories"):
        compiled.score([known, unseen])
    bare = train(make_pipeline(StandardScaler(), Ridge()), "regression", ["hour", "weekend"])
    compiled = compile_model(bare, served(bare)[0])
    with pytest.raises(LearnerError, match="NaN"):
        compiled.score([(None, True)])


@pytest.mark.parametrize(
    ("preparation", "reason"),
    [
        (PolynomialFeatures(2), "its step PolynomialFeatures is not understood"),
        (MinMaxScaler(clip=True), "a scaler clips"),
        (SimpleImputer(add_indicator=True), "an imputer adds columns"),
    ],
)
def test_other_pipelines_are_served_by_the_original(preparation, reason, train, served):
    learner = make_pipeline(preparation, SimpleImputer(), Ridge())
    model = train(learner, "regression", ["hour", "weekend"])
    compiled = compile_model(model, served(model)[0])
    assert compiled.form == "original"
    assert reason in compiled.reason


def test_rare_levels_put_together_are_left_to_the_original(train, served):
    rare = prepared(OneHotEncoder(handle_unknown="ignore", min_frequency=0.2))
    model = train(make_pipeline(rare, LogisticRegression(max_iter=3000)), "binary", USED)
    assert "puts rare categories together" in compile_model(model, served(model)[0]).reason
    ordinal = prepared(make_pipeline(OrdinalEncoder(encoded_missing_value=-1)))
    model = train(make_pipeline(ordinal, LogisticRegression(max_iter=3000)), "binary", USED)
    assert "OrdinalEncoder is not understood" in compile_model(model, served(model)[0]).reason
