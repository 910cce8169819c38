from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.invocations import routes

PATH = "/invocations"
NAMES = ["dep_delay", "distance", "weekend", "carrier", "tail num"]
ROWS = [(2.5, 100, True, "AA", "N1"), (3.0, None, False, "UA", "N2")]


@pytest.fixture
def client(client_of, predictor, schema):
    return client_of(routes(predictor, schema))


@pytest.fixture
def timed(client_of, predictor, schema):
    """A client of a service whose clock follows the events."""
    return client_of(routes(predictor, schema, timed=True))


def frame():
    return pd.DataFrame([list(row) for row in ROWS], columns=NAMES)


def records():
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


FORMS = {
    "split": {"dataframe_split": {"columns": NAMES, "index": [0, 1], "data": ROWS}},
    "records": {"dataframe_records": records()},
    "instances, named": {"instances": records()},
    "instances, by place": {"instances": ROWS},
    "inputs, columns": {"inputs": {n: [row[NAMES.index(n)] for row in ROWS] for n in NAMES}},
    "inputs, by place": {"inputs": ROWS},
    "inputs, records": {"inputs": records()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows(client, predictor, form):
    response = client.post(PATH, json.dumps(FORMS[form]).encode())

    assert (response.status, json.loads(response.body)) == (200, {"predictions": [2.5, 3.0]})
    assert predictor.asked == [(ROWS, None, None)]


def test_frame_as_pandas_writes_it_is_read_back(client, predictor):
    buffer = io.StringIO()
    frame().to_csv(buffer, index=False)
    csv = client.post(PATH, buffer.getvalue().encode(), "text/csv; charset=utf-8")
    split = json.dumps({"dataframe_split": frame().to_dict(orient="split")}).encode()
    assert b"NaN" in split
    assert csv.status == client.post(PATH, split).status == 200

    assert [rows for rows, _, _ in predictor.asked] == [ROWS, ROWS]


def test_order_of_columns_does_not_matter_and_further_ones_are_ignored(client, predictor):
    turned = frame()[NAMES[::-1]].assign(further="x")
    body = {"dataframe_split": json.loads(turned.to_json(orient="split"))}

    assert client.post(PATH, json.dumps(body).encode()).status == 200
    csv = turned.to_csv(index=False).encode()
    assert client.post(PATH, csv, "text/csv").status == 200
    assert [rows for rows, _, _ in predictor.asked] == [ROWS, ROWS]


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "csv", "inputs"])
def test_missing_columns_are_named(client, form):
    without = frame().drop(columns=["carrier", "distance"])
    bodies = {
        "dataframe_split": {"dataframe_split": json.loads(without.to_json(orient="split"))},
        "dataframe_records": {"dataframe_records": json.loads(without.to_json(orient="records"))},
        "inputs": {"inputs": without.to_dict(orient="list")},
    }
    if form == "csv":
        response = client.post(PATH, without.to_csv(index=False).encode(), "text/csv")
    else:
        response = client.post(PATH, json.dumps(bodies[form]).encode())

    told = json.loads(response.body)
    assert response.status == 400
    assert told["found"] == "no distance, carrier"
    assert told["error_code"] == "BAD_REQUEST"
    assert "distance, carrier" in told["message"]


def test_single_feature_may_come_as_a_plain_list(client_of, predictor, schema_of, schema):
    one = schema_of(fields=schema.fields[:1], features=1, unit=None)

    response = client_of(routes(predictor, one)).post(PATH, b'{"instances": [1, 2.5]}')

    assert json.loads(response.body) == {"predictions": [1.0, 2.5]}


def test_classes_are_answered_with_one_probability_each(client_of, predictor_of, schema):
    response = client_of(routes(predictor_of(classes=3), schema)).post(
        PATH, json.dumps(FORMS["split"]).encode()
    )

    assert json.loads(response.body) == {"predictions": [[2.5, 0, 0], [3.0, 0, 0]]}


