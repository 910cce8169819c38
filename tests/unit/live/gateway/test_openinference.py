from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.openinference import routes
from ostinato.live.schema import Field

INFER = "/v2/models/flights/infer"


@pytest.fixture
def client(client_of, predictor, schema):
    return client_of(routes(predictor, schema))


@pytest.fixture
def timed(client_of, predictor, schema):
    """A client of a service whose clock follows the events."""
    return client_of(routes(predictor, schema, timed=True))


def tensors(**changes):
    plain = {
        "dep_delay": {"datatype": "FP64", "data": [2.5, 3]},
        "distance": {"datatype": "INT64", "data": [100, None]},
        "weekend": {"datatype": "BOOL", "data": [True, False]},
        "carrier": {"datatype": "BYTES", "data": ["AA", "UA"]},
        "tail num": {"datatype": "BYTES", "data": ["N1", "N2"]},
    }
    plain = {**plain, **changes}
    return [
        {"name": name, "shape": [2], **tensor}
        for name, tensor in plain.items()
        if tensor is not None
    ]


ROWS = [(2.5, 100, True, "AA", "N1"), (3.0, None, False, "UA", "N2")]


def body(inputs, **more):
    return json.dumps({"inputs": inputs, **more}).encode()


def outputs(response):
    assert response.status == 200, response.body
    return {each["name"]: each for each in json.loads(response.body)["outputs"]}


def test_health_follows_the_predictor(client, predictor):
    assert client.get("/v2/health/live").status == 200
    assert client.get("/v2/health/ready").status == 200
    assert client.get("/v2/models/flights/ready").status == 200
    predictor.is_ready = False
    assert client.get("/v2/health/live").status == 200
    assert client.get("/v2/health/ready").status == 503
    assert client.get("/v2/models/flights/ready").status == 503


def test_loop_is_described_with_its_fields_and_versions(client, predictor):
    told = json.loads(client.get("/v2/models/flights").body)

    assert told["versions"] == ["v002-b", "v001-a"]
    assert [field["datatype"] for field in told["inputs"]] == [
        "FP64",
        "INT64",
        "BOOL",
        "BYTES",
        "BYTES",
    ]
    assert told["outputs"][0] == {"name": "score", "datatype": "FP64", "shape": [-1]}
    assert client.get("/v2/models/flights/versions/v001-a").status == 200
    assert client.get("/v2/models/flights/versions/v9").status == 404
    assert client.get("/v2/models/trains").status == 404
    predictor.routes = None
    assert json.loads(client.get("/v2/models/flights").body)["versions"] == []


def test_one_tensor_per_field_is_answered_row_by_row(client, predictor):
    response = client.post(INFER, body(tensors(), id="r-1"))

    assert predictor.asked == [(ROWS, None, None)]
    told = json.loads(response.body)
    assert (told["model_name"], told["model_version"], told["id"]) == ("flights", "v002-b", "r-1")
    found = outputs(response)
    assert found["score"] == {"name": "score", "datatype": "FP64", "shape": [2], "data": [2.5, 3.0]}
    assert found["prediction_id"]["data"] == ["g-0", "g-1"]
    assert found["role"]["data"] == ["champion", "champion"]
    assert found["epoch"]["data"] == [3, 3]


def test_columns_may_be_nested_as_their_shape_says(client, predictor):
    column = {"datatype": "FP32", "shape": [2, 1], "data": [[2.5], [3]]}

    assert client.post(INFER, body(tensors(dep_delay=column))).status == 200
    assert predictor.asked[0][0] == ROWS


def test_numeric_features_may_come_as_one_matrix(client, predictor):
    for data in ([2.5, 100, 3, None], [[2.5, 100], [3, None]]):
        matrix = {"name": "input", "shape": [2, 2], "datatype": "FP64", "data": data}
        inputs = [matrix, *tensors(dep_delay=None, distance=None)]
        assert client.post(INFER, body(inputs)).status == 200

    assert [rows for rows, _, _ in predictor.asked] == [ROWS, ROWS]
    assert type(predictor.asked[0][0][0][1]) is int


