"""What is broken is told from what moves with the world."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.watch.examine.expand import plain_columns
from ostinato.watch.examine.faults import find_faults

ROWS = 1000
DAY = 86_400 * 10**9


def faults(before, now, *, days=(30, 10)):
    """Look at one column `c` of two samples, spread over some days each."""
    frames = [pl.DataFrame({"c": each}) for each in (before, now)]
    plain, _ = plain_columns(*frames)
    times = [
        start * DAY + np.arange(frame.height) * (span * DAY // frame.height)
        for frame, span, start in zip(frames, days, (0, 100), strict=True)
    ]
    return [each.what for each in find_faults(tuple(plain), *times)]


def normal(seed=0, mean=0.0, rows=ROWS):
    return np.random.default_rng(seed).normal(mean, 1.0, rows)


def with_share(values, share, other):
    flags = np.random.default_rng(9).random(len(values)) < share
    return pl.Series(values).zip_with(pl.Series(~flags), pl.Series([other] * len(values)))


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (normal(), with_share(normal(1), 0.05, None), ["missing"]),
        (normal(), with_share(normal(1), 0.05, -999.0), ["far out of range", "stuck at -999"]),
        (normal(), normal(1) * 1000, ["far out of range"]),
        (normal(), with_share(normal(1), 0.1, 0.0), ["stuck at 0"]),
        (normal(), np.repeat(normal(1, rows=ROWS // 4), 4), ["repeats"]),
        (normal(), np.full(ROWS, 0.3), ["stuck at 0.3"]),
        (["a", "b"] * 500, ["A ", "b"] * 500, ["written otherwise"]),
        (["a", "b"] * 500, ["a", "x9"] * 500, ["written otherwise"]),
        (["a", "b"] * 500, ["a", None] * 500, ["missing"]),
        (["a", "b"] * 500, ["b"] * 1000, ["stuck at b"]),
        ([True, False] * 500, [None, False] * 500, ["missing"]),
    ],
)
def test_broken_values_are_found(before, now, what):
    assert faults(before, now) == what


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (normal(), normal(1)),
        (normal(), normal(1, mean=2.0)),
        (with_share(normal(), 0.1, None), with_share(normal(1), 0.1, None)),
        (with_share(normal(), 0.2, 0.0), with_share(normal(1), 0.3, 0.0)),
        (np.arange(ROWS) * 1.0, np.arange(ROWS) * 1.0 + 10 * ROWS),  # a counter
        (["a", "b"] * 500, ["a"] * 900 + ["b"] * 100),
        (["a", "b"] * 500, ["a"] * 500 + ["b"] * 450 + ["new"] * 50),
        ([1, 2, 3, 4] * 250, [1, 2, 3, 5] * 250),
        (normal(), with_share(normal(1, rows=40), 0.05, 0.0)),  # two rows are no share
    ],
)
def test_what_moves_with_the_world_is_no_fault(before, now):
    assert faults(before, now) == []


def test_a_column_of_the_month_is_not_stuck():
    months = np.repeat([1.0, 2.0, 3.0], [334, 333, 333])

    assert faults(months, np.full(ROWS, 4.0), days=(90, 20)) == []
