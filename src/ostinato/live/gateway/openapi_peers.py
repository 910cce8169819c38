"""The protocols of others, described: Open Inference, MLflow, Prometheus."""

from __future__ import annotations

from typing import Any, Final

from ostinato.live.gateway.csv_rows import MAX_CELLS
from ostinato.live.gateway.exposition import TYPE as METRICS
from ostinato.live.gateway.infer import DATATYPES, OUTPUTS
from ostinato.live.gateway.openapi_parts import (
    TEXT,
    WHOLE,
    Operation,
    Paths,
    Schema,
    content,
    example_row,
    in_path,
    inputs_of,
    listed,
    named,
    operation,
    thing,
)
from ostinato.live.gateway.rows import MAX_ROWS
from ostinato.live.gateway.tensors import DATATYPES as TENSOR_TYPES
from ostinato.live.schema import InputSchema

_CELL: Final[Schema] = {"type": ["number", "string", "boolean", "null"]}
_READY: Final[Schema] = thing({"ready": {"type": "boolean"}})
_REFUSALS: Final = ("400", "404", "408", "413", "415", "503")


def components(schema: InputSchema) -> dict[str, Schema]:
    """Return the schemas of tensors and tables."""
    parameters: Schema = {"type": "object"}
    names = [*schema.input_names, "input", "prediction_id", "time"]
    given = {
        "name": {**TEXT, "enum": list(dict.fromkeys(names))},
        "shape": {**listed({"type": "integer", "minimum": 0}), "maxItems": 2},
        "datatype": {**TEXT, "enum": list(TENSOR_TYPES)},
        "data": listed({"anyOf": [_CELL, listed(_CELL, least=0)]}, least=0),
        "parameters": parameters,
    }
    told = {**given, "name": {**TEXT, "enum": list(OUTPUTS)}}
    asked = thing({"name": told["name"], "parameters": parameters}, optional=("parameters",))
    return {
        "RequestTensor": thing(given, optional=("data", "parameters")),
        "ResponseTensor": thing(told, optional=("data", "parameters")),
        "InferRequest": thing(
            {
                "id": TEXT,
                "parameters": parameters,
                "inputs": listed(named("RequestTensor")),
                "outputs": listed(asked, least=0),
            },
            optional=("id", "parameters", "outputs"),
        ),
        "InferResponse": thing(
            {
                "model_name": TEXT,
                "model_version": TEXT,
                "id": TEXT,
                "outputs": listed(named("ResponseTensor")),
            },
            optional=("model_version", "id"),
        ),
        "Row": inputs_of(schema),
        "Invocation": {"oneOf": list(_forms(schema))},
    }


def _forms(schema: InputSchema) -> tuple[Schema, ...]:
    matrix = listed(listed(_CELL))
    columns = thing({name: listed(_CELL) for name in schema.input_names})
    split = thing({"columns": listed(TEXT), "data": matrix})
    rows = listed(named("Row"))
    return (
        thing({"dataframe_split": split}),
        thing({"dataframe_records": rows}),
        thing({"instances": {"anyOf": [rows, matrix, listed(_CELL)]}}),
        thing({"inputs": {"anyOf": [columns, rows, matrix, listed(_CELL)]}}),
    )


def paths(schema: InputSchema) -> Paths:
    """Return the paths."""
    loop = in_path("loop", (schema.loop,))
    version = in_path("version")
    model, versioned = "/v2/models/{loop}", "/v2/models/{loop}/versions/{version}"
    return {
        "/v2": {"get": operation("Describe the server", "read", content({"type": "object"}))},
        "/v2/health/live": {"get": _probe("Say that the gateway lives", {"type": "object"})},
        "/v2/health/ready": {"get": _probe("Say whether requests are answered", _READY)},
        model: {"get": _model((loop,))},
        versioned: {"get": _model((loop, version))},
        f"{model}/ready": {"get": _probe("Say whether the loop answers", _READY, loop)},
        f"{versioned}/ready": {
            "get": _probe("Say whether a version is in the routes", _READY, loop, version)
        },
        f"{model}/infer": {"post": _infer(schema, (loop,))},
        f"{versioned}/infer": {"post": _refused((loop, version))},
        "/invocations": {"post": _invocations(schema)},
        "/ping": {"get": _probe("Say whether requests are answered", TEXT, kind="text/plain")},
        "/health": {"get": _probe("Say whether requests are answered", TEXT, kind="text/plain")},
        "/version": {
            "get": operation("Tell the version", "read", content(TEXT, kind="text/plain"))
        },
        "/metrics": {"get": operation("Tell Prometheus", "read", content(TEXT, kind=METRICS))},
    }


def _probe(
    summary: str, told: Schema, *parameters: dict[str, Any], kind: str = "application/json"
) -> Operation:
    made = operation(
        summary,
        None,
        content(told, kind=kind),
        refusals=("404",) if parameters else (),
        parameters=parameters,
    )
    made["responses"]["503"] = {"description": "Not now.", "content": content(told, kind=kind)}
    return made


def _model(parameters: tuple[dict[str, Any], ...]) -> Operation:
    tensor = thing({"name": TEXT, "datatype": TEXT, "shape": listed(WHOLE)})
    told = thing(
        {
            "name": TEXT,
            "versions": listed(TEXT, least=0),
            "platform": TEXT,
            "inputs": listed(tensor),
            "outputs": listed(tensor),
        }
    )
    return operation(
        "Describe the loop as a model",
        "read",
        content(told),
        refusals=("404",),
        parameters=parameters,
    )


def _infer(schema: InputSchema, parameters: tuple[dict[str, Any], ...]) -> Operation:
    row = example_row(schema)
    example = {
        "inputs": [
            {
                "name": field.name,
                "shape": [1],
                "datatype": DATATYPES[field.kind],
                "data": [row[field.name]],
            }
            for field in schema.inputs
        ]
    }
    return operation(
        "Predict (Open Inference Protocol)",
        "predict",
        {**content(named("InferResponse")), "application/octet-stream": {}},
        body={**content(named("InferRequest"), example=example), "application/octet-stream": {}},
        refusals=_REFUSALS,
        parameters=parameters,
        details=(
            "One tensor [n] or [n, 1] per input, or one [n, k] called input with all numeric "
            "features in order, beside tensors of the others; prediction_id and time for ids and "
            f"times of the client. At most {MAX_ROWS} rows. Tensors may follow the JSON as bytes."
        ),
    )


def _refused(parameters: tuple[dict[str, Any], ...]) -> Operation:
    return operation(
        "Refuse: the routes choose the version",
        "predict",
        content(named("Error")),
        refusals=("404",),
        parameters=parameters,
        status="400",
    )


def _invocations(schema: InputSchema) -> Operation:
    row = example_row(schema)
    return operation(
        "Predict (MLflow)",
        "predict",
        content(thing({"predictions": listed({})})),
        body={
            **content(named("Invocation"), example={"dataframe_records": [row]}),
            **content(TEXT, kind="text/csv"),
        },
        refusals=_REFUSALS,
        details=(
            "A prediction is the probability of the second class, one probability per class, or "
            "the target. Further columns are ignored; params may hold prediction_id and time. "
            f"At most {MAX_ROWS} rows, {MAX_CELLS} cells of CSV."
        ),
    )
