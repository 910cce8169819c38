import math
from itertools import product

import pytest

from ostinato.stats.share import share_log_e


def by_sum(hits: int, rows: int, low: float, high: float) -> float:
    """Integrate the mixtures by a fine sum."""
    steps = 100_000

    def likelihood(p: float, x: int) -> float:
        return p**x * (1 - p) ** (rows - x)

    def beyond(x: int, edge: float) -> float:
        width = (1 - edge) / steps
        total = sum(likelihood(edge + (i + 0.5) * width, x) for i in range(steps)) / steps
        return total / likelihood(edge, x)

    return (beyond(hits, high) + beyond(rows - hits, 1 - low)) / 2


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 10), (10, 10)])
def test_it_is_the_mixture_that_is_defined(hits, rows) -> None:
    found = math.exp(share_log_e(hits, rows, 0.2, 0.4))

    assert found == pytest.approx(by_sum(hits, rows, 0.2, 0.4), rel=1e-6)


@pytest.mark.parametrize("chance", [0.2, 0.3, 0.4])
def test_its_expectation_is_at_most_one_in_the_band(chance) -> None:
    rows = 12
    expected = sum(
        math.comb(rows, hits)
        * chance**hits
        * (1 - chance) ** (rows - hits)
        * math.exp(share_log_e(hits, rows, 0.2, 0.4))
        for hits in range(rows + 1)
    )

    assert expected <= 1 + 1e-12


def test_it_starts_at_one_and_one_more_row_never_raises_its_expectation() -> None:
    assert share_log_e(0, 0, 0.2, 0.4) == pytest.approx(0.0)
    for rows, chance in product(range(8), [0.2, 0.3, 0.4]):
        for hits in range(rows + 1):
            now = math.exp(share_log_e(hits, rows, 0.2, 0.4))
            hit = math.exp(share_log_e(hits + 1, rows + 1, 0.2, 0.4))
            no = math.exp(share_log_e(hits, rows + 1, 0.2, 0.4))
            assert chance * hit + (1 - chance) * no <= now * (1 + 1e-12)


def test_a_band_that_ends_at_the_ends_leaves_one_side() -> None:
    assert share_log_e(5, 10, 0.0, 1.0) == pytest.approx(0.0)
    assert share_log_e(1, 10, 0.0, 0.0) == math.inf  # what could not happen did


def test_many_rows_do_not_overflow() -> None:
    assert share_log_e(10**9, 10**9, 0.0, 0.5) > 1e8
    assert share_log_e(0, 10**9, 0.0, 0.5) == pytest.approx(-math.log(2), abs=1e-6)