def test_params_carry_ids_and_times(client, timed, predictor):
    params = {"prediction_id": ["a", 7], "time": [1, "1970-01-01T00:00:01Z"], "top_k": {"x": 1}}
    body = json.dumps({**FORMS["split"], "params": params}).encode()

    assert client.post(PATH, body).status == 400
    assert timed.post(PATH, body).status == 200
    assert predictor.asked == [(ROWS, ["a", 7], [1, 10**9])]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"instances": ROWS, "inputs": ROWS},
        {"columns": NAMES, "data": ROWS},
        {"dataframe_split": {"columns": [*NAMES, NAMES[0]], "data": [[*ROWS[0], 1]]}},
        {"dataframe_split": {"columns": NAMES, "data": [[1]]}},
        {"dataframe_split": {"columns": NAMES}},
        {"dataframe_records": {}},
        {"instances": []},
        {"instances": "a path"},
        {"inputs": "/etc/passwd"},
        {"inputs": 3},
        {"inputs": {"dep_delay": 3}},
        [],
        "x",
    ],
)
def test_body_that_holds_no_rows_is_refused(client, predictor, body):
    assert client.post(PATH, json.dumps(body).encode()).status == 400
    assert predictor.asked == []


HEAD = b"dep_delay,distance,weekend,carrier,tail num\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (HEAD, 400),
        (HEAD + b"1,2,True,AA\n", 400),
        (HEAD + b"soon,2,True,AA,N1\n", 400),
        (HEAD + b"1,2,maybe,AA,N1\n", 400),
        (HEAD + b"inf,2,True,AA,N1\n", 400),
        (HEAD + b"1_0,2,True,AA,N1\n", 400),
        (HEAD + b"1,99999999999999999999,True,AA,N1\n", 400),
        (HEAD + b"1,2,True,\xff,N1\n", 400),
        (HEAD + b'1,2,True,"' + b"x" * 200_000 + b'",N1\n', 400),
        (b"dep_delay," + HEAD + b"1,1,2,True,AA,N1\n", 400),
        (b"," * 1_100_000, 413),
        (HEAD + b"1,2,True,AA,N1\n" * 10_001, 413),
        (b"\x00\r\n\x00", 400),
        (b"\xef\xbb\xbf" + HEAD + b"1,2,True,AA,N1\r\n\r\n", 200),
        (HEAD + b'1e3,+2,0,"A\nA",\n', 200),
    ],
)
def test_csv_is_read_or_refused(client, body, status):
    assert client.post(PATH, body, "text/csv").status == status


def test_empty_cells_are_missing_but_na_is_a_text(client, predictor):
    client.post(PATH, HEAD + b",NaN,None,NA,\n", "text/csv")

    assert predictor.asked[0][0] == [(None, None, None, "NA", None)]


@pytest.mark.parametrize("kind", ["application/x-python-pickle", "application/vnd.apache.parquet"])
def test_other_types_are_refused(client, kind):
    assert client.post(PATH, b"x", kind).status == 415


def test_probes_follow_the_predictor(client, predictor):
    assert [client.get(path).status for path in ("/ping", "/health")] == [200, 200]
    assert client.get("/version").status == 200
    predictor.is_ready = False
    assert [client.get(path).status for path in ("/ping", "/health")] == [503, 503]


def test_errors_of_the_core_keep_their_status(client, predictor):
    predictor.error = HttpError(503, "The log is full")

    response = client.post(PATH, json.dumps(FORMS["split"]).encode())

    assert response.status == 503
    assert json.loads(response.body)["message"] == "The log is full."


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
values = cells | st.lists(cells, max_size=5) | st.lists(st.lists(cells, max_size=5), max_size=3)
names = st.sampled_from([*NAMES, "columns", "data", "x"])
anything = values | st.dictionaries(names, values) | st.lists(st.dictionaries(names, values))
bodies = st.dictionaries(
    st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "params"]),
    anything,
    max_size=2,
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200
)
@given(bodies)
def test_any_json_is_answered_or_refused(client, body):
    response = client.post(PATH, json.dumps(body).encode())

    assert response.status in {200, 400}
    json.loads(response.body)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200
)
@given(st.binary(max_size=60) | st.text('",\n\r 1aN', max_size=40).map(lambda t: HEAD + t.encode()))
def test_any_csv_is_answered_or_refused(client, body):
    assert client.post(PATH, body, "text/csv").status in {200, 400}
