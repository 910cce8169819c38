from __future__ import annotations

import numpy as np
import pytest

from ostinato.stats.dependence import block_means, block_size, design_effect


def chain(rho, n, seed=0):
    """Ones and zeros, half of each, that keep their value with a memory of rho."""
    rng = np.random.default_rng(seed)
    keep = rng.random(n) < rho
    fresh = rng.random(n) < 0.5
    kept_from = np.maximum.accumulate(np.where(keep, 0, np.arange(n)))
    return fresh[kept_from].astype(float)


def test_independent_losses_are_taken_one_by_one():
    sizes = [block_size(chain(0.0, 4_000, seed)) for seed in range(20)]

    assert sizes.count(1) >= 18


@pytest.mark.parametrize(("rho", "least", "most"), [(0.5, 4, 32), (0.8, 16, 128)])
def test_the_longer_the_memory_the_longer_the_blocks(rho, least, most):
    sizes = [block_size(chain(rho, 20_000, seed)) for seed in range(5)]

    assert least <= min(sizes) <= max(sizes) <= most


def test_blocks_never_get_so_long_that_too_few_are_left():
    drifting = np.linspace(0.0, 1.0, 1_000)

    assert block_size(drifting) == 16
    assert block_size(drifting, most=4) == 4
    assert block_size(drifting[:60]) == 1


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_the_design_effect_of_a_chain_is_near_its_theory(rho):
    values = chain(rho, 200_000)

    assert design_effect(values, 256) == pytest.approx((1 + rho) / (1 - rho), rel=0.15)
    assert design_effect(values, 1) == 1.0


def test_losses_that_never_vary_have_no_effect_and_no_blocks():
    assert block_size(np.full(500, 0.3)) == 1
    assert design_effect(np.full(500, 0.3), 8) == 1.0


def test_means_leave_the_rest_of_a_block_out():
    assert block_means(np.arange(7.0), 3).tolist() == [1.0, 4.0]
