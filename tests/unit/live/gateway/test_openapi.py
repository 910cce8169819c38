from __future__ import annotations

import json
import shutil
import subprocess
from html.parser import HTMLParser

import jsonschema_rs
import pytest

from ostinato.live.config import ServiceConfig
from ostinato.live.gateway import invocations, metrics, openapi, openinference
from ostinato.live.gateway.meters import Meters
from ostinato.live.layout import Layout
from ostinato.live.schema import Field, SliceSpec

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def config(**changes):
    return ServiceConfig(**{"target": "flights.py", "loop": "flights", **changes})


@pytest.fixture
def routes(predictor, schema, tmp_path):
    counted = metrics.Metrics(Meters("flights", 0), Layout(tmp_path), 1, clock=None)
    return [
        *openinference.routes(predictor, schema),
        *invocations.routes(predictor, schema),
        *metrics.routes(counted),
        *openapi.routes(schema, config()),
    ]


def operations(document):
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_described_with_its_scope(routes, schema):
    described = operations(openapi.document(schema, config(open_access=False)))

    for route in routes:
        told = described[route.method, route.path]
        needs = "no token" if route.scope is None else f"`{route.scope}`"
        assert needs in told["description"], route
        assert (told.get("security") == []) == (route.scope is None)


def test_nothing_is_described_but_routes_and_the_loop_s_own_protocol(routes, schema):
    described = operations(openapi.document(schema, config()))
    without = {key for key in described if not key[1].startswith("/loops/{loop}")}

    assert without == {(route.method, route.path) for route in routes}
    assert ("POST", "/loops/{loop}/undo") in described
    assert ("POST", "/loops/{loop}/clock") not in described
    timed = operations(openapi.document(schema, config(clock="events")))
    assert ("POST", "/loops/{loop}/clock") in timed


def test_references_lead_to_schemas_and_schemas_are_sound(schema):
    document = openapi.document(schema, config())
    known = document["components"]["schemas"]
    text = json.dumps(document)

    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in known
    for each in known.values():
        jsonschema_rs.meta.validate({"$schema": DRAFT, **each})


def validator(document, component):
    schema = {"$ref": f"#/components/schemas/{component}", "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


def test_fields_of_this_loop_are_described(schema, row):
    inputs = validator(openapi.document(schema, config()), "Inputs")

    assert inputs.is_valid(row[0])
    assert inputs.is_valid(dict.fromkeys(row[0]))
    assert not inputs.is_valid({**row[0], "further": 1})
    assert not inputs.is_valid({**row[0], "distance": "far"})
    assert not inputs.is_valid({n: v for n, v in row[0].items() if n != "carrier"})


def test_examples_are_taken_by_the_handlers(client_of, routes, schema, predictor):
    document = openapi.document(schema, config())
    client = client_of(routes)
    for path in ("/v2/models/{loop}/infer", "/invocations"):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        sent = json.dumps(body["example"]).encode()
        assert client.post(path.replace("{loop}", "flights"), sent).status == 200
    assert [rows for rows, _, _ in predictor.asked] == [[(1.5, 1, True, "a", "a")]] * 2


def test_examples_of_the_loop_s_protocol_fit_their_schemas(schema_of):
    for changes in ({}, {"task": "multiclass", "classes": ("a", "b", "c")}):
        document = openapi.document(schema_of(**changes), config(clock="events"))
        for operation in operations(document).values():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                if "example" in body:
                    whole = {**body["schema"], "components": document["components"]}
                    jsonschema_rs.Draft202012Validator(whole).validate(body["example"])


def test_example_has_a_value_that_a_slice_knows(schema_of):
    sliced = schema_of(slices=(SliceSpec("carrier", ("AA", "UA")),))
    document = openapi.document(sliced, config())

    told = document["paths"]["/loops/{loop}/predict"]["post"]["requestBody"]
    assert told["content"]["application/json"]["example"]["inputs"]["carrier"] == "AA"


def test_classes_are_described_with_one_score_each(schema_of):
    many = openapi.document(schema_of(task="multiclass", classes=("a", "b", "c")), config())
    answer = {"prediction_id": "x", "score": [0.1, 0.2, 0.7], "label": "c"}
    answer |= {"version": "v1", "role": "champion", "epoch": 1}

    assert validator(many, "Prediction").is_valid(answer)
    assert not validator(many, "Prediction").is_valid({**answer, "score": [0.5, 0.5]})


def test_tokens_are_described_where_they_are_asked_for(schema):
    closed = openapi.document(schema, config(open_access=False))

    assert closed["security"] == [{"token": []}]
    assert closed["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "security" not in openapi.document(schema, config())


class Commands(HTMLParser):
    """Collects the commands of a page, and what it would load."""

    def __init__(self, html):
        super().__init__()
        self.commands, self.loads, self._inside = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._inside = tag == "pre"
        if tag in {"script", "link", "img", "iframe"} or any(n.startswith("on") for n, _ in attrs):
            self.loads.append(tag)

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.commands.append(data)


def page_of(client_of, schema, **changes):
    response = client_of(openapi.routes(schema, config(**changes))).get("/docs")
    assert response.type == "text/html; charset=utf-8"
    assert "default-src 'none'" in dict(response.headers)["content-security-policy"]
    return response.body.decode()


def test_page_names_every_path_and_loads_nothing(client_of, schema):
    html = page_of(client_of, schema, port=8123)
    page = Commands(html)

    assert page.loads == []
    assert all(
        f"<code>{path}</code>" in html for _, path in operations(openapi.document(schema, config()))
    )
    assert len(page.commands) == html.count("<h2>")
    assert any("'http://127.0.0.1:8123/loops/flights/predict'" in c for c in page.commands)
    assert not any("Authorization" in command for command in page.commands)


def test_page_shows_tokens_but_not_for_probes(client_of, schema):
    page = Commands(page_of(client_of, schema, open_access=False))

    assert all(
        ("Bearer" in c) != ("/health" in c or "/ping" in c or "/ready" in c) for c in page.commands
    )


@pytest.mark.skipif(shutil.which("sh") is None, reason="asks a shell how it reads the commands")
def test_commands_survive_the_shell_whatever_fields_are_called(client_of, schema_of):
    nasty = 'it\'s <b>$(x)</b> & "y" `z`'
    schema = schema_of(loop="a b/c", fields=(Field(nasty, "text"),), features=1, unit=None)
    html = page_of(client_of, schema)
    assert "<b>" not in html

    command = next(c for c in Commands(html).commands if c.rstrip("'").endswith("/predict"))
    run = subprocess.run(
        ["sh", "-c", command.replace("curl", "printf '%s\\n'", 1)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = run.stdout.splitlines()
    assert json.loads(lines[lines.index("--data") + 1]) == {"inputs": {nasty: "a"}}
    assert lines[-1].endswith("/loops/a%20b%2Fc/predict")
