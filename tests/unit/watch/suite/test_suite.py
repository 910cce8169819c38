from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import DataError
from ostinato.watch.suite.bounds import BY_CHANCE, above, below


@pytest.fixture(scope="module")
def suite(flights, roles):
    return ost.Suite.infer(flights(), name="flights", **roles)


def states(report) -> dict[tuple[str, str], str]:
    order = {"passed": 0, "unmeasured": 1, "warning": 2, "failed": 3}
    worst: dict[tuple[str, str], str] = {}
    for each in report.findings:
        at = (each.subject, each.test)
        worst[at] = max(worst.get(at, "passed"), each.state, key=order.__getitem__)
    return worst


def wrong(report) -> dict[tuple[str, str], str]:
    return {at: state for at, state in states(report).items() if state != "passed"}


def test_a_table_passes_the_suite_that_was_inferred_from_it(suite, flights):
    report = suite.check(flights())
    assert report.passed
    assert not report.warnings
    assert not report.unmeasured
    assert len(report.findings) > 15


def test_later_rows_of_the_same_world_pass(suite, flights):
    assert wrong(suite.check(flights(seed=1))) == {}


PLANTED = {
    "a column that stopped coming": (
        lambda t: t.with_columns(pl.lit(None, dtype=pl.Float64).alias("temp")),
        ("temp", "missing"),
    ),
    "half of a column missing": (
        lambda t: t.with_columns(pl.when(pl.col("id") % 2 == 0).then(pl.col("temp")).alias("temp")),
        ("temp", "missing"),
    ),
    "numbers that are none": (
        lambda t: t.with_columns(pl.lit(float("nan")).alias("temp")),
        ("temp", "missing"),
    ),
    "a frozen sensor": (lambda t: t.with_columns(pl.lit(21.5).alias("temp")), ("temp", "same")),
    "a stand-in for missing": (
        lambda t: t.with_columns(
            pl.when(pl.col("id") % 5 == 0).then(-999.0).otherwise(pl.col("temp")).alias("temp")
        ),
        ("temp", "far"),
    ),
    "infinite numbers": (
        lambda t: t.with_columns(
            pl.when(pl.col("id") % 5 == 0)
            .then(float("inf"))
            .otherwise(pl.col("temp"))
            .alias("temp")
        ),
        ("temp", "far"),
    ),
    "numbers written as text": (
        lambda t: t.with_columns(pl.col("seats").cast(pl.String)),
        ("seats", "kind"),
    ),
    "a dropped column": (lambda t: t.drop("carrier"), ("carrier", "column")),
    "codes written in another way": (
        lambda t: t.with_columns(pl.col("carrier").str.to_lowercase()),
        ("carrier", "new"),
    ),
    "rows sent twice": (lambda t: pl.concat([t, t]), ("batch", "duplicates")),
    "ids that come again": (lambda t: t.with_columns(pl.col("id") // 2), ("id", "repeated")),
    "labels of one class": (lambda t: t.with_columns(pl.lit(0).alias("late")), ("label", "share")),
    "labels of no class": (
        lambda t: t.with_columns(
            pl.when(pl.col("id") % 4 == 0).then(7).otherwise(pl.col("late")).alias("late")
        ),
        ("label", "new"),
    ),
    "labels before their request": (
        lambda t: t.with_columns((pl.col("asked") - timedelta(hours=1)).alias("landed")),
        ("label", "delay"),
    ),
    "hardly any rows": (lambda t: t[:20], ("batch", "rows")),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_fails_the_expectation_that_is_about_it(suite, flights, fault):
    plant, where = PLANTED[fault]
    report = suite.check(plant(flights(seed=2)))
    assert states(report)[where] == "failed"
    assert {each.subject for each in report.failures} <= {where[0], "batch", "id"}
    assert all(each.advice and each.text for each in report.failures)


@pytest.mark.parametrize(
    ("plant", "where"),
    [
        (lambda t: t.with_columns(pl.col("temp") + 60.0), ("temp", "range")),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("id") % 20 == 0)
                .then(pl.lit("NK"))
                .otherwise(pl.col("carrier"))
                .alias("carrier")
            ),
            ("carrier", "new"),
        ),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("id") % 12 == 0).then(None).otherwise(pl.col("temp")).alias("temp")
            ),
            ("temp", "missing"),
        ),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("id") % 10 > 0).then(1).otherwise(0).alias("late")
            ),
            ("label", "share"),
        ),
    ],
)
def test_a_world_that_changes_is_told_and_goes_on_teaching(suite, flights, plant, where):
    report = suite.check(plant(flights(seed=3)))
    assert report.passed
    assert wrong(report)[where] == "warning"