def test_classes_are_the_second_axis_of_the_score(client_of, predictor_of, schema_of):
    schema = schema_of(task="multiclass", classes=("a", "b", "c"))
    client = client_of(routes(predictor_of(classes=3), schema))

    found = outputs(client.post(INFER, body(tensors())))

    assert found["score"]["shape"] == [2, 3]
    assert found["score"]["data"] == [2.5, 0, 0, 3.0, 0, 0]
    assert json.loads(client.get("/v2/models/flights").body)["outputs"][0]["shape"] == [-1, 3]


def test_only_the_outputs_that_are_asked_for_are_given(client):
    found = outputs(client.post(INFER, body(tensors(), outputs=[{"name": "score"}])))

    assert list(found) == ["score"]
    assert client.post(INFER, body(tensors(), outputs=[{"name": "mood"}])).status == 400


def test_ids_and_times_of_the_client_are_passed_on(client, timed, predictor):
    further = {
        "prediction_id": {"datatype": "INT64", "data": [7, 8]},
        "time": {"datatype": "BYTES", "data": ["1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"]},
    }

    found = outputs(timed.post(INFER, body(tensors(**further))))

    assert client.post(INFER, body(tensors(**further))).status == 400
    assert predictor.asked == [(ROWS, [7, 8], [10**9, 2 * 10**9])]
    assert found["prediction_id"]["data"] == ["7", "8"]


def test_field_called_like_an_id_is_a_field(client_of, predictor, schema_of):
    schema = schema_of(fields=(Field("time", "number"),), features=1, unit=None)
    one = [{"name": "time", "shape": [1], "datatype": "FP64", "data": [4]}]

    assert client_of(routes(predictor, schema)).post(INFER, body(one)).status == 200
    assert predictor.asked == [([(4.0,)], None, None)]


def test_request_id_is_not_taken_for_the_id_of_a_prediction(client, predictor):
    client.post(INFER, body(tensors(), id="1"))
    client.post(INFER, body(tensors(), id="1"))

    assert [ids for _, ids, _ in predictor.asked] == [None, None]


def test_client_cannot_choose_the_version(client):
    response = client.post("/v2/models/flights/versions/v001-a/infer", body(tensors()))

    assert response.status == 400


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        (tensors(carrier=None), "no carrier"),
        (tensors(carier={"datatype": "BYTES", "data": ["AA", "UA"]}), "'carrier'"),
        (tensors(dep_delay={"datatype": "FP64", "data": [1]}), "1 values"),
        (tensors(dep_delay={"datatype": "FP64", "data": [1], "shape": [1]}), "dep_delay: 1"),
        (tensors(dep_delay={"datatype": "BYTES", "data": ["a", "b"]}), "dep_delay"),
        (tensors(dep_delay={"datatype": "FP65", "data": [1, 2]}), "FP65"),
        (tensors(dep_delay={"datatype": "FP64", "data": [1, "x"]}), "$[1]"),
        (tensors(dep_delay={"datatype": "FP64", "data": [[1], [2]]}), "nested"),
        (tensors(dep_delay={"datatype": "FP64", "data": [1, 2], "shape": [2, 1, 1]}), "shape"),
        (tensors(dep_delay={"datatype": "FP64", "data": [], "shape": []}), "shape"),
        (tensors(dep_delay={"datatype": "FP64", "data": [], "shape": [-1]}), "shape"),
        (tensors(dep_delay={"datatype": "FP64"}), "0 values"),
        (tensors(distance={"datatype": "INT64", "data": [1.5, 2]}), "float"),
        (tensors(weekend={"datatype": "INT64", "data": [1, 0]}), "weekend"),
        ([*tensors(), tensors()[0]], "twice"),
        ([], "no dep_delay"),
    ],
)
def test_tensor_that_cannot_be_used_is_named(client, inputs, named):
    response = client.post(INFER, body(inputs))

    assert response.status == 400
    assert named in response.body.decode().replace("\\\\", "")
    assert "\n" not in json.loads(response.body)["what"]


def test_too_many_rows_are_refused_before_they_are_read(client):
    huge = {"datatype": "FP64", "shape": [2**31], "data": []}

    assert client.post(INFER, body(tensors(dep_delay=huge))).status == 413


def test_errors_read_as_clients_of_the_protocol_expect(client, predictor):
    predictor.error = HttpError(503, "The log is full", headers=(("retry-after", "1"),))

    response = client.post(INFER, body(tensors()))

    assert (response.status, response.headers) == (503, (("retry-after", "1"),))
    assert json.loads(response.body)["error"] == "The log is full."


