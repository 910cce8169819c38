from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.label_shift import class_shares, explained


def test_other_shares_of_the_same_classes_are_told_by_the_classes():
    rng = np.random.default_rng(0)
    within = np.array([[0.6, 0.1], [0.3, 0.3], [0.1, 0.6]])
    before = rng.multinomial(5000, (within * [0.7, 0.3]).ravel()).reshape(3, 2).astype(float)
    now = rng.multinomial(5000, (within * [0.4, 0.6]).ravel()).reshape(3, 2).astype(float)

    found = explained(before, now)

    assert found.by_class > 0.95
    assert found.by_score < 0.8


def test_other_shares_of_the_same_scores_are_told_by_the_scores():
    rng = np.random.default_rng(0)
    within = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]])
    shares = np.array([[0.5], [0.3], [0.2]]), np.array([[0.2], [0.3], [0.5]])
    before, now = (
        rng.multinomial(5000, (within * each).ravel()).reshape(3, 2).astype(float)
        for each in shares
    )

    found = explained(before, now)

    assert found.by_score > 0.95
    assert found.by_class < 0.8


def test_other_meaning_is_told_by_neither():
    before = np.array([[2000.0, 500.0], [500.0, 2000.0]])
    now = np.array([[500.0, 2000.0], [2000.0, 500.0]])

    found = explained(before, now)

    assert found.by_class == found.by_score == 0.0
    assert found.whole > 0.1


def test_chance_is_taken_off():
    rng = np.random.default_rng(0)
    tables = [rng.multinomial(300, np.full(12, 1 / 12)).reshape(6, 2).astype(float)] * 2

    assert explained(*tables).whole == 0.0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_shares_of_classes_are_read_off_scores_that_are_not_even_calibrated(share):
    rng = np.random.default_rng(3)

    def scores(labels):
        p = np.clip(0.3 + 0.3 * labels + rng.normal(0.0, 0.1, labels.size), 0.0, 1.0)
        return np.stack([1.0 - p, p], axis=1)

    labels = (rng.random(4000) < 0.3).astype(float)
    now = (rng.random(4000) < share).astype(float)

    found = class_shares(scores(labels), labels, scores(now))

    assert found.sum() == pytest.approx(1.0)
    assert found[1] == pytest.approx(share, abs=0.04)


def test_scores_that_tell_nothing_give_no_shares():
    scores = np.full((100, 2), 0.5)

    assert np.isnan(class_shares(scores, np.arange(100) % 2.0, scores)).all()
