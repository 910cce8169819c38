from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from ostinato.stats.metrics import METRICS
from ostinato.watch.estimate.binary import BinaryEstimator
from ostinato.watch.estimate.classes import ClassEstimator
from ostinato.watch.estimate.estimator import loss_name
from ostinato.watch.estimate.numbers import NumberEstimator

BORDERS = tuple(np.linspace(-1.9, 1.9, 20))
CASES = {
    "binary log_loss": BinaryEstimator("log_loss"),
    "binary brier": BinaryEstimator("brier"),
    "binary error_rate": BinaryEstimator("error_rate"),
    "classes log_loss": ClassEstimator("log_loss", 3),
    "classes brier": ClassEstimator("brier", 3),
    "classes error_rate": ClassEstimator("error_rate", 3),
    "numbers mae": NumberEstimator("mae", BORDERS, 8.0),
    "numbers mse": NumberEstimator("mse", BORDERS, 30.0),
}


def rows_of(name, draw, count, *, moved=0.0, turned=False):
    """Labels and scores of a model that is too sure of itself; `moved` inputs, `turned` concept."""
    inputs = draw.normal(moved, 1.0, count)
    if name.startswith("binary"):
        chance = expit(-inputs if turned else 0.6 * inputs - 0.3)
        return (draw.random(count) < chance).astype(float), expit(1.2 * inputs)
    if name.startswith("classes"):
        logits = np.stack([inputs, -inputs, draw.normal(0, 0.3, count)], axis=1)
        true = softmax((-0.6 if turned else 0.6) * logits, axis=1)
        labels = (draw.random(count)[:, None] > np.cumsum(true, axis=1)).sum(axis=1)
        return np.minimum(labels, 2).astype(float), softmax(1.3 * logits, axis=1)
    spread = 0.3 + np.abs(inputs) * (2.0 if turned else 1.0)
    return inputs + draw.normal(0, spread), inputs


def fitted(name, draw, count=4_000):
    estimator = CASES[name]
    learned = estimator.learned(*rows_of(name, draw, count), np.ones(count))
    return estimator, estimator.fit(learned)


def losses_of(name, labels, scores):
    return METRICS[name.split()[1]].row_loss(labels, scores)


@pytest.mark.parametrize("name", CASES)
def test_sums_by_cell_give_the_mean_over_the_rows(name, draw):
    estimator, guess = fitted(name, draw)
    _, scores = rows_of(name, draw, 700)

    mean, variance = estimator.expected(guess, scores)

    assert estimator.mean(guess, estimator.said(scores)) == pytest.approx(mean.mean(), rel=1e-9)
    assert (variance >= 0.0).all()
    parts = estimator.said(scores[:300]) + estimator.said(scores[300:])
    assert parts == pytest.approx(estimator.said(scores))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("moved", [0.0, 0.6])
def test_what_is_expected_is_what_labels_say_while_the_concept_stands(name, draw, moved):
    covered, noise = [], []
    for _ in range(60):
        estimator, guess = fitted(name, draw, 1_500)
        labels, scores = rows_of(name, draw, 500, moved=moved)
        mean, variance = estimator.expected(guess, scores)
        error = estimator.error(guess, estimator.said(scores))
        losses = losses_of(name, labels, scores)
        se = np.sqrt(variance.sum() / 500**2 + error)
        covered.append(abs(losses.mean() - mean.mean()) <= 1.96 * se)
        noise.append(se)

    assert np.mean(covered) >= (0.85 if moved else 0.88)
    assert np.mean(noise) < 0.25 * losses.mean()


@pytest.mark.parametrize("name", CASES)
def test_errors_of_the_calibration_cancel_between_windows_alike(name, draw):
    estimator, guess = fitted(name, draw, 600)
    one, two = (estimator.said(rows_of(name, draw, 3_000)[1]) for _ in range(2))
    other = estimator.said(rows_of(name, draw, 3_000, moved=2.0)[1])

    assert estimator.error(guess, one, two) < 0.05 * estimator.error(guess, one)
    assert estimator.error(guess, other, two) > 10.0 * estimator.error(guess, one, two)
    assert estimator.error(guess, one, one) == 0.0


@pytest.mark.parametrize("name", CASES)
def test_surprises_are_none_on_average_until_the_concept_turns(name, draw):
    estimator, guess = fitted(name, draw, 20_000)
    labels, scores = rows_of(name, draw, 20_000, moved=0.5)
    still = estimator.surprises(guess, labels, scores)
    turned = estimator.surprises(guess, *rows_of(name, draw, 5_000, turned=True))

    assert abs(still.mean()) < 5.0 * still.std() / np.sqrt(20_000)
    assert turned.mean() > 5.0 * turned.std() / np.sqrt(5_000)
    assert max(np.abs(still).max(), np.abs(turned).max()) <= 1.0


@pytest.mark.parametrize("name", CASES)
def test_metrics_are_about_those_that_labels_give(name, draw):
    estimator, guess = fitted(name, draw, 20_000)
    labels, scores = rows_of(name, draw, 20_000)

    for metric, found in estimator.metrics(guess, estimator.said(scores)).items():
        true = METRICS[metric].value(labels, scores)
        assert found.value == pytest.approx(true, abs=0.08 * max(1.0, abs(true))), metric
        assert np.isnan(found.low) or found.low <= found.value <= found.high


@pytest.mark.parametrize("name", CASES)
def test_revised_rows_are_taken_back(name, draw):
    estimator, _ = fitted(name, draw)
    labels, scores = rows_of(name, draw, 200)
    plus, minus = np.ones(200), -np.ones(200)

    total = estimator.learned(labels, scores, plus) + estimator.learned(labels, scores, minus)

    assert np.abs(total).max() < 1e-9
    assert estimator.nothing().shape == total.shape


@pytest.mark.parametrize("name", CASES)
def test_a_single_row_and_labels_of_one_class_can_be_learned_from(name, draw):
    estimator = CASES[name]
    labels, scores = rows_of(name, draw, 1)
    for size in (1, 50):
        some = np.repeat(scores, size, axis=0)
        guess = estimator.fit(estimator.learned(np.repeat(labels, size), some, np.ones(size)))
        mean, variance = estimator.expected(guess, some)
        assert np.isfinite(mean).all()
        assert np.isfinite(variance).all()
        assert np.isfinite(estimator.error(guess, estimator.said(some)))


def test_a_constant_target_that_is_hit_has_no_loss_expected():
    estimator = NumberEstimator("mse", (), 1e-12)
    same = np.full(300, 4.0)
    guess = estimator.fit(estimator.learned(same, same, np.ones(300)))

    assert estimator.mean(guess, estimator.said(same)) == 0.0
    assert estimator.metrics(guess, estimator.said(same))["rmse"].high == 0.0
    assert estimator.surprises(guess, same, same).max() == 0.0


@pytest.mark.parametrize(
    ("task", "metric", "loss"),
    [
        ("binary", "roc_auc", "brier"),
        ("multiclass", "f1", "error_rate"),
        ("regression", "r2", "mse"),
        ("regression", "mape", "mape"),
    ],
)
def test_metrics_that_are_no_means_are_watched_by_the_loss_that_decisions_use(task, metric, loss):
    assert loss_name(task, metric) == loss
