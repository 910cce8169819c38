"""Profiles: counts of tables that add up exactly, and how far two tables are apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.snapshot import decode, encode
from ostinato.watch.profile import TABLE, Profile


def table(count, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "temp": rng.normal(20 + shift, 5, count),
            "wind": np.exp(rng.normal(size=count)),
            "floors": rng.poisson(3, count),
            "city": rng.choice(["rome", "oslo", "lima"], count, p=[0.6, 0.3, 0.1]),
        }
    )


@pytest.fixture(scope="module")
def reference():
    return Profile.fit(table(20_000))


def row(compared, column):
    return compared.row(by_predicate=pl.col("column") == column, named=True)


def test_an_unmoved_table_has_not_drifted(reference):
    compared = reference.compare(reference.count(table(5_000, seed=1)))
    assert compared["column"].to_list() == ["temp", "wind", "floors", "city", TABLE]
    assert not compared["drifted"].any()
    assert compared["note"].null_count() == 5


def test_the_verdict_does_not_flip_with_the_number_of_rows(reference):
    for count in (2_000, 200_000):
        small = reference.compare(reference.count(table(count, seed=2, shift=0.25)))
        assert not row(small, "temp")["drifted"]  # a twentieth of a standard deviation
    large = reference.compare(reference.count(table(2_000, seed=3, shift=2.5)))
    assert row(large, "temp")["drifted"]


def test_distances_are_those_of_the_values_up_to_the_cells(reference):
    before, now = table(20_000), table(30_000, seed=5, shift=1.5)
    found = row(reference.compare(reference.count(now)), "temp")
    first, second = before["temp"].to_numpy(), now["temp"].to_numpy()
    exact = stats.ks_2samp(first, second).statistic
    assert found["ks"] <= exact + 1e-12
    assert found["ks"] == pytest.approx(exact, abs=0.01)
    moved = stats.wasserstein_distance(first, second) / first.std()
    assert found["wasserstein"] == pytest.approx(moved, rel=0.03)
    assert 0 < found["wasserstein_low"] < found["wasserstein"]
    shares = [each["floors"].value_counts(normalize=True).sort("floors") for each in (before, now)]
    assert row(reference.compare(reference.count(now)), "floors")["js"] < 0.001
    assert abs(shares[0]["proportion"][0] - shares[1]["proportion"][0]) < 0.01


def test_profiles_of_parts_add_up_to_that_of_the_whole_in_any_order(reference):
    rows = table(10_000, seed=6)
    whole = reference.count(rows)
    parts = [reference.count(rows[at : at + 2_500]) for at in range(0, 10_000, 2_500)]
    straight, back = parts[0], parts[-1]
    for part in parts[1:]:
        straight += part
    for part in parts[-2::-1]:
        back += part
    for merged in (straight, back):
        assert np.array_equal(merged.counted.counts, whole.counted.counts)
        assert np.array_equal(merged.counted.marks, whole.counted.marks)
        assert np.array_equal(merged.counted.marked, whole.counted.marked)
        assert merged.rows == whole.rows == 10_000
    same = [each for each in reference.compare(whole).columns if not each.startswith("repeats")]
    assert reference.compare(straight).select(same).equals(reference.compare(whole).select(same))


def test_missing_new_out_of_range_and_unreadable_shares_come_with_intervals(reference):
    rows = table(1_000, seed=7).with_columns(
        temp=pl.when(pl.arange(0, 1_000) < 100).then(None).otherwise("temp"),
        wind=pl.when(pl.arange(0, 1_000) < 50).then(1e4).otherwise("wind"),
        city=pl.when(pl.arange(0, 1_000) < 20).then(pl.lit("bonn")).otherwise("city"),
        floors=pl.when(pl.arange(0, 1_000) < 30)
        .then(pl.lit("many"))
        .otherwise(pl.col("floors").cast(pl.String)),
    )
    compared = reference.compare(reference.count(rows))
    temp, wind, city, floors = (row(compared, name) for name in ("temp", "wind", "city", "floors"))
    assert temp["missing"] == pytest.approx(0.1)
    assert temp["missing_low"] < 0.1 < temp["missing_high"]
    assert temp["missing_reference"] == 0
    assert wind["out_of_range"] == pytest.approx(0.05)
    assert city["new"] == pytest.approx(0.02)
    assert floors["unreadable"] == pytest.approx(0.03)
    assert floors["note"] == "of type String, in the reference Int64"
    assert wind["new"] is None
    assert city["out_of_range"] is None


def test_frozen_and_constant_columns_and_duplicates_are_told(reference):
    rows = table(500, seed=8).with_columns(wind=pl.lit(2.5), city=pl.lit("oslo"))
    compared = reference.compare(reference.count(pl.concat([rows, rows[:100]])))
    assert row(compared, "wind")["constant"]
    assert row(compared, "wind")["repeats"] == 1
    assert row(compared, "city")["constant"]
    assert not row(compared, "temp")["constant"]
    assert row(compared, "temp")["repeats"] == 0
    whole = row(compared, TABLE)
    assert whole["duplicates"] == pytest.approx(1 / 6)
    assert whole["duplicates_low"] < 1 / 6 < whole["duplicates_high"]


@pytest.mark.parametrize(
    "rows",
    [
        table(0),
        table(1),
        table(10).with_columns(temp=None, city=None),
        pl.DataFrame({"other": [1, 2]}),
        table(10).with_columns(city=pl.Series([[1.0]] * 10), temp=pl.Series([{"a": 1}] * 10)),
        pl.DataFrame({"city": pl.Series([1, "two", None, 3.5], dtype=pl.Object)}),
        pl.DataFrame({"temp": pl.Series(["20.5", "?"])}),
    ],
)
def test_any_current_rows_are_compared_and_what_could_not_be_is_said(reference, rows):
    compared = reference.compare(reference.count(rows))
    assert compared.height == 5
    assert not compared["drifted"].drop_nulls().any() or rows.height > 5
    for each in compared.head(4).iter_rows(named=True):
        if each["ks"] is None and each["kind"] == "number":
            assert each["note"]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([None] * 50, dtype=pl.Null),
        pl.Series([None] * 50, dtype=pl.Float64),
        pl.Series([7.0] * 50),
        pl.Series([float("nan")] * 50),
        pl.Series([f"id {k}" for k in range(50)]),
        pl.Series([[1.0, 2.0]] * 50),
        pl.Series([{"a": 1}] * 50),
        pl.Series([1, "a"] * 25, dtype=pl.Object),
        pl.Series([True, None] * 25),
    ],
)
def test_any_reference_column_can_be_profiled(column):
    frame = pl.DataFrame({"x": column})
    reference = Profile.fit(frame)
    compared = reference.compare(reference.count(frame[:20]))
    assert not compared["drifted"].drop_nulls().any()


def test_pandas_tables_with_mixed_columns_are_read_as_text():
    frame = pd.DataFrame({"x": [1, "a", None, "a"] * 10, "y": np.arange(40.0)})
    reference = Profile.fit(frame)
    found = row(reference.compare(reference.count(frame)), "x")
    assert found["kind"] == "category"
    assert found["missing"] == 0.25


def test_files_are_read(tmp_path):
    path = tmp_path / "rows.parquet"
    table(100).write_parquet(path)
    assert Profile.fit(path).rows == 100


def test_a_profile_can_be_stored(reference):
    again = decode(encode(reference))
    assert np.array_equal(again.counted.counts, reference.counted.counts)
    assert again.compare(reference).equals(reference.compare(again))


def test_what_is_no_profile_or_of_another_reference_is_refused(reference):
    with pytest.raises(ConfigError, match="different cells"):
        reference.compare(Profile.fit(table(100, seed=9)))
    with pytest.raises(ConfigError, match="no profile"):
        reference.compare(table(5))
    with pytest.raises(ConfigError, match="cells"):
        Profile.fit(table(100), cells=1)
    with pytest.raises(DataError, match="empty"):
        Profile.fit(table(0))
    with pytest.raises(DataError, match="no table"):
        reference.count(3)


def test_only_the_columns_asked_for_are_profiled():
    profile = Profile.fit(table(100), columns=["city", "gone"])
    compared = profile.compare(profile)
    assert compared["column"].to_list() == ["city", "gone", TABLE]
    assert row(compared, "gone")["note"] == "the reference has no such column"


def test_values_that_a_small_reference_could_not_have_are_no_drift():
    rng = np.random.default_rng(0)
    before, now = (
        pl.DataFrame({"id": rng.integers(0, 3_000, n).astype(str)}) for n in (3_000, 9_000)
    )
    reference = Profile.fit(before)
    found = row(reference.compare(reference.count(now)), "id")
    assert found["new"] > 0.3
    assert not found["drifted"]
