from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError, DataError
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.features.kinds import example_of
from ostinato.features.plan import make_plan
from ostinato.features.reading import read_events, read_sources

TABLE = pl.DataFrame(
    {
        "landed": [30, 10, 20],
        "carrier": ["UA", "AA", None],
        "delay": [1.5, None, 3.0],
        "gate": [7, 8, 9],
        "wet": [True, False, None],
    }
)


def source(data=TABLE, **options):
    return features.Events("landings", time="landed", data=data, **options)


def test_rows_keep_their_order_and_columns_their_values() -> None:
    batch = read_events(source(), ["carrier", "delay", "gate", "wet"])

    assert batch.source == "landings"
    assert batch.times_ns.tolist() == [30 * SECOND_NS, 10 * SECOND_NS, 20 * SECOND_NS]
    assert batch.known_ns.tolist() == batch.times_ns.tolist()
    assert batch.frame.equals(TABLE.drop("landed"))
    assert batch.frame.dtypes == [pl.String, pl.Float64, pl.Int64, pl.Boolean]


@pytest.mark.parametrize("kind", ["parquet", "csv", "delta", "pandas", "arrow", "lazy"])
def test_the_same_events_come_out_of_every_kind_of_table(tmp_path, kind) -> None:
    path = tmp_path / f"landings.{kind}"
    match kind:
        case "parquet":
            TABLE.write_parquet(path)
        case "csv":
            TABLE.write_csv(path)
        case "delta":
            pytest.importorskip("deltalake")
            TABLE.write_delta(path)
    tables = {"pandas": TABLE.to_pandas(), "arrow": TABLE.to_arrow(), "lazy": TABLE.lazy()}

    batch = read_events(source(tables.get(kind, path)), ["carrier", "delay", "gate"])

    assert batch.times_ns.tolist() == [30 * SECOND_NS, 10 * SECOND_NS, 20 * SECOND_NS]
    assert batch.frame.equals(TABLE.select("carrier", "delay", "gate"))


def test_columns_narrow_in_the_data_come_out_as_json_would_carry_them() -> None:
    narrow = TABLE.with_columns(
        pl.col("gate").cast(pl.UInt8),
        pl.col("delay").cast(pl.Decimal(10, 2)),
        pl.col("carrier").cast(pl.Categorical),
    )

    batch = read_events(source(narrow), ["gate", "delay", "carrier"])

    assert batch.frame.equals(TABLE.select("gate", "delay", "carrier"))


def test_events_are_known_when_a_column_says_or_after_a_delay() -> None:
    written = TABLE.with_columns(written=pl.Series([31, 5, 40]))

    said = read_events(source(written, known="written"), ["gate"])
    late = read_events(source(delay="1h"), ["gate"])

    assert said.known_ns.tolist() == [31 * SECOND_NS, 5 * SECOND_NS, 40 * SECOND_NS]
    assert (late.known_ns - late.times_ns).tolist() == [HOUR_NS] * 3


def test_times_are_read_with_their_zone() -> None:
    times = [datetime(2013, 1, 1, 5, tzinfo=UTC)]
    table = pl.DataFrame({"landed": times, "gate": [1]}).with_columns(
        pl.col("landed").dt.convert_time_zone("America/New_York")
    )

    assert read_events(source(table), ["gate"]).times_ns.tolist() == [1357016400 * SECOND_NS]


def test_columns_and_times_come_under_old_and_new_names() -> None:
    old = TABLE.rename({"gate": "stand", "landed": "arrived"})
    renamed = {"stand": "gate", "arrived": "landed"}
    both = pl.DataFrame({"landed": [1, 2], "gate": [None, 5], "stand": [4, 6]})

    assert read_events(source(old, renamed=renamed), ["gate"]).frame["gate"].to_list() == [7, 8, 9]
    assert read_events(source(both, renamed=renamed), ["gate"]).frame["gate"].to_list() == [4, 5]


def test_a_value_stands_for_a_column_that_events_do_not_carry() -> None:
    missing = {"runway": 4, "gate": 0, "wind": None}

    batch = read_events(source(missing=missing), ["runway", "gate", "wind"])

    assert batch.frame["runway"].to_list() == [4, 4, 4]
    assert batch.frame["wind"].null_count() == 3
    assert batch.frame["gate"].to_list() == [7, 8, 9]


