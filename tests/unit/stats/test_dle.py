import numpy as np
import pytest

from ostinato.stats.dle import cell_losses, dle


def sums(cells, losses, size):
    return tuple(
        np.bincount(cells, weights, minlength=size)
        for weights in (np.ones(losses.size), losses, losses**2)
    )


def test_intervals_cover_the_loss_of_other_rows_whatever_cells_they_are_in():
    draw = np.random.default_rng(1)
    scale = np.linspace(0.5, 3.0, 10)
    covered = []
    for _ in range(300):
        old = draw.integers(0, 10, 600)
        known = cell_losses(*sums(old, np.abs(draw.normal(0, scale[old])), 10))
        new = np.minimum(draw.integers(4, 14, 400), 9)  # other cells than before
        found = dle(np.bincount(new, minlength=10).astype(float), known)
        covered.append(found.low <= np.abs(draw.normal(0, scale[new])).mean() <= found.high)

    assert 0.9 <= np.mean(covered) <= 1.0


def test_a_cell_that_was_never_seen_has_the_mean_of_all():
    rows, means = np.array([50.0, 50.0, 50.0, 0.0]), np.array([1.0, 2.0, 3.0, 0.0])
    known = cell_losses(rows, rows * means, rows * (np.square(means) + 1.0))

    assert known.means == pytest.approx([1.02, 2.0, 2.98, 2.0], abs=0.01)
    assert known.errors[3] > 0.9  # cells differ by about 1
    assert known.errors[:3].max() < 0.05


def test_cells_that_lose_alike_learn_from_each_other():
    draw = np.random.default_rng(2)
    off, said = [], []
    for _ in range(200):
        known = cell_losses(*sums(draw.integers(0, 20, 200), draw.exponential(1.0, 200), 20))
        off.append(known.means - 1.0)
        said.append(known.variance_of(np.eye(20)[3]))

    assert np.std(off) < 0.6 / np.sqrt(10)  # of ten rows alone: 1 / sqrt(10)
    assert np.mean(np.square([each[3] for each in off])) < 2.0 * np.mean(said)


def test_a_loss_that_is_always_zero_is_expected_to_be():
    found = dle(np.array([3.0]), cell_losses(np.array([9.0]), np.zeros(1), np.zeros(1)))

    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_without_rows_nothing_is_expected_and_bad_sums_are_refused():
    nothing = cell_losses(np.zeros(2), np.zeros(2), np.zeros(2))

    assert np.isnan(dle(np.ones(2), nothing).value)
    assert np.isnan(dle(np.zeros(1), cell_losses(np.ones(1), np.ones(1), np.ones(1))).value)
    with pytest.raises(ValueError, match="finite"):
        cell_losses(np.ones(1), np.array([np.inf]), np.ones(1))
    with pytest.raises(ValueError, match="one sum per cell"):
        cell_losses(np.ones(1), np.ones(2), np.ones(1))