def test_examples_of_what_is_wrong_are_shown(suite, flights):
    table = flights().with_columns(pl.lit("Spirit Airlines").alias("carrier"))
    found = next(e for e in suite.check(table).failures if e.test == "new")
    assert found.examples == ("Spirit Airlines",)
    assert found.hits == found.rows == table.height
    assert "4,000 of 4,000 (100%) values not in the list" in str(found)


def test_a_clock_and_a_counter_get_no_range():
    rows = 2000
    table = pl.DataFrame({"row": range(rows), "day": [str(i // 50) for i in range(rows)]})
    suite = ost.Suite.infer(table)
    assert suite.columns["row"].range is None
    assert suite.columns["day"].values is None
    assert ("columns.row", "") in suite.notes
    later = pl.DataFrame(
        {"row": range(rows, 2 * rows), "day": [str(i // 50) for i in range(rows, 2 * rows)]}
    )
    assert wrong(suite.check(later)) == {}


def test_what_stays_the_same_for_a_part_of_the_time_may_do_so_later():
    months = pl.DataFrame({"month": [1] * 900 + [2] * 100})
    assert ost.Suite.infer(months).columns["month"].same is None


def test_a_column_that_never_had_a_value_is_expected_to_have_none_or_any():
    suite = ost.Suite.infer(pl.DataFrame({"a": [None] * 100, "b": range(100)}))
    assert wrong(suite.check(pl.DataFrame({"a": [None] * 100, "b": range(100)}))) == {}
    assert wrong(suite.check(pl.DataFrame({"a": [1.5] * 100, "b": range(100)}))) == {}


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"a": [1.0]}),
        pl.DataFrame({"a": [None]}),
        pl.DataFrame({"a": [float("nan"), float("inf")]}),
        pl.DataFrame({"a": [[1.0, 2.0], [3.0, 4.0]]}),
        pl.DataFrame({"a": [{"x": 1}, {"x": 2}]}),
        pl.DataFrame({"a": ["", None]}),
        pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Categorical)}),
        pl.DataFrame({"a": pl.Series([b"1", b"2"])}),
        pl.DataFrame({"a": [timedelta(hours=1), None]}),
        pl.DataFrame({'a."b"\n]': ["x"]}),
        pl.DataFrame({"": [1]}),
        pl.DataFrame({"a": [str(i) for i in range(5000)]}),
    ],
)
def test_odd_tables_give_a_suite_that_can_be_written_read_and_passed(table, tmp_path):
    suite = ost.Suite.infer(table)
    suite.write(tmp_path / "odd.toml")
    again = ost.Suite.read(tmp_path / "odd.toml")
    assert again == suite
    assert again.to_text() == suite.to_text()
    assert wrong(again.check(table)) == {}


def test_no_rows_fail_for_being_few_and_nothing_else_breaks(suite, flights):
    report = suite.check(flights()[:0])
    assert {(e.subject, e.test) for e in report.failures} == {("batch", "rows")}


def test_a_partial_table_is_judged_by_what_it_has(suite, flights):
    report = suite.check(flights().select("temp", "late"), partial=True)
    assert report.passed
    assert {e.subject for e in report.unmeasured} == {"id", "seats", "carrier", "label", "batch"}


def test_numbers_as_labels_have_a_range():
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"x": rng.normal(size=500), "fare": rng.uniform(50.0, 500.0, 500)})
    suite = ost.Suite.infer(table, label="fare")
    assert suite.label is not None
    assert suite.label.range is not None
    assert suite.label.range.low == 0.0  # prices do not turn negative by the room they are given
    report = suite.check(table.with_columns(-pl.col("fare")))
    assert wrong(report) == {("label", "range"): "warning"}


def test_pandas_tables_are_taken_as_well(suite, flights):
    assert suite.check(flights().to_pandas()).passed


def test_a_label_column_that_is_not_there_is_refused(flights):
    with pytest.raises(DataError, match="lacks columns that are named: lateness"):
        ost.Suite.infer(flights(), label="lateness")


def test_the_report_is_a_table_and_an_object(suite, flights):
    report = suite.check(flights().drop("temp"))
    assert report.table.filter(pl.col("state") == "failed")["subject"].to_list() == ["temp"]
    told = report.to_dict()
    assert not told["passed"]
    assert str(report).splitlines()[1] == "failed: temp: is not there"


def test_a_share_at_its_bound_is_rarely_taken_to_be_beyond_it():
    rng = np.random.default_rng(0)
    drawn = rng.binomial(500, 0.05, 20_000)
    assert not any(above(int(hits), 500, 0.05) for hits in drawn)
    assert BY_CHANCE * len(drawn) < 0.05
    assert above(60, 500, 0.05)
    assert above(1, 1_000_000, 0.0)
    assert not above(10, 10, 1.0)
    assert below(0, 1000, 0.05)
    assert not below(0, 1000, 0.0)
