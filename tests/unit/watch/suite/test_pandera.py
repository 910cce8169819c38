from __future__ import annotations

import sys

import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import ConfigError

pandera = pytest.importorskip("pandera.polars")


@pytest.fixture(scope="module")
def suite(flights, roles):
    return ost.Suite.infer(flights(), name="flights", **roles)


def test_the_schema_passes_what_the_suite_passes(suite, flights):
    table = flights(seed=1)
    assert suite.check(table).passed
    assert suite.to_pandera().validate(table).equals(table)


@pytest.mark.parametrize(
    "plant",
    [
        lambda t: t.drop("temp"),
        lambda t: t.with_columns(pl.lit(1.0).alias("temp")),
        lambda t: t.with_columns(pl.col("carrier").str.to_lowercase()),
        lambda t: t.with_columns(pl.col("seats").cast(pl.String)),
        lambda t: t.with_columns(pl.lit(1).alias("late")),
        lambda t: pl.concat([t, t]),
        lambda t: t[:10],
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_schema_fails_what_the_suite_fails(suite, flights, plant):
    table = plant(flights())
    failed = suite.check(table).failures
    assert failed
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        suite.to_pandera().validate(table, lazy=True)
    assert all(each.subject in str(caught.value) for each in failed)


def test_the_schema_warns_of_what_the_suite_warns_of(suite, flights):
    table = flights().with_columns(pl.col("temp") + 60.0)
    assert suite.check(table).warnings
    with pytest.warns(pandera.errors.SchemaWarning, match="temp: .* values outside"):
        suite.to_pandera().validate(table)


def test_without_pandera_it_is_said_how_to_get_it(suite, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandera.polars", None)
    with pytest.raises(ConfigError, match=r"ostinato\[pandera\]"):
        suite.to_pandera()
