"""Random tables, random models: the compiled form must be the original, value for value."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
import xgboost as xgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge

from ostinato.learn.compiled import compile_model
from ostinato.learn.estimators import fit

QUICK = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
WORDS = ("a", "b", "c", "é", "", "7", "ninth")
CLASSIFIERS = {
    "histogram": lambda: HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=2),
    "lightgbm": lambda: lgb.LGBMClassifier(n_estimators=4, min_child_samples=2),
    "xgboost": lambda: xgb.XGBClassifier(n_estimators=4),
    "forest": lambda: RandomForestClassifier(4),
    "logistic": lambda: LogisticRegression(max_iter=5000),
}
REGRESSORS = {
    "histogram": lambda: HistGradientBoostingRegressor(max_iter=4, min_samples_leaf=2),
    "lightgbm": lambda: lgb.LGBMRegressor(n_estimators=4, min_child_samples=2),
    "xgboost": lambda: xgb.XGBRegressor(n_estimators=4),
    "ridge": Ridge,
}


@st.composite
def tables(draw):
    """Thirty to sixty rows of one to five columns, each of its own kind, some of it missing."""
    count = draw(st.integers(30, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.lists(st.sampled_from(sorted(_KINDS)), min_size=1, max_size=5))
    columns = {}
    for number, kind in enumerate(kinds):
        values = _KINDS[kind](rng, count)
        missing = rng.random(count) < draw(st.sampled_from((0.0, 0.2, 0.95)))
        columns[f"{kind}{number}"] = [
            None if m else v for v, m in zip(values, missing, strict=True)
        ]
    frame = pl.DataFrame(columns, strict=False)
    return frame, rng


_KINDS = {
    "normal": lambda rng, n: rng.normal(size=n).tolist(),
    "large": lambda rng, n: (1.7e9 + rng.integers(0, 10**6, n)).tolist(),
    "whole": lambda rng, n: rng.integers(-3, 4, n).tolist(),
    "yes": lambda rng, n: (rng.random(n) < 0.5).tolist(),
    "tiny": lambda rng, n: (rng.normal(size=n) * 1e-35).tolist(),
    "odd": lambda rng, n: rng.choice([0.0, np.inf, -np.inf, 1e300, 3.4e38, 1.0], n).tolist(),
    "word": lambda rng, n: rng.choice(WORDS, n).tolist(),
    "name": lambda rng, n: [f"n{v}" for v in rng.integers(0, 300, n)],
}


def agree(learner, frame, labels, task, classes):
    with np.errstate(over="ignore"):  # forests add up columns of very large numbers
        model = fit(
            learner, frame, labels, None, features=frame.columns, task=task, classes=classes, seed=0
        )
    compiled = compile_model(model, frame)
    assert compiled.form in {"trees", "linear"}, compiled.reason
    np.testing.assert_allclose(
        compiled.score(frame.rows()), model.score(frame), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("family", CLASSIFIERS)
@QUICK
@given(table=tables(), classes=st.integers(2, 4))
def test_random_classifiers(family, table, classes):
    frame, rng = table
    labels = rng.integers(0, classes, frame.height).astype(float)
    labels[:classes] = np.arange(classes)
    task = "binary" if classes == 2 else "multiclass"
    agree(CLASSIFIERS[family](), frame, labels, task, classes)


@pytest.mark.parametrize("family", REGRESSORS)
@QUICK
@given(table=tables(), scale=st.sampled_from((1e-6, 1.0, 1e9)))
def test_random_regressors(family, table, scale):
    frame, rng = table
    agree(REGRESSORS[family](), frame, rng.normal(size=frame.height) * scale, "regression", 0)
