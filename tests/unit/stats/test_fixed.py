from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.stats import fixed
from ostinato.stats.buckets import bucket_of, middle_of, rank_of

numbers = st.floats(-1e13, 1e13) | st.floats(-1e-9, 1e-9)


def cut(value: float) -> int:
    size = int(Fraction(abs(value)) * 2**64)
    return -size if value < 0 else size


def fixed_of(number: tuple[int, int]) -> tuple[np.int64, np.uint64]:
    """Give a number its types back: what is compiled answers with plain integers."""
    return np.int64(number[0]), np.uint64(number[1])


def plus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return fixed.add(*fixed_of(one), *fixed_of(other))


def whole(number: tuple[int, int]) -> int:
    return int(number[0]) * 2**64 + int(number[1])


@settings(deadline=None)
@given(st.lists(numbers, min_size=1, max_size=8))
def test_sums_are_exact_whatever_the_order(values) -> None:
    total = (0, 0)
    for value in values:
        total = plus(total, fixed.to_fixed(value))

    assert whole(total) == sum(map(cut, values))
    assert fixed.to_float(*fixed_of(total)) == sum(map(cut, values)) / 2**64


@settings(deadline=None)
@given(numbers, numbers)
def test_what_was_added_can_be_taken_off_again(one, other) -> None:
    first, second = fixed.to_fixed(one), fixed.to_fixed(other)

    back = fixed.subtract(*fixed_of(plus(first, second)), *fixed_of(second))

    assert whole(back) == whole(first)


@settings(deadline=None)
@given(st.floats(-1e13, 1e13), st.floats(-1e13, 1e13))
def test_buckets_keep_the_order_and_their_middles_are_near(one, other) -> None:
    small, large = sorted([one, other])

    assert bucket_of(small) <= bucket_of(large)
    if abs(one) > 1e-300:
        assert abs(middle_of(bucket_of(one)) - one) <= abs(one) / 128


def test_ranks_are_those_of_sorted_values() -> None:
    assert [rank_of(q, 10) for q in (0.0, 0.1, 0.5, 0.7, 0.99, 1.0)] == [1, 1, 5, 7, 10, 10]
