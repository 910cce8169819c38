from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.confident import bars, looks_like
from ostinato.stats.reconstruction import Plane


def test_flipped_labels_are_found_and_honest_ones_are_not():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 3000)
    scores = np.full((3000, 3), 0.05)
    scores[np.arange(3000), truth] = 0.9
    scores = scores + rng.random((3000, 3)) * 0.1
    scores /= scores.sum(axis=1, keepdims=True)
    flipped = rng.random(3000) < 0.1
    labels = np.where(flipped, (truth + 1) % 3, truth).astype(float)

    looks = looks_like(scores, bars(labels, scores))

    suspicious = (looks >= 0) & (looks != labels)
    assert suspicious[flipped].mean() > 0.9
    assert suspicious[~flipped].mean() < 0.01


def test_a_class_without_rows_is_never_what_a_row_looks_like():
    scores = np.array([[0.2, 0.8, 0.0], [0.7, 0.3, 0.0], [0.1, 0.1, 0.8]])
    at_least = bars(np.array([1.0, 0.0, 0.0]), scores)

    assert np.isinf(at_least[2])
    assert 2 not in looks_like(scores, at_least)


def test_rows_off_the_plane_are_far_from_it():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(2000, 2))
    rows = np.column_stack([base, base[:, 0] + base[:, 1], base[:, 0] - base[:, 1]])
    rows = rows + 0.05 * rng.normal(size=rows.shape)
    turned = rows * [1.0, 1.0, -1.0, 1.0]

    plane = Plane.fit(rows)

    assert plane.axes.shape == (4, 2)
    assert plane.distances(rows).mean() < 0.05
    assert plane.distances(turned).mean() > 1.0


def test_a_constant_column_has_no_part_in_the_plane():
    rows = np.column_stack([np.random.default_rng(0).normal(size=(100, 2)), np.full(100, 7.0)])
    other = rows + np.array([0.0, 0.0, 1.0])

    plane = Plane.fit(rows)

    assert plane.distances(other) == pytest.approx(plane.distances(rows))
    assert np.isfinite(Plane.fit(np.full((5, 2), 3.0)).distances(np.zeros((2, 2)))).all()
