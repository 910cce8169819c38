"""Estimates without labels, alone and repaired with a few.

The figures of NannyML are those of its version 0.13.1 (CBPE, one chunk) on `nannyml_sample`,
computed once.
"""

import numpy as np
import pytest
from scipy.special import expit

from ostinato.stats.calibration import calibrate
from ostinato.stats.cbpe import METRICS as ESTIMATED
from ostinato.stats.cbpe import cbpe, cbpe_estimates
from ostinato.stats.metrics import METRICS
from ostinato.stats.ppi import ppi_mean
from ostinato.stats.rows import brier, log_loss
from ostinato.stats.sums import SCORE_BINS, score_bin

NANNYML = {
    "calibrated": {
        "roc_auc": 0.8610906593930597,
        "f1": 0.7060344236334635,
        "precision": 0.7391794104844309,
        "recall": 0.6757343298278046,
        "accuracy": 0.7836405906002109,
        "average_precision": 0.7980247543923001,
    },
    "bent": {
        "roc_auc": 0.7808751377745881,
        "f1": 0.5965839373624685,
        "precision": 0.5800385773248147,
        "recall": 0.6141009113623755,
        "accuracy": 0.7242637696650597,
        "average_precision": 0.6357598140741973,
    },
}
ROUGH = {"roc_auc": 0.003, "average_precision": 0.01}  # rows of one cell are ties there
CENTRES = np.square(np.sin((np.arange(SCORE_BINS) + 0.5) * np.pi / (2.0 * SCORE_BINS)))


def nannyml_sample(first, rows, *, bent, power):
    """Scores and labels from fractional parts, so that any machine makes the same."""
    index = np.arange(first, first + rows)
    scores = ((index * 0.6180339887498949) % 1.0) ** power
    true = expit(0.6 * np.log(scores / (1.0 - scores)) - 0.4) if bent else scores
    return scores, (((index * 0.4142135623730951) % 1.0) < true).astype(float)


def fitted(scores, labels):
    cells = score_bin(scores)
    rows = np.bincount(cells, minlength=SCORE_BINS).astype(float)
    return calibrate(rows, np.bincount(cells, labels, minlength=SCORE_BINS), CENTRES)


def both_losses(loss, scores):
    return loss(np.zeros(scores.size), scores), loss(np.ones(scores.size), scores)


def cells_of(scores):
    """Rows per cell, flags, and the sums of losses that an estimate is made of."""
    where = score_bin(scores)

    def summed(pair):
        return tuple(np.bincount(where, each, minlength=SCORE_BINS) for each in pair)

    rows = np.bincount(where, minlength=SCORE_BINS).astype(float)
    losses = {
        "log_loss": summed(both_losses(log_loss, scores)),
        "brier": summed(both_losses(brier, scores)),
    }
    return rows, np.arange(SCORE_BINS) >= SCORE_BINS // 2, losses


def of_rows(name, scores, chances, flagged, losses=None):
    """The expected value of a metric over single rows: an oracle for cells of many."""
    order = np.argsort(scores, kind="stable")
    distinct, cell = np.unique(scores, return_inverse=True)
    if name in {"roc_auc", "average_precision"}:  # equal scores are ties
        rows = np.bincount(cell, minlength=distinct.size).astype(np.float64)
        positive = np.bincount(cell, weights=chances, minlength=distinct.size)
        return float(cbpe(name, rows, positive / rows, np.zeros(distinct.size, dtype=bool)))
    pair = None if losses is None else losses.get(name)
    sorted_pair = None if pair is None else (pair[0][order], pair[1][order])
    return float(cbpe(name, np.ones(scores.size), chances[order], flagged[order], sorted_pair))


@pytest.mark.parametrize("name", list(NANNYML["calibrated"]))
def test_scores_that_are_calibrated_give_what_nannyml_gives(name):
    scores, _ = nannyml_sample(7000, 2000, bent=False, power=1.6)

    found = of_rows(name, scores, scores, scores >= 0.5)

    assert found == pytest.approx(NANNYML["calibrated"][name], abs=2e-4)


@pytest.mark.parametrize("name", list(NANNYML["bent"]))
def test_scores_that_are_not_give_about_what_nannyml_gives_after_its_calibration(name):
    rates = fitted(*nannyml_sample(1, 5000, bent=True, power=1.0)).rates
    scores, labels = nannyml_sample(7000, 2000, bent=True, power=1.6)

    found = of_rows(name, scores, rates[score_bin(scores)], scores >= 0.5)

    true = METRICS[name].value(labels, scores)
    assert found == pytest.approx(NANNYML["bent"][name], abs=0.015)
    assert abs(found - true) <= abs(NANNYML["bent"][name] - true) + 0.005


