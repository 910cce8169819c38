from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import ConfigError, DataError
from ostinato.features import Function
from ostinato.features.plan import make_plan
from ostinato.features.rows import row_features


def computer(function, *, known=None, **options):
    plan = make_plan([Function("made", function, inputs=["x", "y"], **options)])
    kinds = {"x": "number", "y": "text"} | ({} if known is None else {"made": known})
    return row_features(plan, kinds)


def column(function, xs, **options):
    requests = pl.DataFrame({"x": xs, "y": ["a"] * len(xs)}, schema_overrides={"x": pl.Float64})
    return computer(function, **options).table(requests, np.zeros(len(xs), dtype=np.int64))["made"]


def test_a_function_that_fails_is_named_with_the_inputs_of_its_row():
    def ratio(x, y):
        return 1 / x

    with pytest.raises(
        DataError, match=r"'made' failed; was: ZeroDivisionError: .* \(x=0.0, y='a'\)"
    ):
        column(ratio, [1.0, 0.0])

    good, bad = computer(ratio).rows([(2.0, "a"), (0.0, "b")], [0, 0])
    assert good == (0.5,)
    assert isinstance(bad, DataError)
    assert "y='b'" in str(bad)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([True, None], pl.Boolean),
        ([True, 3], pl.Int64),
        ([True, 3, 2.5], pl.Float64),
        ([np.float32(1.5), np.int8(3)], pl.Float64),
        ([2**70, 1], pl.Float64),
        (["a", None], pl.String),
        ([None, float("nan")], pl.Float64),
    ],
)
def test_the_kind_holds_all_values_that_a_function_gave(values, dtype):
    found = column(lambda x, y: values[int(x)], [float(i) for i in range(len(values))])

    assert found.dtype == dtype
    missing = [v is None or str(v) == "nan" for v in values]
    assert found.is_null().to_list() == missing
    assert [v for v in found.to_list() if v is not None] == [
        v for v, m in zip(values, missing, strict=True) if not m
    ]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (["a", 1], r"'made' gives values of several kinds; was: text and integer"),
        ([[1], [2]], r"'made' gives what no model takes; was: list \[1\]"),
    ],
)
def test_values_that_no_column_holds_are_refused(values, named):
    with pytest.raises(DataError, match=named):
        column(lambda x, y: values[int(x)], [0.0, 1.0])


def test_a_function_that_gives_another_kind_than_over_history_is_refused_row_by_row():
    made = computer(lambda x, y: y if x else 2.5, known="integer")

    odd, wrong = made.rows([(0.0, "a"), (1.0, "b")], [0, 0])

    assert odd == (2.5,)
    assert isinstance(wrong, DataError)
    assert "text and integer" in str(wrong) or "integer and text" in str(wrong)
    (narrow,) = computer(lambda x, y: 2, known="boolean").rows([(0.0, "a")], [0])
    assert "gives another kind of value than it did over history" in str(narrow)


def test_missing_values_are_none_and_get_the_default():
    seen = []

    found = column(lambda x, y: seen.append(x), [1.0, float("nan"), None], default=7)

    assert seen == [1.0, None, None]
    assert found.to_list() == [7, 7, 7]
    with pytest.raises(ConfigError, match=r"default of the feature 'made'"):
        column(lambda x, y: 1.5, [1.0], default="none")