def test_a_source_without_data_or_rows_has_no_events() -> None:
    declared = {"delay": "number"}
    nothing = read_events(source(None, columns=declared), ["carrier", "delay"])
    no_rows = read_events(source(TABLE.clear()), ["carrier", "delay"])

    assert len(nothing) == len(no_rows) == 0
    assert nothing.frame.schema == {"carrier": pl.Null, "delay": pl.Float64}
    assert no_rows.frame.columns == ["carrier", "delay"]


def test_a_file_of_nothing_but_column_names_has_no_events(tmp_path) -> None:
    path = tmp_path / "landings.csv"
    path.write_text("landed,carrier,delay\n", encoding="utf-8")
    events = source(path)

    batches = read_sources(make_plan([features.mean(events, "delay", by="carrier", window="1h")]))

    assert len(batches["landings"]) == 0


@pytest.mark.parametrize(
    ("kind", "column", "values"),
    [
        ("number", "gate", [7.0, 8.0, 9.0]),
        ("integer", "whole", [7, None, 9]),
        ("boolean", "wet", [True, False, None]),
        ("text", "carrier", ["UA", "AA", None]),
        ("number", "nothing", [None, None, None]),
    ],
)
def test_a_declared_kind_that_changes_no_value_is_kept(kind, column, values) -> None:
    table = TABLE.with_columns(
        whole=pl.Series([7.0, float("nan"), 9.0]), nothing=pl.lit(None, dtype=pl.String)
    )

    frame = read_events(source(table, columns={column: kind}), [column]).frame

    assert frame[column].to_list() == values


@pytest.mark.parametrize(
    ("kind", "column", "found"),
    [
        ("integer", "delay", "number, for example 1.5"),
        ("number", "carrier", "text, for example 'UA'"),
        ("text", "gate", "integer, for example 7"),
        ("integer", "wet", "boolean, for example True"),
    ],
)
def test_a_column_of_another_kind_than_declared_is_refused(kind, column, found) -> None:
    with pytest.raises(DataError, match=f"{column!r} of the source 'landings' is not") as raised:
        read_events(source(columns={column: kind}), [column])

    assert raised.value.found == found
    assert raised.value.expected == kind


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([datetime(2013, 1, 1, tzinfo=UTC)]),
        pl.Series([[1, 2]]),
        pl.Series([{"a": 1}]),
        pl.Series([b"x"]),
    ],
)
def test_what_json_cannot_carry_is_refused(column) -> None:
    table = pl.DataFrame({"landed": [1], "gate": column})

    with pytest.raises(DataError, match="'gate' of the source 'landings' holds what events cannot"):
        read_events(source(table), ["gate"])


def test_a_whole_number_beyond_64_bits_is_refused() -> None:
    table = pl.DataFrame({"landed": [1], "gate": pl.Series([2**64 - 1], dtype=pl.UInt64)})

    with pytest.raises(DataError, match="'gate' of the source 'landings'"):
        read_events(source(table), ["gate"])


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_events_without_a_time_are_counted_and_one_is_shown(nothing) -> None:
    table = pl.DataFrame({"landed": [1.0, nothing, nothing], "gate": [7, 8, 9]}, strict=False)

    with pytest.raises(DataError, match="2 events of the source 'landings' have no time") as raised:
        read_events(source(table), ["gate"])

    assert "row 1: " in str(raised.value.found)
    assert "gate=8" in str(raised.value.found)


def test_events_that_became_known_at_no_time_are_refused() -> None:
    table = TABLE.with_columns(written=pl.Series([31, None, 40]))

    with pytest.raises(DataError, match=r"1 events .* have no time") as raised:
        read_events(source(table, known="written"), ["gate"])

    assert "'written'" in str(raised.value.found)


def test_times_that_cannot_be_read_name_their_column_and_source() -> None:
    table = pl.DataFrame({"landed": ["2013-01-01", "soon"], "gate": [1, 2]})

    with pytest.raises(DataError, match="column 'landed' of the source 'landings'"):
        read_events(source(table), ["gate"])


