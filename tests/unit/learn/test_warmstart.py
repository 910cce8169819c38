from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier

from ostinato.core.errors import ConfigError, LearnerError
from ostinato.learn.estimators import fit
from ostinato.learn.warmstart import continues


def train(learner, rows, labels=None, **options):
    labels = rows.binary if labels is None else labels
    options = {"features": rows.features, "task": "binary", "classes": 2, "seed": 0} | options
    return fit(learner, rows.frame, labels, options.pop("weights", None), **options)


def pipeline(last):
    return make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["carrier", "hour"])), last
    )


LEARNERS = {
    "lightgbm": LGBMClassifier(n_estimators=10),
    "xgboost": XGBClassifier(n_estimators=10),
    "sgd": SGDClassifier(loss="log_loss"),
    "bayes": GaussianNB(),
    "network": MLPClassifier((8,), max_iter=20, tol=1.0),
    "forest": RandomForestClassifier(10),
    "boosting": GradientBoostingClassifier(n_estimators=10),
    "bagging": BaggingClassifier(HistGradientBoostingClassifier(max_iter=3), n_estimators=2),
    "logistic": LogisticRegression(),
    "pipeline": pipeline(SGDClassifier(loss="log_loss")),
    "pipeline of trees": pipeline(RandomForestClassifier(5)),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_goes_on_with_its_encoding_and_stays_as_it_was(name, rows, more_rows):
    earlier = train(LEARNERS[name], rows)
    before = earlier.to_bytes()
    fresh = more_rows(300, seed=5, first_carrier=2)
    further = train(LEARNERS[name], fresh, warm_start=earlier)
    assert further.encoding is earlier.encoding
    assert earlier.to_bytes() == before
    assert np.isfinite(further.score(fresh.frame)).all()
    assert (further.score(fresh.frame) != earlier.score(fresh.frame)).any()
    assert train(LEARNERS[name], fresh, warm_start=earlier).to_bytes() == further.to_bytes()


def test_trees_are_added_to_the_earlier_ones(rows):
    def trees(learner, count):
        model = train(learner, rows)
        further = train(learner, rows, warm_start=train(learner, rows, warm_start=model))
        return count(further.estimator)

    assert trees(LEARNERS["lightgbm"], lambda e: e.booster_.num_trees()) == 30
    assert trees(LEARNERS["xgboost"], lambda e: e.get_booster().num_boosted_rounds()) == 30
    assert trees(LEARNERS["forest"], lambda e: len(e.estimators_)) == 30
    assert trees(LEARNERS["boosting"], lambda e: len(e.estimators_)) == 30


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "boosting"])
def test_added_trees_repair_a_model_after_the_inputs_moved(name, rows, more_rows):
    earlier = train(LEARNERS[name], rows)
    moved = more_rows(2000, seed=8, shift=2.0)
    flipped = 1 - moved.binary
    further = train(LEARNERS[name], moved, flipped, warm_start=earlier)
    assert log_loss(flipped, further.score(moved.frame)) < 0.7 * log_loss(
        flipped, earlier.score(moved.frame)
    )


def test_regression_goes_on_too(rows):
    earlier = train(LGBMRegressor(n_estimators=10), rows, rows.target, task="regression", classes=0)
    further = train(
        LGBMRegressor(n_estimators=10),
        rows,
        rows.target,
        task="regression",
        classes=0,
        warm_start=earlier,
    )
    errors = [np.mean((m.score(rows.frame) - rows.target) ** 2) for m in (earlier, further)]
    assert errors[1] < errors[0]


def test_weights_count_when_going_on(rows, later):
    earlier = train(LEARNERS["sgd"], rows)
    weights = np.where(rows.binary == 1, 9.0, 1.0)
    heavy = train(LEARNERS["sgd"], rows, warm_start=earlier, weights=weights)
    even = train(LEARNERS["sgd"], rows, warm_start=earlier)
    assert heavy.score(later.frame).mean() > even.score(later.frame).mean()


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (HistGradientBoostingClassifier(max_iter=3), "its bins would be found anew"),
        (pipeline(KNeighborsClassifier()), "KNeighborsClassifier cannot go on"),
        (KNeighborsClassifier(), "expected: an estimator with partial_fit or warm_start"),
    ],
)
def test_learners_that_cannot_go_on_are_refused(learner, message, rows):
    earlier = train(learner, rows)
    with pytest.raises(ConfigError, match=message):
        train(learner, rows, warm_start=earlier)


def test_a_model_of_another_kind_cannot_be_continued(rows):
    earlier = train(LEARNERS["logistic"], rows)
    with pytest.raises(ConfigError, match="another learner cannot be continued"):
        train(LEARNERS["sgd"], rows, warm_start=earlier)
    with pytest.raises(ConfigError, match="another features cannot be continued"):
        train(LEARNERS["logistic"], rows, warm_start=earlier, features=["delay"])
    with pytest.raises(ConfigError, match="another learner"):
        train(Ridge(), rows, rows.target, warm_start=earlier, task="regression", classes=0)


def test_partial_fit_takes_a_window_that_lacks_a_class_and_the_others_do_not(rows):
    options = {"task": "multiclass", "classes": 3}
    lacking = np.where(rows.multiclass == 2, 1.0, rows.multiclass)
    for name in ("sgd", "lightgbm"):
        earlier = train(LEARNERS[name], rows, rows.multiclass, **options)
        if name == "sgd":
            further = train(LEARNERS[name], rows, lacking, warm_start=earlier, **options)
            assert further.score(rows.frame).shape == (400, 3)
            continue
        with pytest.raises(LearnerError, match=r"other classes.*was: classes \[0, 1\], earlier"):
            train(LEARNERS[name], rows, lacking, warm_start=earlier, **options)
    earlier = train(LEARNERS["sgd"], rows, lacking, **options)
    with pytest.raises(LearnerError, match="expected: no class it has not seen"):
        train(LEARNERS["sgd"], rows, rows.multiclass, warm_start=earlier, **options)


@pytest.mark.parametrize(
    ("learner", "goes_on"),
    [
        *((learner, True) for learner in LEARNERS.values()),
        (HistGradientBoostingClassifier(), False),
        (pipeline(HistGradientBoostingClassifier()), False),
        (KNeighborsClassifier(), False),
    ],
)
def test_whether_a_learner_goes_on_can_be_asked_without_data(learner, goes_on):
    assert continues(learner) is goes_on


def test_a_booster_in_a_pipeline_or_a_wrapper_does_not_go_on():
    booster = LGBMClassifier()

    assert continues(booster)
    assert not continues(pipeline(booster))
    assert not continues(CalibratedClassifierCV(booster))
