from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin

import ostinato as ost
from ostinato.core.records import FALLBACK_VERSION


class Moody(ClassifierMixin, BaseEstimator):
    """Answers NaN where the feature, in standard deviations, is larger than it was ever seen."""

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.rate_ = float(np.mean(y))
        return self

    def predict_proba(self, X):
        scores = np.where(np.asarray(X)[:, 0] > 1.75, np.nan, self.rate_)
        return np.column_stack([1 - scores, scores])


def replayed(fallback):
    rng = np.random.default_rng(0)
    rows = 1_200
    # The first tenth trains the champion; nothing of it is large, so that it is accepted.
    x = rng.random(rows) * np.where(np.arange(rows) < rows // 10, 0.85, 1.0)
    table = pl.DataFrame(
        {"t": np.arange(rows) * 3600, "x": x, "y": (rng.random(rows) < 0.3).astype(int)}
    )
    loop = ost.Loop(
        name="moody",
        task="binary",
        time="t",
        features=["x"],
        label=ost.Label("y", delay="2h", horizon="6h"),
        learner=Moody(),
        policy=ost.policies.static(),
        fallback=fallback,
        monitors=None,
    )
    return ost.replay(loop, table, tick="6h")


def test_a_replay_gives_the_loops_own_answer_where_no_version_can_score():
    predictions = replayed(0.125).predictions
    own = predictions.filter(pl.col("version") == FALLBACK_VERSION)
    assert 0.05 < len(own) / len(predictions) < 0.15
    assert own["score"].unique().to_list() == [0.125]
    assert own["role"].unique().to_list() == ["fallback"]
    assert predictions["score"].is_finite().all()


def test_the_loops_own_answer_counts_like_any_other():
    with_one, without = replayed(0.125), replayed(None)
    assert with_one.metrics["n"] > without.metrics["n"]
    assert FALLBACK_VERSION not in with_one.versions["version"].to_list()
