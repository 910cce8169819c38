from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.subgroups import WEIGHT, members, search


def grid(rows=4000, columns=6, cells=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, cells, (rows, columns)).astype(np.int16), rng


@pytest.mark.parametrize(
    "planted", [((2, 1),), ((0, 3), (4, 2)), ((0, 1), (2, 2), (5, 0))], ids=["one", "two", "three"]
)
def test_a_planted_conjunction_is_the_best_one(planted):
    cells, rng = grid()
    inside = np.all([cells[:, column] == cell for column, cell in planted], axis=0)
    values = rng.exponential(1.0, len(cells)) + 3.0 * inside

    found = search(cells, values, scale=float(values.mean()), least=40)

    assert found[0].cells == planted
    assert found[0].rows == inside.sum()


def test_scores_are_those_of_the_source_and_no_pair_scores_better():
    cells, rng = grid(rows=600, columns=3, cells=3)
    values = rng.exponential(1.0, 600)
    mean = values.mean()

    found = search(cells, values, scale=mean, least=20)

    def score(rows):
        return WEIGHT * (values[rows].mean() / mean - 1) - (1 - WEIGHT) * (600 / rows.sum() - 1)

    every = [
        score((cells[:, i] == a) & (cells[:, j] == b))
        for i in range(3)
        for j in range(i + 1)
        for a in range(3)
        for b in range(3)
        if ((cells[:, i] == a) & (cells[:, j] == b)).sum() >= 20
    ]
    assert found[0].score == pytest.approx(score(members(cells, found[0])))
    assert found[0].score >= max(every) - 1e-9


def test_small_groups_are_not_looked_at_and_rows_may_lie_in_no_cell():
    cells, _ = grid(rows=300)
    cells[:] = np.where(cells == 3, -1, cells)
    values = np.zeros(300)
    values[:10] = 50.0

    found = search(cells, values, scale=float(values.mean()), least=60)

    assert found
    assert all(group.rows >= 60 for group in found)
    assert all(cell >= 0 for group in found for _, cell in group.cells)


def test_a_part_that_says_nothing_new_is_left_out():
    cells, rng = grid()
    values = rng.normal(1.0, 0.01, len(cells)) + (cells[:, 0] == 1)

    found = search(cells, values, scale=float(values.mean()), least=40, top=5)

    assert [group.cells for group in found][:1] == [((0, 1),)]
    assert not [group for group in found[1:] if (0, 1) in group.cells]


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_values_without_a_scale_have_no_groups(scale):
    cells, _ = grid(rows=100)

    assert search(cells, np.zeros(100), scale=scale, least=10) == []


def test_no_column_or_no_large_cell_gives_no_group():
    cells, rng = grid(rows=100)

    assert search(cells[:, :0], rng.random(100), scale=1.0, least=10) == []
    assert search(cells, rng.random(100), scale=1.0, least=101) == []
