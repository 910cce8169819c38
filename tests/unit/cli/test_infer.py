from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from ostinato.cli.infer import infer, task_of
from ostinato.cli.infer_features import choose_features
from ostinato.core.errors import DataError, InputError

ROWS = 400


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=h) for h in range(ROWS)]
    return pl.DataFrame(
        {
            "ts": times,
            "label_ts": [t + timedelta(hours=3) for t in times],
            "request_id": [f"r{h}" for h in range(ROWS)],
            "label": rng.integers(0, 2, ROWS),
            "x": rng.normal(size=ROWS),
            "shop": rng.choice(["a", "b", "c"], ROWS),
            "post_refund": rng.normal(size=ROWS),
            "constant": [1] * ROWS,
            "note": [f"free text {h}" for h in range(ROWS)],
        }
    )


def test_a_table_with_telling_names_needs_no_help(table):
    found = infer(table)
    assert (found.task, found.time, found.label, found.label_time) == (
        "binary",
        "ts",
        "label",
        "label_ts",
    )
    assert found.features == ("x", "shop")
    assert found.slices == ("shop",)
    assert found.id == "request_id"
    assert found.horizon == "6h"  # labels come after 3 h


def test_every_column_that_is_no_feature_is_told_with_its_reason(table):
    left_out = dict(infer(table).left_out)
    assert set(left_out) == set(table.columns) - {"x", "shop", "ts", "label", "label_ts"}
    assert "afterwards" in left_out["post_refund"]
    assert "unique" in left_out["request_id"]


def test_a_recoding_of_the_label_is_no_feature(table):
    recoded = table.with_columns(
        pl.col("label").replace_strict({0: "no", 1: "yes"}).alias("answer")
    )
    assert "fixes the label" in dict(infer(recoded).left_out)["answer"]


def test_a_column_that_is_missing_where_the_label_is_is_no_feature(table):
    late = table.with_columns(
        pl.when(pl.int_range(ROWS) < 300).then("label").alias("label"),
        pl.when(pl.int_range(ROWS) < 300).then("x").alias("settled"),
    )
    assert "settled" not in infer(late).features


def test_a_continuous_column_that_is_never_equal_stays_a_feature(table):
    assert "x" in choose_features(table, time="ts", label="label", label_time="label_ts").names


def test_the_label_can_be_named(table):
    renamed = table.rename({"label": "late", "label_ts": "landed"})
    with pytest.raises(InputError) as raised:
        infer(renamed)
    assert "late" in str(raised.value)
    assert "--label" in str(raised.value)
    found = infer(renamed, label="late")
    assert (found.label, found.label_time) == ("late", "landed")


def test_two_unnamed_times_are_told_apart_by_their_order(table):
    renamed = table.rename({"ts": "asked", "label_ts": "answered"})
    assert infer(renamed).time == "asked"


def test_times_that_cannot_be_told_apart_are_refused_with_the_flag_to_use(table):
    mixed = (
        table.with_columns(
            pl.when(pl.int_range(ROWS) % 2 == 0)
            .then(pl.col("ts"))
            .otherwise(pl.col("label_ts"))
            .alias("b"),
        )
        .rename({"ts": "a"})
        .drop("label_ts")
        .with_columns(pl.col("a") + pl.duration(hours=1))
    )
    with pytest.raises(InputError, match="--time"):
        infer(mixed)


def test_a_table_without_times_is_refused(table):
    with pytest.raises(InputError, match="time column cannot be inferred"):
        infer(table.drop("ts", "label_ts"))


def test_a_counter_stands_in_for_time(table):
    counted = table.drop("ts", "label_ts").with_row_index("i")
    found = infer(counted)
    assert (found.time, found.label_time, found.horizon) == ("i", None, None)


@pytest.mark.parametrize("flag", ["label", "time"])
def test_a_named_column_must_exist(table, flag):
    with pytest.raises(InputError, match="is not there"):
        infer(table, **{flag: "nowhere"})


def test_the_named_time_must_be_a_time(table):
    with pytest.raises(InputError, match="is no time"):
        infer(table, time="shop")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([True, False, True], "binary"),
        (["up", "down", None], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([0, 1, 2, 3], "multiclass"),
        ([0.5, 1.5, 2.5], "regression"),
        (list(range(100)), "regression"),
    ],
)
def test_the_task_follows_from_the_label(values, task):
    assert task_of(pl.Series("y", values))[0] == task


def test_a_label_of_one_value_is_refused():
    with pytest.raises(DataError, match="cannot be a label"):
        task_of(pl.Series("y", [1, 1, None]))


def test_zoned_and_plain_times_can_stand_beside_each_other(table):
    mixed = table.with_columns(pl.col("ts").dt.replace_time_zone(None))
    assert infer(mixed).label_time == "label_ts"
