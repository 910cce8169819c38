from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.live.schema import Field, InputSchema, SourceSpec, make_schema
from ostinato.loop.label import Label
from ostinato.loop.loop import Loop
from ostinato.replay.history import make_history

START = datetime(2024, 1, 1, tzinfo=UTC)
EVENTS = pl.DataFrame(
    {"landed": [START], "airport": ["JFK"], "delay": [3], "wet": [None], "further": [1]}
)


def make_loop(declared, **options):
    return Loop(
        name="rides",
        task="binary",
        time="asked",
        label=Label("late", delay="1h", horizon="2d"),
        learner=LogisticRegression(),
        features=declared,
        **{"slices": ["city"], "unit": "who", **options},
    )


@pytest.fixture
def table():
    rows = 100
    return pl.DataFrame(
        {
            "asked": [START + timedelta(hours=n) for n in range(rows)],
            "x": [float(n) for n in range(rows)],
            "n": list(range(rows)),
            "city": ["Oslo", "Rome"] * (rows // 2),
            "who": [f"u{n % 7}" for n in range(rows)],
            "late": [n % 2 for n in range(rows)],
        }
    )


def schema_of(table, declared, computed, **options):
    """Make a schema; `computed` are columns that features computed of the history would be."""
    begin_ns = 1_800_000_000_000_000_000
    made = make_history(make_loop(["x"]), table, start=None, end=None, begin_ns=begin_ns)
    loop = make_loop(declared, **options)
    columns = [
        table[each] if isinstance(each, str) else pl.Series(each.name, computed[each.name])
        for each in declared
    ]
    return make_schema(loop, table, replace(made, frame=pl.DataFrame(columns)))


def test_served_rows_have_the_features_in_order_and_then_what_requests_carry_besides(table):
    landings = features.Events("landings", time="landed", data=EVENTS)
    declared = [
        features.mean(landings, "delay", by={"city": "airport"}, window="1h", name="recent"),
        "x",
        features.Expr("big", pl.col("n") > 5),
    ]

    schema = schema_of(table, declared, {"recent": [1.5] * 100, "big": [True] * 100})

    assert schema.fields == (
        Field("recent", "number", computed=True),
        Field("x", "number"),
        Field("big", "boolean", computed=True),
        Field("city", "text"),
        Field("n", "integer"),
        Field("who", "text"),
    )
    assert schema.features == 3
    assert schema.input_names == ("x", "city", "n", "who")
    assert schema.sources == (
        SourceSpec(
            name="landings",
            time="landed",
            columns=(Field("airport", "text"), Field("delay", "integer")),
        ),
    )
    assert msgspec.json.decode(msgspec.json.encode(schema), type=InputSchema) == schema


def test_a_loop_of_plain_columns_has_the_schema_it_always_had(table):
    schema = schema_of(table, ["n", "x"], {})

    assert schema.fields == (
        Field("n", "integer"),
        Field("x", "number"),
        Field("city", "text"),
        Field("who", "text"),
    )
    assert schema.inputs == schema.fields
    assert schema.sources == ()


def test_an_event_carries_what_is_declared_and_what_features_read(table):
    source = features.Events(
        "landings", time="landed", columns={"wet": "boolean"}, renamed={"field": "airport"}
    )
    declared = ["x", features.mean(source, "delay", by={"city": "airport"}, window="1h", name="m")]

    (spec,) = schema_of(table, declared, {"m": [None] * 100}).sources

    assert spec.columns == (
        Field("airport", "text"),  # what it is compared with
        Field("delay", "number"),  # what it is averaged as
        Field("wet", "boolean"),
    )
    assert spec.renamed == {"field": "airport"}


def test_a_column_that_nothing_is_known_of_is_named(table):
    source = features.Events("landings", time="landed")
    declared = [
        "x",
        features.distinct(source, "tail", by={"city": "airport"}, window="1h", name="d"),
    ]

    with pytest.raises(ConfigError, match="Nothing says what the column 'tail'") as error:
        schema_of(table, declared, {"d": [0.0] * 100})

    assert error.value.hint == "Say it: Events('landings', columns={'tail': ...})."


def test_the_loop_s_own_sources_are_not_posted(table):
    declared = [
        "x",
        features.mean(features.labels(), "label", by="city", window="1d", name="late_1d"),
    ]

    schema = schema_of(table, declared, {"late_1d": [None] * 100})

    assert schema.sources == ()
    assert schema.fields[1] == Field("late_1d", "number", computed=True)
