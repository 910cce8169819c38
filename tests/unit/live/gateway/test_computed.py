"""Features that the service computes: no request carries them, every served row has them."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from ostinato.live.config import ServiceConfig
from ostinato.live.gateway import invocations, openapi, openinference
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.inputs import Inputs
from ostinato.live.gateway.rows import RowReader
from ostinato.live.published import read, write
from ostinato.live.schema import Field, InputSchema

FIELDS = (
    Field("dep_delay", "number"),
    Field("delay_1h", "number", computed=True),
    Field("carrier", "text"),
    Field("late_share", "number", computed=True),
    Field("tail num", "text"),
)
ROW = {"dep_delay": 2.5, "carrier": "AA", "tail num": "N1"}


@pytest.fixture
def computed(schema_of):
    return schema_of(fields=FIELDS, features=4)


@pytest.fixture
def client(computed, predictor, client_of):
    routes = [*openinference.routes(predictor, computed), *invocations.routes(predictor, computed)]
    return client_of(routes)


def test_the_inputs_are_what_is_not_computed_in_order(computed):
    assert computed.input_names == ("dep_delay", "carrier", "tail num")
    assert computed.input_features == 2
    assert computed.names == ("dep_delay", "delay_1h", "carrier", "late_share", "tail num")


def test_a_schema_without_computed_fields_takes_its_fields(schema):
    assert schema.inputs == schema.fields
    assert schema.input_features == schema.features


def test_a_request_carries_the_inputs_alone(computed):
    asked = Inputs(computed, timed=False).read(json.dumps({"inputs": ROW}).encode())

    assert asked.rows == [(2.5, "AA", "N1")]


def test_a_computed_feature_in_a_request_is_refused_and_says_why(computed):
    body = json.dumps({"inputs": ROW | {"delay_1h": 1.0}}).encode()

    with pytest.raises(HttpError) as error:
        Inputs(computed, timed=False).read(body)

    assert error.value.status == 422
    assert error.value.what == "Field 'delay_1h' of inputs is computed by the service"
    assert error.value.expected == "dep_delay, carrier, tail num"
    assert error.value.hint == "Leave it out."


def test_rows_without_names_are_the_inputs_that_are_features_or_all_inputs(computed):
    reader = RowReader(computed)

    assert reader.positional([[2.5, "AA", "N1"]]) == [(2.5, "AA", "N1")]
    with pytest.raises(HttpError) as error:
        reader.positional([[2.5, "AA", "N1", 0.5]])
    assert error.value.expected == "2: dep_delay, carrier"


def test_other_protocols_take_and_describe_the_inputs_alone(client, predictor):
    tensors = [
        {"name": "input", "shape": [1, 1], "datatype": "FP64", "data": [2.5]},
        {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["AA"]},
        {"name": "tail num", "shape": [1], "datatype": "BYTES", "data": ["N1"]},
    ]

    told = client.get("/v2/models/flights")
    inferred = client.post("/v2/models/flights/infer", json.dumps({"inputs": tensors}).encode())
    invoked = client.post("/invocations", json.dumps({"dataframe_records": [ROW]}).encode())
    csv = client.post("/invocations", b"carrier,tail num,dep_delay\nAA,N1,2.5\n", kind="text/csv")

    assert [each["name"] for each in json.loads(told.body)["inputs"]] == list(ROW)
    assert [each.status for each in (inferred, invoked, csv)] == [200, 200, 200]
    assert [rows for rows, _, _ in predictor.asked] == [[(2.5, "AA", "N1")]] * 3


def test_the_description_has_the_inputs_alone(computed):
    document = openapi.document(computed, ServiceConfig(target="", loop="flights"))

    schemas = document["components"]["schemas"]
    assert list(schemas["Inputs"]["properties"]) == list(ROW)
    assert list(schemas["Row"]["properties"]) == list(ROW)
    assert "delay_1h" not in json.dumps(document)


class FakeFeatures:
    """Adds up what was asked before; fails on one row that a test names."""

    def __init__(self):
        self.served, self.logged, self.lost, self.poison = [], [], [], None

    def serve(self, rows, times_ns):
        if any(row[2] == self.poison for row in rows):
            raise HttpError(500, "Feature 'x1' could not be computed", found="it is a test")
        self.served.append((rows, times_ns))
        return [(row[0], 7.0, *row[1:]) for row in rows]

    def logging(self, entries):
        self.logged.extend(entry.key for entry in entries)

    def not_logged(self, entries):
        self.lost.extend(entry.key for entry in entries)


@pytest.fixture
def service(make_service):
    """A service whose second feature is computed."""
    made = make_service()
    schema = read(made.layout.schema, InputSchema)
    fields = [msgspec.structs.replace(f, computed=f.name == "x1") for f in schema.fields]
    write(made.layout.schema, msgspec.structs.replace(schema, fields=tuple(fields)))
    return made


def without(inputs):
    return {name: value for name, value in inputs.items() if name != "x1"}


def test_versions_score_and_the_log_keeps_what_was_served(service, run_gateway, fake_version):
    version, features = fake_version(0.25), FakeFeatures()

    async def scenario(client):
        client.gateway.batcher.features = features
        version.calls.clear()
        return await client.predict(without(service.inputs()))

    status, _ = run_gateway(service, scenario, versions={"v001": version})

    assert status == 200
    inputs = service.inputs()
    assert version.calls == [[(inputs["x0"], 7.0, inputs["n"], inputs["kind"])]]
    ((key, event),) = service.events()
    assert event.rows == [(inputs["x0"], 7.0, inputs["n"], inputs["kind"], inputs["who"])]
    assert features.logged == [key]
    ((rows, times_ns),) = features.served
    assert (len(rows), times_ns) == (1, event.times_ns)


def test_one_row_that_cannot_be_computed_fails_its_request_alone(service, run_gateway):
    features = FakeFeatures()
    features.poison = "poison"

    async def scenario(client):
        client.gateway.batcher.features = features
        good = without(service.inputs())
        bad = good | {"kind": "poison"}
        return await asyncio.gather(*(client.predict(each) for each in (good, bad, good)))

    (first, _), (second, error), (third, _) = run_gateway(service, scenario)

    assert (first, second, third) == (200, 500, 200)
    assert error["what"] == "Feature 'x1' could not be computed"
    assert sum(len(event.ids) for _, event in service.events()) == 2


def test_a_retry_is_told_to_have_been_logged_before(service, run_gateway):
    features = FakeFeatures()

    async def scenario(client):
        client.gateway.batcher.features = features
        good = without(service.inputs())
        first = await client.predict(good, prediction_id=5)
        return first, await client.predict(good, prediction_id=5)

    first, second = run_gateway(service, scenario)

    assert first == second
    assert features.logged == ["p/i5", "p/i5"]
    assert features.lost == ["p/i5"]


def test_a_unit_is_found_in_what_is_asked_and_in_what_is_served(service, run_gateway, fake_version):
    service.publish(epoch=1, champion="v001", canary="v002", canary_share=0.5, shadows=("v003",))
    slow = {name: fake_version(0.5, inline=False) for name in ("v001", "v002", "v003")}

    async def scenario(client):
        client.gateway.batcher.features = FakeFeatures()
        rows = [without(service.inputs(place)) for place in range(40)]
        return await asyncio.gather(*(client.predict(row) for row in [*rows, *rows]))

    answers = run_gateway(service, scenario, versions=slow)

    roles = [body["role"] for _, body in answers]
    assert roles[:40] == roles[40:]
    assert set(roles) == {"champion", "canary"}
