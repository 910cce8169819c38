import numpy as np
import pytest
from sklearn import metrics as sk

from ostinato.stats import METRICS, companions, metric_for
from ostinato.stats.rows import LOG_LOSS_FLOOR
from ostinato.stats.sums import RegressionSums


@pytest.fixture
def binary():
    rng = np.random.default_rng(1)
    scores = np.round(rng.beta(1, 3, 700), 2)  # rounding makes ties
    labels = (rng.random(700) < scores).astype(float)
    return labels, scores


@pytest.fixture
def classes():
    rng = np.random.default_rng(2)
    scores = rng.dirichlet([2.0, 1.0, 0.5, 0.5], 600)
    labels = np.array([rng.choice(4, p=row) for row in scores], dtype=float)
    return labels, scores


@pytest.fixture
def numbers():
    rng = np.random.default_rng(3)
    labels = rng.normal(10.0, 3.0, 500)
    return labels, labels + rng.normal(0.0, 1.0, 500)


BINARY = {
    "log_loss": lambda y, p: sk.log_loss(y, np.clip(p, LOG_LOSS_FLOOR, 1 - LOG_LOSS_FLOOR)),
    "brier": sk.brier_score_loss,
    "accuracy": lambda y, p: sk.accuracy_score(y, p >= 0.5),
    "error_rate": lambda y, p: 1 - sk.accuracy_score(y, p >= 0.5),
    "precision": lambda y, p: sk.precision_score(y, p >= 0.5),
    "recall": lambda y, p: sk.recall_score(y, p >= 0.5),
    "f1": lambda y, p: sk.f1_score(y, p >= 0.5),
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
}


@pytest.mark.parametrize("name", sorted(BINARY))
def test_binary_values_equal_those_of_scikit_learn(name, binary):
    labels, scores = binary

    value = METRICS[name].value(labels, scores)

    assert value == pytest.approx(BINARY[name](labels, scores), abs=1e-7)


MULTICLASS = {
    "log_loss": sk.log_loss,
    "brier": lambda y, p: np.square(p - np.eye(4)[y.astype(int)]).sum(axis=1).mean(),
    "accuracy": lambda y, p: sk.accuracy_score(y, p.argmax(axis=1)),
    "error_rate": lambda y, p: 1 - sk.accuracy_score(y, p.argmax(axis=1)),
    "precision": lambda y, p: sk.precision_score(y, p.argmax(axis=1), average="macro"),
    "recall": lambda y, p: sk.recall_score(y, p.argmax(axis=1), average="macro"),
    "f1": lambda y, p: sk.f1_score(y, p.argmax(axis=1), average="macro"),
    "roc_auc": lambda y, p: sk.roc_auc_score(y, p, multi_class="ovr", average="macro"),
}


@pytest.mark.parametrize("name", sorted(MULTICLASS))
def test_multiclass_values_equal_those_of_scikit_learn(name, classes):
    labels, scores = classes

    value = METRICS[name].value(labels, scores)

    assert value == pytest.approx(MULTICLASS[name](labels, scores), abs=1e-7)


REGRESSION = {
    "mae": sk.mean_absolute_error,
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mape": sk.mean_absolute_percentage_error,
    "r2": sk.r2_score,
}


@pytest.mark.parametrize("name", sorted(REGRESSION))
def test_regression_values_equal_those_of_scikit_learn(name, numbers):
    labels, scores = numbers

    value = METRICS[name].value(labels, scores)

    assert value == pytest.approx(REGRESSION[name](labels, scores), rel=1e-12)


def plain_calibration_error(confidence, outcome):
    total = 0.0
    for b in range(15):
        last = b == 14
        inside = [
            (c, o)
            for c, o in zip(confidence, outcome, strict=True)
            if int(c * 15) == b or (last and int(c * 15) > 14)
        ]
        if inside:
            c, o = np.mean(inside, axis=0)
            total += len(inside) / len(confidence) * abs(c - o)
    return total


def test_calibration_error_equals_the_plain_loop(binary, classes):
    value = METRICS["calibration_error"].value
    labels, scores = classes

    assert value(*binary) == pytest.approx(plain_calibration_error(binary[1], binary[0]))
    assert value(labels, scores) == pytest.approx(
        plain_calibration_error(scores.max(axis=1), scores.argmax(axis=1) == labels)
    )


def test_undefined_values_are_nan_and_raise_no_warning():
    nothing, zeros = np.zeros(0), np.zeros(3)
    low = np.full(3, 0.2)

    assert all(np.isnan(METRICS[m].value(nothing, nothing)) for m in companions("binary"))
    assert all(np.isnan(METRICS[m].value(nothing, nothing)) for m in companions("regression"))
    assert all(
        np.isnan(METRICS[m].value(nothing, np.zeros((0, 3)))) for m in companions("multiclass")
    )
    assert np.isnan(METRICS["roc_auc"].value(zeros, low))
    assert np.isnan(METRICS["precision"].value(np.ones(3), low))
    assert np.isnan(METRICS["recall"].value(zeros, low))
    assert np.isnan(METRICS["mape"].value(zeros, low))
    assert np.isnan(METRICS["r2"].value(zeros, low))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_row_losses_have_one_value_per_row_and_fall_when_the_model_is_better(
    task, binary, classes, numbers
):
    labels, scores = {"binary": binary, "multiclass": classes, "regression": numbers}[task]
    best = np.eye(4)[labels.astype(int)] if task == "multiclass" else labels

    for name in companions(task):
        row_loss = METRICS[name].row_loss
        assert row_loss(labels, scores).shape == labels.shape
        assert row_loss(labels, best) == pytest.approx(np.zeros(labels.size), abs=1e-12)
        assert row_loss(labels, scores).mean() > 0.0


def test_additive_metrics_are_the_mean_of_their_row_loss(binary, classes):
    for labels, scores in (binary, classes):
        for name in ("log_loss", "brier", "error_rate"):
            metric = METRICS[name]
            assert metric.value(labels, scores) == pytest.approx(
                metric.row_loss(labels, scores).mean()
            )


@pytest.mark.parametrize("label", [5e-324, -1e-300])
def test_a_label_that_is_all_but_zero_makes_no_percentage_infinite(label):
    labels, scores = np.array([label, 2.0]), np.array([3e38, 3.0])

    assert METRICS["mape"].value(labels, scores) == 0.5
    assert METRICS["mape"].row_loss(labels, scores).tolist() == [0.0, 0.5]
    sums = RegressionSums.zeros(1)
    sums.add(np.zeros(2, dtype=np.int32), labels, scores)
    assert sums.metrics(0)["mape"] == 0.5


def test_percentage_error_leaves_out_rows_with_label_zero():
    labels, scores = np.array([0.0, 2.0]), np.array([5.0, 3.0])

    assert METRICS["mape"].value(labels, scores) == 0.5
    assert METRICS["mape"].row_loss(labels, scores).tolist() == [0.0, 0.5]


def test_unknown_metric_or_task_is_refused_with_the_allowed_names():
    with pytest.raises(ValueError, match=r"'rmse' is not defined for task 'binary'.*log_loss"):
        metric_for("binary", "rmse")
    with pytest.raises(ValueError, match="unknown task 'ranking'"):
        companions("ranking")
    assert metric_for("multiclass", "roc_auc").lower_is_better is False