@pytest.mark.parametrize(
    ("time", "columns", "message"),
    [
        ("landded", ["gate"], "no time column 'landded'.*\n.*Did you mean 'landed'"),
        ("landed", ["carier"], "no column 'carier'.*\n.*Did you mean 'carrier'"),
        ("landed", ["x"], "no column 'x'"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_nearest(time, columns, message) -> None:
    events = features.Events("landings", time=time, data=TABLE)

    with pytest.raises(DataError, match=message):
        read_events(events, columns)


def test_a_missing_file_is_named_with_its_source(tmp_path) -> None:
    with pytest.raises(DataError, match="'landings' cannot be read: The data file does not exist"):
        read_events(source(tmp_path / "none.parquet"), ["gate"])


def test_a_path_that_is_relative_is_told_with_the_folder_it_was_looked_for_from() -> None:
    with pytest.raises(DataError) as raised:
        read_events(source("none.parquet"), ["gate"])

    assert raised.value.hint == f"It was looked for from {Path.cwd()}."


def test_a_list_in_a_column_is_shown_as_a_list() -> None:
    assert example_of(pl.Series([None, ["a", "b"]])) == "['a', 'b']"


def test_a_file_that_is_no_table_is_named_with_its_source(tmp_path) -> None:
    path = tmp_path / "landings.parquet"
    path.write_bytes(b"no parquet")

    with pytest.raises(DataError, match="'landings' cannot be read: The data file cannot be read"):
        read_events(source(path), ["gate"])


@pytest.mark.parametrize("data", [42, pd.DataFrame({"landed": [1, 2], "gate": [1, "a"]})])
def test_what_is_no_table_is_refused(data) -> None:
    with pytest.raises(DataError, match="The source 'landings' cannot be read"):
        read_events(source(data), ["gate"])


def test_outcomes_have_a_time_a_unit_and_a_value() -> None:
    table = pl.DataFrame({"time": [2, 1], "unit": ["a", "b"], "value": [3, 4]})

    batch = read_events(features.outcomes("revenue", data=table), ["unit", "value"])

    assert batch.source == "outcomes_revenue"
    assert batch.times_ns.tolist() == [2 * SECOND_NS, SECOND_NS]
    assert batch.frame["value"].to_list() == [3.0, 4.0]


def test_all_sources_of_a_plan_are_read_but_the_loops_own() -> None:
    plan = make_plan(
        [
            features.mean(source(), "delay", by="carrier", window="1h"),
            features.mean(features.labels(), "label", by="carrier", window="1h"),
            features.count(source(), by="gate", window="1h"),
        ]
    )

    batches = read_sources(plan)

    assert list(batches) == ["landings"]
    assert batches["landings"].frame.columns == ["carrier", "delay", "gate"]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (
            lambda s: features.mean(s, "carrier", by="gate", window="1h"),
            "'landings_carrier_mean_1h_by_gate' needs numbers in carrier of the source 'landings'",
        ),
        (
            lambda s: features.sum(s, pl.col("carrier") * 2, by="gate", window="1h", name="twice"),
            "'twice' cannot be computed of the source 'landings'",
        ),
        (
            lambda s: features.count(s, by="gate", window="1h", name="n", where=pl.col("delay")),
            "'n' has a where that is not true or false",
        ),
    ],
)
def test_a_feature_that_its_columns_do_not_allow_is_named(declare, message) -> None:
    with pytest.raises(DataError, match=message):
        read_sources(make_plan([declare(source())]))


@pytest.mark.parametrize("value", [b"x", [1], {"a": 1}])
def test_a_value_for_a_missing_column_is_a_number_text_or_truth_value(value) -> None:
    with pytest.raises(ConfigError, match=r"missing=...\) has a value of another kind for 'gate'"):
        source(missing={"gate": value})


def test_a_value_for_a_missing_column_is_of_the_kind_declared() -> None:
    with pytest.raises(ConfigError, match="another kind for 'gate'"):
        source(missing={"gate": "A1"}, columns={"gate": "integer"})