def binary_body(inputs, chunks, **more):
    head = body(inputs, **more)
    headers = {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(head)),
    }
    return head + b"".join(chunks), headers


def binary_tensors(texts=(b"AA", b"UA")):
    text = b"".join(struct.pack("<I", len(each)) + each for each in texts)
    chunks = [
        np.array([2.5, np.nan]).tobytes(),
        np.array([100, 200], dtype="<i8").tobytes(),
        np.array([True, False]).tobytes(),
        text,
    ]
    kinds = {"dep_delay": "FP64", "distance": "INT64", "weekend": "BOOL", "carrier": "BYTES"}
    inputs = [
        {"name": n, "shape": [2], "datatype": d, "parameters": {"binary_data_size": len(chunk)}}
        for (n, d), chunk in zip(kinds.items(), chunks, strict=True)
    ]
    return [*inputs, tensors()[-1]], chunks


def test_tensors_may_be_bytes_behind_the_json(client, predictor):
    content, headers = binary_body(*binary_tensors(), parameters={"binary_data_output": True})

    response = client.send("POST", INFER, content, headers)

    assert predictor.asked[0][0] == [(2.5, 100, True, "AA", "N1"), (None, 200, False, "UA", "N2")]
    assert response.type == "application/octet-stream"
    length = int(dict(response.headers)["inference-header-content-length"])
    told = json.loads(response.body[:length])["outputs"]
    assert sum(each["parameters"]["binary_data_size"] for each in told) == len(
        response.body[length:]
    )
    assert np.frombuffer(response.body[length : length + 16])[0] == 2.5


@pytest.mark.parametrize(
    "change",
    [
        lambda content, length: (content, str(len(content) + 1)),
        lambda content, length: (content, "-1"),
        lambda content, length: (content, "1_0"),
        lambda content, length: (content, "٣"),
        lambda content, length: (content + b"x", str(length)),
        lambda content, length: (content[:-1], str(length)),
        lambda content, length: (content, str(length - 1)),
    ],
)
def test_bytes_that_do_not_fit_are_refused(client, change):
    content, headers = binary_body(*binary_tensors())
    length = int(headers["inference-header-content-length"])
    content, headers["inference-header-content-length"] = change(content, length)

    assert client.send("POST", INFER, content, headers).status == 400


@pytest.mark.parametrize("texts", [(b"\xff", b"a"), (b"AA",), (b"a", b"b", b"c")])
def test_text_in_bytes_that_is_no_text_is_refused(client, texts):
    content, headers = binary_body(*binary_tensors(texts))

    assert client.send("POST", INFER, content, headers).status == 400


def test_text_whose_length_ends_behind_the_tensor_is_refused(client):
    inputs, chunks = binary_tensors()
    chunks[3] = b"\xff\xff\xff\xff" + chunks[3][4:]

    content, headers = binary_body(inputs, chunks)

    assert client.send("POST", INFER, content, headers).status == 400


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("content-type", "text/html"),
        ("content-type", "application/json; charset=latin-1"),
        ("content-encoding", "gzip"),
    ],
)
def test_body_of_another_type_or_coding_is_refused(client, header, value):
    assert client.send("POST", INFER, body(tensors()), {header: value}).status == 415


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
shapes = st.lists(st.integers(-1, 3), max_size=3)
any_tensor = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["dep_delay", "distance", "carrier", "input", "time", ""]),
        "shape": shapes,
        "datatype": st.sampled_from(["FP64", "INT64", "BYTES", "BOOL", "", "FP16"]),
    },
    optional={
        "data": st.lists(scalars | st.lists(scalars, max_size=3), max_size=4) | scalars,
        "parameters": st.none()
        | st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40) | scalars}),
    },
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200
)
@given(
    st.fixed_dictionaries(
        {"inputs": st.lists(any_tensor, max_size=4) | scalars},
        optional={"id": scalars, "outputs": scalars | st.lists(scalars), "parameters": scalars},
    ),
    st.binary(max_size=40),
    st.booleans(),
)
def test_any_request_is_answered_or_refused(client, content, further, binary):
    head = json.dumps(content).encode()
    headers = {"inference-header-content-length": str(len(head))} if binary else {}

    response = client.send("POST", INFER, head + further, headers)

    assert response.status in {200, 400, 413}
    assert response.status == 200 or isinstance(json.loads(response.body)["error"], str)
