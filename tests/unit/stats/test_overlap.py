"""The parts of a change in loss add up, have the right sign, and are as sure as they say."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.overlap import Side, calibrated, decompose


def world(seed, *, moved=0.0, concept=0.0, rows=1500, known=False):
    """Losses that depend on x; the current x is shifted, its loss is raised; pi and m exact."""
    rng = np.random.default_rng(seed)

    def side(mean, more):
        x = rng.normal(mean, 1.0, rows)
        expected = 1.0 + 0.3 * x
        losses = expected + more + rng.normal(0.0, 0.5, rows)
        chances = 1.0 / (1.0 + np.exp(-moved * (x - moved / 2.0)))
        if not known:  # what a classifier and a regression would be off by
            chances = np.clip(chances + 0.05 * np.sin(3.0 * x), 0.001, 0.999)
            expected = expected + 0.1 * np.cos(2.0 * x)
        return Side(losses=losses, chances=chances, expected=expected, weights=np.ones(rows))

    return side(0.0, 0.0), side(moved, concept)


@pytest.mark.parametrize(("moved", "concept"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.2), (0.7, 0.2)])
def test_parts_add_up_to_the_change_to_rounding(moved, concept):
    for seed in range(20):
        parts = decompose(*world(seed, moved=moved, concept=concept))
        summed = parts.seen.value + parts.concept.value + parts.unseen.value
        assert abs(summed - parts.total.value) < 1e-12
        assert abs(parts.inputs.value - parts.seen.value - parts.unseen.value) < 1e-12


@pytest.mark.parametrize("moved", [0.0, 0.7])
def test_concept_drift_of_two_standard_deviations_has_the_right_sign_always(moved):
    found = [decompose(*world(seed, moved=moved, concept=0.0)).concept for seed in range(100)]
    spread = np.std([each.value for each in found])
    sizes = [
        decompose(*world(seed, moved=moved, concept=sign * 4.0 * spread)).concept.value * sign
        for seed in range(100)
        for sign in (-1.0, 1.0)
    ]

    assert np.mean(np.array(sizes) > 2.0 * spread) > 0.9
    assert min(sizes) > 0.0


def test_pure_worlds_have_one_part():
    concept = decompose(*world(1, concept=0.2, rows=20_000))
    inputs = decompose(*world(2, moved=0.7, rows=20_000))

    assert concept.concept.value == pytest.approx(0.2, abs=0.03)
    assert abs(concept.seen.value) + abs(concept.unseen.value) < 0.02
    assert inputs.seen.value + inputs.unseen.value == pytest.approx(0.21, abs=0.03)
    assert abs(inputs.concept.value) < 0.03
    assert inputs.seen.value > 0.05 < inputs.unseen.value


def test_intervals_cover_what_is_true():
    covered = 0
    for seed in range(200):
        low, high = decompose(*world(seed, moved=0.5, concept=0.1)).concept.interval(0.95)
        covered += low < 0.1 < high

    assert covered >= 182


def test_effective_rows_tell_of_overlap():
    near, far = decompose(*world(0, moved=0.3)), decompose(*world(0, moved=5.0, known=True))

    assert near.effective > 1000
    assert far.effective < 100


def test_a_classifier_that_knows_nothing_is_taken_at_its_word():
    rng = np.random.default_rng(0)
    current = np.arange(4000) % 2 == 0
    weights = np.ones(4000)
    guesses = np.clip(0.5 + rng.normal(0.0, 0.1, 4000), 0.01, 0.99)
    knows = np.clip(0.5 + 0.3 * (2.0 * current - 1.0) + rng.normal(0.0, 0.2, 4000), 0.01, 0.99)

    assert np.ptp(calibrated(guesses, current, weights)) < 0.1
    assert np.ptp(calibrated(knows, current, weights)) > 0.8