def test_intervals_cover_what_labels_say_later_while_the_concept_stands():
    draw = np.random.default_rng(5)
    covered = {name: [] for name in ESTIMATED}
    for _ in range(200):
        old, new = draw.beta(2, 3, 1_500), draw.beta(3, 2, 800)

        def truth(scores):
            return expit(0.7 * np.log(scores / (1 - scores)) + 0.3)

        known = fitted(old, (draw.random(old.size) < truth(old)).astype(float))
        labels = (draw.random(new.size) < truth(new)).astype(float)
        rows, flagged, losses = cells_of(new)
        for name, found in cbpe_estimates(rows, known, flagged, losses).items():
            covered[name].append(found.low <= METRICS[name].value(labels, new) <= found.high)

    for name, hits in covered.items():
        assert 0.9 <= np.mean(hits) <= 1.0, name


@pytest.mark.parametrize("name", ESTIMATED)
def test_cells_give_what_single_rows_give(name):
    draw = np.random.default_rng(6)
    scores = draw.beta(2, 2, 3_000)
    rates = fitted(scores, (draw.random(3_000) < scores**1.3).astype(float)).rates
    rows, flagged, losses = cells_of(scores)
    by_row = {name: both_losses({"log_loss": log_loss, "brier": brier}.get(name, brier), scores)}

    coarse = float(cbpe(name, rows, rates, flagged, losses.get(name)))
    fine = of_rows(name, scores, rates[score_bin(scores)], scores >= 0.5, by_row)

    assert coarse == pytest.approx(fine, abs=ROUGH.get(name, 1e-9))


def test_what_is_undefined_is_nan_and_what_is_unknown_is_refused():
    rows, none = np.array([5.0, 5.0]), np.zeros(2, dtype=bool)
    known = calibrate(rows, rows / 2.0, np.array([0.2, 0.4]))

    assert np.isnan(cbpe_estimates(rows, known, none, {})["precision"].high)
    assert np.isnan(cbpe_estimates(np.zeros(2), known, none, {})["accuracy"].value)
    assert np.isnan(of_rows("roc_auc", np.empty(0), np.empty(0), np.empty(0, dtype=bool)))
    with pytest.raises(ValueError, match="calibration_error"):
        cbpe("calibration_error", rows, rows / 10.0, none)
    with pytest.raises(ValueError, match="losses"):
        cbpe("brier", rows, rows / 10.0, none)


# ---------------------------------------------------------------- B11

WEIGHTS = np.array([1.2, -0.8, 0.5])
WORLDS = {
    "nothing moved": (0.0, WEIGHTS),
    "inputs moved": (0.8, WEIGHTS),
    "concept moved": (0.0, np.array([0.5, -0.8, -0.3])),
    "concept turned": (0.0, np.array([-0.3, 0.2, 0.9])),
}


def world(draw, shift, weights, rows):
    """Scores of a model that is too sure of itself, and labels."""
    inputs = draw.normal(shift, 1.0, (rows, 3))
    said = expit(1.5 * inputs @ WEIGHTS)
    return said, (draw.random(rows) < expit(inputs @ weights)).astype(float)


@pytest.mark.parametrize("name", WORLDS)
def test_fused_with_200_labels_the_interval_covers_in_every_world(name):
    draw = np.random.default_rng(7)
    shift, weights = WORLDS[name]
    scores, labels = world(draw, shift, weights, 400_000)
    truth = brier(labels, scores).mean()
    rates = fitted(*world(draw, 0.0, WEIGHTS, 20_000)).rates
    fused, alone = 0, 0
    for _ in range(500):
        scores, labels = world(draw, shift, weights, 3_000)
        of_no, of_yes = both_losses(brier, scores)
        chance = rates[score_bin(scores)]
        guess = (1.0 - chance) * of_no + chance * of_yes
        found = ppi_mean(brier(labels[:200], scores[:200]), guess[:200], guess[200:])
        fused += found.low <= truth <= found.high
        alone += abs(guess.mean() - truth) < 0.012

    assert 0.93 <= fused / 500 <= 0.97
    # Without labels the estimate is right only while the concept stands.
    assert (alone > 475) == (not name.startswith("concept"))
    assert alone < 25 or not name.startswith("concept")
