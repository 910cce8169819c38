from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.rows import MAX_ROWS, RowReader
from ostinato.live.schema import Field, InputSchema

PLAIN = InputSchema(
    loop="plain",
    task="regression",
    fields=(
        Field("dep_delay", "number"),
        Field("distance", "integer"),
        Field("weekend", "boolean"),
    ),
    features=3,
    unit=None,
    slices=(),
    classes=(),
    first_offset=0,
    start_ns=0,
)


def refused(action, *arguments):
    with pytest.raises(HttpError) as error:
        action(*arguments)
    return error.value


def test_records_and_columns_and_tables_give_the_same_rows(schema, row):
    named, values = row
    reader = RowReader(schema)
    columns = {name: [value] * 2 for name, value in named.items()}

    assert reader.records(json.dumps([named, named]).encode()) == [values, values]
    assert reader.columns(json.dumps(columns).encode()) == [values, values]
    assert reader.table(columns) == [values, values]


def test_numbers_are_floats_whatever_the_client_wrote(schema, row):
    named, _ = row
    rows = RowReader(schema).records(json.dumps([{**named, "dep_delay": 3}]).encode())

    assert type(rows[0][0]) is float


def test_missing_values_are_null_or_nan(schema, row):
    named, _ = row
    empty = dict.fromkeys(named)

    assert RowReader(schema).records(json.dumps([empty]).encode()) == [(None,) * 5]
    nan = json.dumps([{**named, "dep_delay": float("nan")}]).encode()
    assert b"NaN" in nan
    assert RowReader(schema).records(nan)[0][0] is None


def test_infinity_is_refused(schema, row):
    body = json.dumps([{**row[0], "dep_delay": float("inf"), "carrier": "NaN"}]).encode()

    assert refused(RowReader(schema).records, body).status == 400


def test_unknown_fields_are_ignored_whatever_they_hold(schema, row):
    named, values = row
    body = json.dumps([{**named, "further": {"deep": [1, 2, {}]}}]).encode()

    assert RowReader(schema).records(body) == [values]


def test_every_missing_field_is_named_with_its_row(schema, row):
    named, _ = row
    without = {name: named[name] for name in ("dep_delay", "distance", "weekend")}

    error = refused(RowReader(schema).records, json.dumps([named, without]).encode())

    assert error.status == 400
    assert error.what == "Fields are missing in row 1"
    assert error.found == "no carrier, tail num"


def test_misspelt_field_is_answered_with_what_was_meant(schema, row):
    columns = {name: [value] for name, value in row[0].items()}
    columns["carier"] = columns.pop("carrier")

    assert refused(RowReader(schema).table, columns).hint == "Was 'carier' meant?"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dep_delay", "soon"),
        ("dep_delay", True),
        ("distance", 2**63),
        ("distance", 1e300),
        ("distance", True),
        ("weekend", 1),
        ("carrier", 7),
        ("carrier", ["AA"]),
        ("tail num", {}),
    ],
)
def test_value_of_another_type_is_refused_and_named(schema, row, field, value):
    named = {**row[0], field: value}

    assert field in refused(RowReader(schema).records, json.dumps([named]).encode()).found
    error = refused(RowReader(schema).table, {name: [v] for name, v in named.items()})
    assert field in error.what


def test_rows_without_names_are_taken_by_their_place(schema, schema_of, row):
    _, values = row
    assert RowReader(schema).positional([list(values)]) == [values]

    features = schema_of(fields=schema.fields[:4], unit=None)
    assert RowReader(features).positional([list(values[:4])]) == [values[:4]]
    assert "no tail num" in refused(RowReader(schema).positional, [list(values[:4])]).found
    assert refused(RowReader(schema).positional, [[1.0]]).found == "1 values"
    assert "Row 1" in refused(RowReader(features).positional, [list(values[:4]), [1]]).what


def test_fields_of_different_lengths_are_refused(schema, row):
    columns = {name: [value] for name, value in row[0].items()}
    columns["distance"] = [1, 2]

    assert "distance: 2" in refused(RowReader(schema).table, columns).found


def test_no_rows_and_too_many_rows_are_refused(schema, row):
    reader = RowReader(schema)
    columns = {name: [value] * (MAX_ROWS + 1) for name, value in row[0].items()}

    assert refused(reader.records, b"[]").status == 400
    assert refused(reader.table, columns).status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 200_000,
        b'[{"a":' * 100_000,
        b'[{"NaN":' + b"[" * 200_000,
        b'{"NaN": ' + b"1" * 5_000 + b"}",
        b'["NaN", "\\ud800", NaN]',
        b"NaN",
        b'[{"dep_delay": 1e999}]',
        b'{"dep_delay": []}',
        b"\x80\x04K\x07.",
    ],
)
def test_bombs_and_rubbish_are_refused(schema, body):
    assert refused(RowReader(schema).records, body).status == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.binary() | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_body_gives_rows_or_a_refusal(body):
    reader = RowReader(PLAIN)
    for read in (reader.records, reader.columns):
        assert refused(read, body).status == 400


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["dep_delay", "distance", "weekend"]), st.lists(json_values))
)
def test_any_table_gives_typed_rows_or_a_refusal(table):
    reader = RowReader(PLAIN)
    try:
        rows = reader.table(table)
    except HttpError as error:
        body = error.response().body
    else:
        body = msgspec.json.encode(rows)
        assert all(isinstance(row[0], float | None) for row in rows)
    assert msgspec.json.decode(body)
