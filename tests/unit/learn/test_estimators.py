from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier, XGBRegressor

from ostinato.core.errors import ConfigError, DataError, LearnerError
from ostinato.learn.estimators import fit
from ostinato.learn.families import family_of, settings


class Share:
    """Duck-typed: follows the convention without deriving from anything."""

    def __init__(self, strength=1.0):
        self.strength = strength

    def get_params(self, deep=True):
        return {"strength": self.strength}

    def set_params(self, **params):
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(self, X, y):
        self.share_ = float(np.mean(y))
        return self

    def predict_proba(self, X):
        return np.tile([1 - self.share_, self.share_], (len(X), 1))


class Raises(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise ZeroDivisionError("by my own fault")

    def predict_proba(self, X):
        return X


def pipeline(last=None):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    table = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]), (numbers, ["delay", "hour", "speed"])
    )
    return make_pipeline(table, last or LogisticRegression())


CLASSIFIERS = {
    "histogram": (HistGradientBoostingClassifier(max_iter=30), "ordinal"),
    "logistic": (LogisticRegression(), "onehot"),
    "forest": (RandomForestClassifier(30), "ordinal"),
    "boosting": (GradientBoostingClassifier(n_estimators=20), "onehot"),
    "naive bayes": (GaussianNB(), "onehot"),
    "neighbours": (KNeighborsClassifier(25), "onehot"),
    "sgd": (SGDClassifier(loss="log_loss"), "onehot"),
    "pipeline": (pipeline(), "frame"),
    "calibrated": (CalibratedClassifierCV(LinearSVC()), "onehot"),
    "calibrated trees": (
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=9)),
        "ordinal",
    ),
    "calibrated pipeline": (CalibratedClassifierCV(pipeline()), "frame"),
    "voting": (
        VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft"),
        "onehot",
    ),
    "lightgbm": (LGBMClassifier(n_estimators=30), "ordinal"),
    "xgboost": (XGBClassifier(n_estimators=30), "ordinal"),
    "duck": (Share(), "onehot"),
}
REGRESSORS = {
    "histogram": HistGradientBoostingRegressor(max_iter=60),
    "ridge": Ridge(),
    "forest": ExtraTreesRegressor(30),
    "pipeline": pipeline(Ridge()),
    "lightgbm": LGBMRegressor(n_estimators=60),
    "xgboost": XGBRegressor(n_estimators=60),
}
FAST = LogisticRegression()


def train(learner, rows, labels=None, *, weights=None, task="binary", classes=2, **options):
    labels = rows.binary if labels is None else labels
    options = {"features": rows.features, "task": task, "classes": classes, "seed": 1} | options
    return fit(learner, rows.frame, labels, weights, **options)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_family_of_classifiers_learns_and_scores_unseen_rows(name, rows, later):
    learner, style = CLASSIFIERS[name]
    model = train(learner, rows)
    scores = model.score(later.frame)
    assert model.encoding.style == style
    assert scores.shape == (40,)
    assert scores.dtype == np.float64
    assert ((scores >= 0) & (scores <= 1)).all()
    assert roc_auc_score(rows.binary, model.score(rows.frame)) > (0.75 if name != "duck" else 0.49)


