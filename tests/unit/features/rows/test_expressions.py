from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import ConfigError, DataError
from ostinato.features import Expr
from ostinato.features.plan import make_plan
from ostinato.features.rows import row_features
from ostinato.features.rows.inputs import kinds_of

REQUESTS = pl.DataFrame(
    {
        "x": [float(i * i % 97) if i % 50 else None for i in range(5_000)],
        "code": ["7" if i != 4_321 else "seven" for i in range(5_000)],
    }
)


def computed(*expressions, requests=REQUESTS):
    plan = make_plan([Expr(f"feature{i}", e) for i, e in enumerate(expressions)])
    computer = row_features(plan, kinds_of(requests, plan.inputs))
    return computer.table(requests, np.zeros(requests.height, dtype=np.int64), check=True)


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("x").mean(),
        pl.col("x") - pl.col("x").mean(),
        pl.col("x").shift(1),
        pl.col("x").rank(),
        pl.col("x").cum_sum(),
        pl.col("x").fill_null(strategy="forward"),
        pl.col("x").mean().over("code"),
        pl.col("x").shuffle(seed=3),
    ],
)
def test_an_expression_that_looks_at_other_rows_is_refused(expression):
    with pytest.raises(ConfigError, match=r"'feature0' depends on other rows than its own"):
        computed(expression)


def test_an_expression_of_the_row_alone_is_good():
    found = computed(pl.col("x").log1p(), pl.max_horizontal("x", pl.lit(3.0)))

    assert found.height == REQUESTS.height
    assert found["feature1"].min() == 3.0


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        (pl.col("x").filter(pl.col("x") > 3), r"'feature0' cannot be computed"),
        (pl.col("code").str.len_chars() + pl.col("code"), r"'feature0'"),
        (pl.lit("2013-01-01").str.to_date() + pl.duration(days=pl.col("x")), r"no model takes"),
        (pl.col("x").dt.hour(), r"'feature0' does not fit the request's columns"),
    ],
)
def test_an_expression_that_cannot_be_computed_is_named(expression, named):
    with pytest.raises((ConfigError, DataError), match=named):
        computed(expression)


def test_a_row_that_an_expression_fails_on_fails_alone():
    plan = make_plan([Expr("number", pl.col("code").cast(pl.Int64)), Expr("x2", pl.col("x") * 2)])
    computer = row_features(plan, {"code": "text", "x": "number"})

    good, bad, other = computer.rows([("7", 1.0), ("seven", 2.0), ("8", 3.0)], [0, 0, 0])

    assert (good, other) == ((7, 2.0), (8, 6.0))
    assert isinstance(bad, DataError)
    assert "'number' cannot be computed" in str(bad)
    assert "seven" in str(bad)
    with pytest.raises(DataError, match=r"'feature0' cannot be computed"):
        computed(pl.col("code").cast(pl.Int64))


def test_a_default_of_another_kind_is_refused():
    plan = make_plan([Expr("large", pl.col("x") > 3, default="no")])

    with pytest.raises(ConfigError, match=r"default of the feature 'large' is of another kind"):
        row_features(plan, {"x": "number"})


def test_a_default_that_is_wider_than_the_values_widens_them():
    plan = make_plan([Expr("count", pl.col("n") + 1, default=0.5)])
    computer = row_features(plan, {"n": "integer"})

    assert computer.rows([(1,), (None,)], [0, 0]) == [(2.0,), (0.5,)]
    assert computer.rows([], []) == []


def test_integers_beyond_64_bits_are_refused_by_name():
    requests = pl.DataFrame({"n": [2**63]}, schema={"n": pl.UInt64})

    with pytest.raises(DataError, match=r"'n' holds integers that have no room in 64 bits"):
        computed(pl.col("n") + 1, requests=requests)


def test_columns_of_times_can_be_read_in_a_table_and_not_from_requests():
    plan = make_plan([Expr("hour", pl.col("at").dt.hour())])
    requests = pl.DataFrame({"at": [0, 3_600_000_000]}, schema={"at": pl.Datetime("us")})
    kinds = kinds_of(requests, plan.inputs)

    found = row_features(plan, kinds, types=requests.schema).table(
        requests, np.zeros(2), check=True
    )

    assert found["hour"].to_list() == [0, 1]
    with pytest.raises(ConfigError, match=r"'hour' reads columns that no request can carry"):
        row_features(plan, kinds)
