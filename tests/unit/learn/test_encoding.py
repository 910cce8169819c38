from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.errors import ConfigError, DataError
from ostinato.learn.columns import SHORT_ROWS
from ostinato.learn.encoding import Encoding

NAN = float("nan")


def fit(frame, style="ordinal", **options):
    return Encoding.fit(frame, frame.columns, style=style, **options)


def code(training, values, **options):
    encoding = fit(pl.DataFrame({"x": training}), **options)
    return encoding.transform(pl.DataFrame({"x": values}))[:, 0].tolist()


def test_categories_are_coded_by_frequency_then_by_name():
    assert code(["b", "c", "c", "a"], ["c", "a", "b"]) == [0.0, 1.0, 2.0]


def test_a_category_never_seen_in_training_is_coded_as_other():
    assert code(["a", "b"], ["z", "b", "y"]) == [2.0, 1.0, 2.0]


def test_rare_categories_beyond_the_limit_share_the_code_of_the_unseen():
    assert code(["a", "a", "b", "b", "c"], ["a", "c", "z"], categories_max=2) == [0.0, 2.0, 2.0]


def test_at_most_254_categories_are_kept():
    encoding = fit(pl.DataFrame({"x": [f"c{i:03}" for i in range(400)]}))
    assert len(encoding.columns[0].vocabulary) == 254


def test_missing_values_are_nan_in_ordinal_style():
    np.testing.assert_array_equal(code(["a", None], [None, "a"]), [NAN, 0.0])
    np.testing.assert_array_equal(code([1.0, 2.0], [None, NAN]), [NAN, NAN])


@pytest.mark.parametrize("size", [SHORT_ROWS, SHORT_ROWS + 1, 5 * SHORT_ROWS])
def test_short_and_long_batches_are_coded_alike(size):
    rng = np.random.default_rng(0)
    values = [None if v == 3 else f"c{v}" for v in rng.integers(0, 40, size)]
    encoding = fit(pl.DataFrame({"x": [f"c{i}" for i in range(20)] + [None]}))
    whole = encoding.transform(pl.DataFrame({"x": values}))
    single = [encoding.transform(pl.DataFrame({"x": values[i : i + 1]}))[0] for i in range(size)]
    np.testing.assert_array_equal(whole, single)


@given(
    values=st.lists(
        st.one_of(st.none(), st.sampled_from("abcdé "), st.text(max_size=3)), min_size=1
    )
)
def test_the_code_of_a_row_never_depends_on_other_rows(values):
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.String)})
    for style in ("ordinal", "onehot"):
        encoding = Encoding.fit(
            pl.DataFrame({"x": ["a", "b", "b", None]}), ["x"], style=style, categories_max=1
        )
        alone = np.vstack([encoding.transform(frame[i : i + 1]) for i in range(len(values))])
        np.testing.assert_array_equal(encoding.transform(frame), alone)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1, None, 3], dtype=pl.Int8),
        pl.Series([1, None, 3], dtype=pl.UInt64),
        pl.Series([1.0, None, 3.0], dtype=pl.Float32),
        pl.Series([Decimal(1), None, Decimal(3)]),
    ],
)
def test_all_kinds_of_numbers_become_float64(values):
    np.testing.assert_array_equal(code(values, values), [1.0, NAN, 3.0])


def test_booleans_become_zero_and_one():
    np.testing.assert_array_equal(code([True, False], [True, None, False]), [1.0, NAN, 0.0])


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b", "c"])])
def test_categorical_columns_are_coded_by_their_text(dtype):
    assert code(pl.Series(["b", "b", "a"], dtype=dtype), ["a", "b"]) == [1.0, 0.0]
    assert code(["b", "b", "a"], pl.Series(["a", "c"], dtype=dtype)) == [1.0, 2.0]


def test_infinities_are_missing_and_counted():
    frame = pl.DataFrame({"x": [1.0, np.inf, -np.inf, 1e300], "y": [1.0] * 4})
    encoding = fit(frame)
    assert encoding.infinities == (3, 0)
    assert encoding.infinite_counts(frame[:2]) == {"x": 1}
    assert np.isnan(encoding.transform(frame)[:, 0]).tolist() == [False, True, True, True]


@pytest.mark.parametrize("style", ["ordinal", "onehot", "frame"])
@pytest.mark.parametrize(
    "values",
    [
        [None, None],
        [NAN, NAN],
        [np.inf, -np.inf],
        pl.Series([None, None], dtype=pl.String),
    ],
)
def test_a_column_that_is_all_missing_in_training_says_nothing_later(style, values):
    encoding = fit(pl.DataFrame({"x": values}, strict=False), style)
    for served in ([5.0], ["text"], [None]):
        answer = np.asarray(encoding.transform(pl.DataFrame({"x": served})))
        assert answer.ravel().tolist() == [0.0]


@pytest.mark.parametrize("style", ["ordinal", "onehot"])
def test_a_constant_column_works(style):
    answer = fit(pl.DataFrame({"x": [0.1] * 7, "c": ["a"] * 7}), style).transform(
        pl.DataFrame({"x": [0.1, 9.0], "c": ["a", "b"]})
    )
    assert np.isfinite(answer).all()