@pytest.mark.parametrize("name", sorted(CLASSIFIERS.keys() - {"duck", "calibrated pipeline"}))
def test_the_score_of_a_row_alone_equals_its_score_in_a_batch(name, rows, later):
    model = train(CLASSIFIERS[name][0], rows)
    together = model.score(later.frame)
    alone = np.concatenate([model.score(later.frame[i : i + 1]) for i in range(40)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", REGRESSORS)
def test_every_family_of_regressors_learns_and_scores(name, rows, later):
    model = train(REGRESSORS[name], rows, rows.target, task="regression", classes=0)
    scores = model.score(later.frame)
    assert scores.shape == (40,)
    assert np.corrcoef(model.score(rows.frame), rows.target)[0, 1] > 0.8


@pytest.mark.parametrize("name", ["histogram", "logistic", "lightgbm", "xgboost", "pipeline"])
def test_multiclass_scores_come_in_the_loops_order_though_the_window_lacks_classes(
    name, rows, later
):
    model = train(CLASSIFIERS[name][0], rows, rows.multiclass * 2 + 1, task="multiclass", classes=7)
    scores = model.score(later.frame)
    assert scores.shape == (40, 7)
    assert (scores[:, [0, 2, 4, 6]] == 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)
    best = model.score(rows.frame).argmax(axis=1)
    assert (best == rows.multiclass * 2 + 1).mean() > 0.55


@pytest.mark.parametrize("name", ["histogram", "lightgbm", "xgboost"])
def test_trees_treat_categories_as_categories(name, rows):
    # Every second carrier is late: numeric thresholds need many splits, a category split one.
    rng = np.random.default_rng(0)
    carrier = rng.integers(0, 40, 4000)
    frame = pl.DataFrame({"carrier": [f"{c:02}" for c in carrier], "x": rng.normal(size=4000)})
    shallow = {
        "histogram": HistGradientBoostingClassifier(max_iter=20, max_depth=1, learning_rate=0.5),
        "lightgbm": LGBMClassifier(n_estimators=20, max_depth=1, learning_rate=0.5),
        "xgboost": XGBClassifier(n_estimators=20, max_depth=1, learning_rate=0.5),
    }[name]
    labels = (carrier * 7919 % 40 % 2).astype(float)
    model = fit(
        shallow, frame, labels, None, features=frame.columns, task="binary", classes=2, seed=0
    )
    assert ((model.score(frame) > 0.5) == labels).mean() > 0.95


def test_the_users_learner_is_never_touched(rows):
    learner = HistGradientBoostingClassifier(max_iter=5)
    before = dict(vars(learner))
    train(learner, rows)
    assert vars(learner) == before


def test_open_seeds_are_set_in_nested_estimators_and_given_ones_kept():
    learner = make_pipeline(StandardScaler(), RandomForestClassifier(random_state=None))
    family = family_of(learner)
    chosen = settings(learner, family, None, seed=5)
    assert list(chosen) == ["randomforestclassifier__random_state"]
    assert settings(RandomForestClassifier(random_state=3), family, None, seed=5) == {}


def test_another_seed_gives_another_forest(rows, later):
    one = train(RandomForestClassifier(5), rows, seed=1).score(later.frame)
    same = train(RandomForestClassifier(5), rows, seed=1).score(later.frame)
    other = train(RandomForestClassifier(5), rows, seed=2).score(later.frame)
    assert (one == same).all()
    assert (one != other).any()


def test_lightgbm_and_xgboost_run_on_one_thread_unless_told_otherwise(rows):
    assert train(LGBMClassifier(n_estimators=2), rows).estimator.n_jobs == 1
    assert train(XGBClassifier(n_estimators=2), rows).estimator.n_jobs == 1
    assert train(LGBMClassifier(n_estimators=2, n_jobs=2), rows).estimator.n_jobs == 2


def test_named_categories_and_constraints_of_histogram_trees_are_understood(rows):
    learner = HistGradientBoostingClassifier(
        max_iter=5, categorical_features=["hour"], monotonic_cst={"delay": 1}
    )
    estimator = train(learner, rows).estimator
    assert estimator.categorical_features == [0, 2]
    assert estimator.monotonic_cst == [0, 1, 0, 0, 0, 0, 0]


def test_histogram_trees_with_few_bins_keep_fewer_categories(rows):
    model = train(HistGradientBoostingClassifier(max_iter=3, max_bins=4), rows)
    assert len(model.encoding.columns[0].vocabulary) == 3


def test_weights_move_the_answer_and_their_scale_does_not(rows, later):
    weights = np.where(rows.binary == 1, 3.0, 1.0)
    even = train(FAST, rows).score(later.frame)
    heavy = train(FAST, rows, weights=weights).score(later.frame)
    scaled = train(FAST, rows, weights=weights * 1e-9).score(later.frame)
    assert heavy.mean() > even.mean() + 0.05
    np.testing.assert_allclose(scaled, heavy, atol=1e-6)


def test_a_pipeline_hands_weights_to_its_last_step(rows, later):
    weights = np.where(rows.binary == 1, 3.0, 1.0)
    heavy = train(pipeline(), rows, weights=weights).score(later.frame)
    assert heavy.mean() > train(pipeline(), rows).score(later.frame).mean() + 0.05


def test_a_learner_without_weights_is_refused_only_where_weights_differ(rows):
    train(KNeighborsClassifier(), rows, weights=np.full(400, 0.5))
    with pytest.raises(ConfigError, match="KNeighborsClassifier takes no row weights"):
        train(KNeighborsClassifier(), rows, weights=np.arange(400.0))
    with pytest.raises(ConfigError, match="takes no row weights"):
        train(pipeline(KNeighborsClassifier()), rows, weights=np.arange(400.0))


@pytest.mark.parametrize(
    ("learner", "task", "message"),
    [
        (Ridge(), "binary", "does not fit the task 'binary'; was: Ridge, a regressor"),
        (LogisticRegression(), "regression", "was: LogisticRegression, a classifier"),
        (Share(), "regression", "was: Share, a classifier"),
        (KMeans(), "binary", "was: KMeans, a clusterer"),
        (LinearSVC(), "binary", "LinearSVC without predict_proba"),
        (SGDClassifier(), "binary", "CalibratedClassifierCV"),
        (pipeline(LinearSVC()), "binary", "gives no probabilities"),
        (LogisticRegression, "binary", r"The learner is a class(.|\n)*LogisticRegression\(\)"),
        (object(), "binary", "not a scikit-learn estimator; was: object"),
        (LogisticRegression(), "ranking", "The task is unknown; was: 'ranking'"),
    ],
)
def test_a_learner_that_does_not_fit_is_refused_before_any_data_is_read(learner, task, message):
    with pytest.raises(ConfigError, match=message):
        fit(learner, None, None, None, features=["x"], task=task, classes=2, seed=0)


def test_a_learner_that_cannot_be_copied_is_refused(rows):
    class Odd(LogisticRegression):
        def __init__(self, C=1.0):
            super().__init__(C=C * 2)

    with pytest.raises(ConfigError, match="Odd cannot be copied"):
        train(Odd(), rows)


def test_one_class_only_is_refused_with_facts(rows):
    with pytest.raises(LearnerError, match=r"one class only; was: class 1 in all 400 rows"):
        train(FAST, rows, np.ones(400))


@pytest.mark.parametrize("count", [0, 9])
def test_too_few_rows_are_refused_with_facts(count, rows):
    with pytest.raises(
        LearnerError, match=f"too few rows; was: {count} rows; expected: at least 10"
    ):
        fit(
            FAST,
            rows.frame[:count],
            rows.binary[:count],
            None,
            features=rows.features,
            task="binary",
            classes=2,
            seed=0,
        )


def test_bad_labels_and_weights_are_refused(rows):
    broken = np.where(np.arange(400) < 3, np.nan, rows.binary)
    with pytest.raises(DataError, match="Labels are missing or infinite; was: 3 of 400"):
        train(FAST, rows, broken)
    with pytest.raises(DataError, match=r"not classes of the loop; was: 0\.5"):
        train(FAST, rows, rows.binary / 2)
    with pytest.raises(DataError, match="not classes of the loop; was: 2"):
        train(FAST, rows, rows.binary * 2)
    with pytest.raises(DataError, match="weights cannot be used"):
        train(FAST, rows, weights=np.zeros(400))
    with pytest.raises(DataError, match="weights cannot be used"):
        train(FAST, rows, weights=np.linspace(-1, 1, 400))
    with pytest.raises(DataError, match="differ in number; was: 400 rows, 3 labels"):
        train(FAST, rows, np.ones(3))
    with pytest.raises(ConfigError, match="too few classes; was: 1"):
        train(FAST, rows, task="multiclass", classes=1)


def test_what_the_learner_raises_becomes_a_learner_error_with_its_own_words(rows):
    with pytest.raises(LearnerError, match=r"Raises raised in fit.*ZeroDivisionError: by my own"):
        train(Raises(), rows)


def test_a_pipeline_that_does_not_code_text_is_told_how(rows):
    with pytest.raises(LearnerError, match="begin it with a ColumnTransformer"):
        train(make_pipeline(StandardScaler(), LogisticRegression()), rows)
