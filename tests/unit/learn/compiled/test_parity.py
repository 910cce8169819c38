from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import LearnerError
from ostinato.learn.columns import NUMBER_MAX
from ostinato.learn.compiled import parity
from ostinato.learn.compiled.parity import compare, corner_rows, real_rows
from ostinato.learn.encoding import Encoding

FRAME = pl.DataFrame({"x": [0.0, 1.0, 2.0, 4.0], "c": ["a", "b", "a", None]})
ENCODING = Encoding.fit(FRAME, ["x", "c"], style="ordinal")


def doubled(rows):
    return np.array([2.0 * row[0] for row in rows])


def picky(rows):
    if any(row[0] is None for row in rows):
        raise LearnerError("no", found="None", expected="a number")
    return doubled(rows)


ROWS = [(float(i), "a") for i in range(20)]


def test_equal_scores_are_exact():
    found = compare(doubled, doubled, ROWS)
    assert (found.rows, found.difference, found.exact) == (20, 0.0, True)


def test_a_difference_is_relative_where_scores_are_large():
    found = compare(doubled, lambda rows: doubled(rows) + 1e-6 * (len(rows) > 0), ROWS)
    assert found.difference == pytest.approx(1e-6)
    assert not found.exact
    large = [(1e9, "a")]
    assert compare(doubled, lambda rows: doubled(rows) + 2.0, large).difference == pytest.approx(
        1e-9
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda rows: doubled(rows)[:, None],
        lambda rows: np.where(doubled(rows) == 6.0, math.nan, doubled(rows)),
        lambda rows: np.where(doubled(rows) == 6.0, math.inf, doubled(rows)),
        lambda rows: picky([*rows, (None, "a")]),
    ],
)
def test_other_shapes_missing_scores_and_refusals_are_infinitely_far(other):
    assert compare(doubled, other, ROWS).difference == math.inf


def test_infinite_scores_must_have_the_same_sign():
    assert compare(lambda _: np.array([math.inf]), lambda _: np.array([-math.inf]), ROWS[:1]) == (
        parity.Parity(rows=1, difference=math.inf, exact=False)
    )


def test_rows_that_the_original_refuses_must_be_refused():
    rows = [*ROWS[:7], (None, "a"), *ROWS[7:], (None, "b")]
    lenient = compare(picky, lambda rows: np.array([2.0 * (row[0] or 0.0) for row in rows]), rows)
    assert lenient.difference == math.inf
    assert compare(picky, picky, rows).exact


def test_an_original_that_refuses_everything_is_not_asked_for_ever(monkeypatch):
    calls = []

    def never(rows):
        calls.append(len(rows))
        raise LearnerError("no", found="rows", expected="none")

    monkeypatch.setattr(parity, "REFUSALS_MAX", 5)
    assert compare(never, never, ROWS * 200).exact
    assert len(calls) < 60


def test_real_rows_are_taken_evenly(monkeypatch):
    monkeypatch.setattr(parity, "SAMPLE_ROWS", 2)
    assert real_rows(ENCODING, FRAME) == [(0.0, "a"), (2.0, "a")]


def test_corners_are_reached():
    rows = corner_rows(ENCODING, [(7.0, "b")], [np.array([1.5]), np.array([])])
    numbers = {row[0] for row in rows}
    assert {1.5, np.nextafter(1.5, 2), np.nextafter(1.5, 1), math.inf, None, NUMBER_MAX} <= numbers
    assert float(np.nextafter(np.float32(1.5), np.float32(2))) in numbers
    assert {"a", "b", "", None} <= {row[1] for row in rows}
    assert rows[0] == (None, None)
    assert all(row[0] == 7.0 or row[1] in {"b", None} for row in rows)


def test_there_are_never_too_many_corners(monkeypatch):
    monkeypatch.setattr(parity, "CORNERS_MAX", 100)
    rows = corner_rows(ENCODING, [], [np.arange(1000.0), np.array([])])
    assert 50 < len(rows) <= 101