def test_columns_are_found_by_name_in_any_order():
    encoding = fit(pl.DataFrame({"a": [1, 2], "b": [3, 4]}))
    served = pl.DataFrame({"extra": [0], "b": [7], "a": [6]})
    assert encoding.transform(served).tolist() == [[6.0, 7.0]]


def test_a_missing_column_is_named_with_what_was_found():
    encoding = fit(pl.DataFrame({"a": [1, 2], "b": [3, 4]}))
    with pytest.raises(DataError, match=r"'b' is missing; was: columns a, c;.*\nhint: Add"):
        encoding.transform(pl.DataFrame({"a": [1], "c": [1]}))


def test_numbers_that_turn_into_text_are_read_as_numbers():
    np.testing.assert_array_equal(code([1, 2], ["3", " 4.5 ", "", None]), [3.0, 4.5, NAN, NAN])


def test_text_that_is_no_number_is_named_with_an_example():
    with pytest.raises(DataError, match=r"'x' held numbers.*was: 'tall' \(2 of 3"):
        code([1, 2], ["3", "tall", "wide"])


@pytest.mark.parametrize(
    "values",
    [[date(2024, 1, 1)], [datetime(2024, 1, 1, tzinfo=UTC)], [timedelta(days=1)]],
)
def test_dates_and_times_are_refused_with_a_way_out(values):
    with pytest.raises(DataError, match="Derive numbers from 'x'"):
        fit(pl.DataFrame({"x": values}))
    with pytest.raises(DataError, match="Derive numbers from 'x'"):
        code([1.0], values)
    with pytest.raises(DataError, match="Derive numbers from 'x'"):
        code(["a"], values)


def test_nested_columns_are_refused():
    with pytest.raises(DataError, match=r"'x' cannot be a feature.*type List"):
        fit(pl.DataFrame({"x": [[1, 2]]}))


def test_bad_declarations_are_refused():
    frame = pl.DataFrame({"x": [1]})
    with pytest.raises(ConfigError, match="no feature"):
        Encoding.fit(frame, [], style="ordinal")
    with pytest.raises(ConfigError, match="named twice; was: x"):
        Encoding.fit(frame, ["x", "x"], style="ordinal")
    with pytest.raises(ConfigError, match="style is unknown"):
        Encoding.fit(frame, ["x"], style="label")


def test_onehot_fills_in_the_median_and_says_so_where_training_had_missing_values():
    encoding = fit(pl.DataFrame({"x": [1.0, 2.0, 9.0, None]}), "onehot")
    assert encoding.names == ("x", "x=<missing>")
    missing, median = encoding.transform(pl.DataFrame({"x": [None, 2.0]}))
    assert missing[0] == median[0]
    assert (missing[1], median[1]) == (1.0, 0.0)


def test_onehot_standardises_numbers():
    values = np.random.default_rng(0).normal(50, 9, 500)
    answer = fit(pl.DataFrame({"x": values}), "onehot").transform(pl.DataFrame({"x": values}))
    assert answer.mean() == pytest.approx(0, abs=1e-12)
    assert answer.std() == pytest.approx(1)


def test_onehot_gives_each_level_a_column_and_the_rest_other_and_missing():
    encoding = fit(pl.DataFrame({"x": ["a", "a", "b", "c", None]}), "onehot", categories_max=1)
    assert encoding.names == ("x=a", "x=<other>", "x=<missing>")
    answer = encoding.transform(pl.DataFrame({"x": ["a", "c", "new", None]}))
    assert answer.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_onehot_leaves_the_unseen_all_zero_where_training_had_none():
    encoding = fit(pl.DataFrame({"x": ["a", "b"]}), "onehot")
    assert encoding.transform(pl.DataFrame({"x": ["new", None]})).tolist() == [[0, 0], [0, 0]]


def test_onehot_keeps_50_levels():
    assert len(fit(pl.DataFrame({"x": [f"{i}" for i in range(80)]}), "onehot").names) == 51


def test_onehot_answers_are_finite_for_extreme_numbers():
    encoding = fit(pl.DataFrame({"x": [1.0, 1.0 + 1e-9, 1.0]}), "onehot")
    assert np.isfinite(encoding.transform(pl.DataFrame({"x": [3e38, -3e38, 1e308]}))).all()


def test_frame_style_gives_steady_types():
    encoding = fit(pl.DataFrame({"n": [1, 2], "c": ["a", "b"]}), "frame")
    served = pl.DataFrame({"c": pl.Series(["z", None], dtype=pl.Categorical), "n": ["3", None]})
    answer = encoding.transform(served)
    assert answer.schema == {"n": pl.Float64, "c": pl.String}
    assert answer["c"].to_list() == ["z", None]
    np.testing.assert_array_equal(answer["n"].to_numpy(), [3.0, NAN])


def test_positions_of_categories_are_known():
    frame = pl.DataFrame({"n": [1, 2], "c": ["a", "b"], "d": ["a", "b"]})
    assert fit(frame).categorical == (1, 2)
    assert fit(frame, "onehot").categorical == ()


def test_it_pickles_compactly_and_comes_back_equal(rows):
    for style in ("ordinal", "onehot", "frame"):
        encoding = Encoding.fit(rows.frame, rows.features, style=style)
        data = pickle.dumps(encoding)
        assert pickle.loads(data) == encoding
        assert len(data) < 2000
