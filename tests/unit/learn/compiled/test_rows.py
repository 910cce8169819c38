from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.errors import DataError
from ostinato.learn.columns import NUMBER_MAX
from ostinato.learn.compiled.original import table
from ostinato.learn.compiled.rows import MANY_ROWS, Coder
from ostinato.learn.encoding import Encoding

TRAINING = pl.DataFrame(
    {
        "carrier": ["UA", "AA", "UA", "5", "true", None],
        "distance": [1.0, 2.0, None, 5.0, 7.0, 9.0],
        "nothing": pl.Series([None] * 6, dtype=pl.Float64),
    }
)
ENCODING = Encoding.fit(TRAINING, TRAINING.columns, style="ordinal")
NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(),
    st.sampled_from(["", " 4.5 ", "1e3", "-inf", "nan"]),
)
CATEGORIES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(),
    st.sampled_from(["UA", "AA", "5", "5.0", "true", "", "ua"]),
    st.text(max_size=3),
)
ANYTHING = st.one_of(st.none(), st.integers(0, 3), st.text(max_size=2), st.lists(st.integers(0, 3)))


def by_encoding(row):
    # One-row tables give each value the type it has by itself.
    series = [pl.Series(name, [v]) for name, v in zip(ENCODING.features, row, strict=True)]
    return ENCODING.matrix(pl.DataFrame(series))[0]


@given(st.lists(st.tuples(CATEGORIES, NUMBERS, ANYTHING), min_size=1, max_size=12))
def test_rows_of_json_values_are_coded_as_the_encoding_codes_each(rows):
    expected = [by_encoding(row) for row in rows]
    np.testing.assert_array_equal(Coder(ENCODING).clean(rows), expected)


@given(st.lists(st.tuples(CATEGORIES, NUMBERS, ANYTHING), min_size=1, max_size=5))
def test_the_table_for_the_original_says_the_same(rows):
    expected = [by_encoding(row) for row in rows]
    np.testing.assert_array_equal(ENCODING.matrix(table(ENCODING.columns, rows)), expected)


@pytest.mark.parametrize(
    ("value", "code"),
    [("5", 1.0), (5, 1.0), (True, 3.0), (5.0, 4.0), ("seen never", 4.0), (None, math.nan)],
)
def test_numbers_and_booleans_are_categories_by_their_text(value, code):
    assert ENCODING.columns[0].vocabulary == ("UA", "5", "AA", "true")
    np.testing.assert_array_equal(Coder(ENCODING).matrix([(value, 1.0, None)])[0, 0], code)


def test_one_odd_value_does_not_change_how_its_neighbours_are_read():
    rows = [("UA", 1, None), (5, "2", None), ("AA", True, None), ("UA", None, None)]
    coded = Coder(ENCODING).matrix(rows)
    assert coded[:, 0].tolist() == [0.0, 1.0, 2.0, 0.0]
    np.testing.assert_array_equal(coded[:, 1], [1.0, 2.0, 1.0, math.nan])


@pytest.mark.parametrize("odd", [("UA", "2.5", [1]), (5, 1.5, "x"), ("AA", None, None), None])
def test_few_and_many_rows_are_coded_alike(odd):
    rows = [("UA", 1.5, None), ("never", True, {"a": 1}), (None, 3, None), ("AA", 10**39, 7)] * 4
    rows += [] if odd is None else [odd]
    assert len(rows) >= MANY_ROWS
    alone = np.vstack([Coder(ENCODING).matrix([row]) for row in rows])
    np.testing.assert_array_equal(Coder(ENCODING).matrix(rows), alone)


def test_rows_that_make_up_for_each_other_are_still_refused():
    rows = [("UA", 1.0), ("UA", 1.0, None, 7)] * MANY_ROWS
    with pytest.raises(DataError, match="wrong number of values; was: 2 values"):
        Coder(ENCODING).matrix(rows)


def test_whole_numbers_too_large_for_any_type_are_missing():
    assert math.isnan(Coder(ENCODING).clean([("UA", 10**400, None)])[0, 1])
    assert math.isnan(Coder(ENCODING).clean([("UA", 10**39, None)])[0, 1])
    assert Coder(ENCODING).clean([("UA", 2**64, None)])[0, 1] == 2.0**64


def test_the_largest_number_of_single_precision_is_the_last_that_is_there():
    beyond = float(np.nextafter(NUMBER_MAX, np.inf))
    coded = Coder(ENCODING).clean([("UA", NUMBER_MAX, None), ("UA", beyond, None)])
    np.testing.assert_array_equal(coded[:, 1], [NUMBER_MAX, math.nan])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("UA", "tall", None), "'distance' held numbers in training and holds text now"),
        (("UA", [1], None), "'distance' cannot be a feature as it is"),
        (([1], 1.0, None), "'carrier' cannot be a feature as it is"),
        (({"a": 1}, 1.0, None), "'carrier' cannot be a feature as it is"),
        ((10**400, 1.0, None), "A value of column 'carrier' cannot be read"),
        (("UA", 1.0), "wrong number of values; was: 2 values; expected: 3: carrier, distance"),
        (("UA", 1.0, None, 4), "wrong number of values; was: 4 values"),
        ((), "wrong number of values; was: 0 values"),
    ],
)
def test_what_cannot_be_read_is_named(row, message):
    for read in (Coder(ENCODING).matrix, lambda rows: table(ENCODING.columns, rows)):
        with pytest.raises(DataError, match=message):
            read([("UA", 1.0, None), row])


def test_no_rows_are_no_rows():
    assert Coder(ENCODING).matrix([]).shape == (0, 3)
    assert table(ENCODING.columns, []).shape == (0, 3)
