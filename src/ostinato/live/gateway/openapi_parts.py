"""Pieces that a description in OpenAPI is put together from.

Source: OpenAPI Specification 3.1.0; JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any, Final

from ostinato.live.gateway.http import JSON
from ostinato.live.gateway.named import MAX_ID_LENGTH
from ostinato.live.gateway.route import Scope
from ostinato.live.schema import Field, InputSchema, Kind

Schema = dict[str, Any]
Operation = dict[str, Any]
Paths = dict[str, dict[str, Operation]]

KINDS: Final[dict[Kind, Schema]] = {
    "number": {"type": ["number", "null"]},
    "integer": {"type": ["integer", "null"], "minimum": -(2**63), "maximum": 2**63 - 1},
    "boolean": {"type": ["boolean", "null"]},
    "text": {"type": ["string", "null"]},
}
"""What JSON may hold for each kind of field; null is a missing value."""

EXAMPLES: Final[dict[Kind, Any]] = {"number": 1.5, "integer": 1, "boolean": True, "text": "a"}
"""A value of each kind."""

ID: Final[Schema] = {
    "anyOf": [
        {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH},
    ],
}
MOMENT: Final[Schema] = {
    "description": "Nanoseconds since 1970, or ISO 8601 (without a zone: UTC).",
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 2**62 - 1},
        {"type": "string", "format": "date-time"},
    ],
}
TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}

ERROR: Final[Schema] = {
    "type": "object",
    "description": "What is wrong, what was found, what was expected, and what to do.",
    "required": ["error", "what", "status"],
    "properties": {
        "error": {"type": "string"},
        "what": {"type": "string"},
        "found": {"type": ["string", "null"]},
        "expected": {"type": ["string", "null"]},
        "hint": {"type": ["string", "null"]},
        "status": {"type": "integer"},
    },
}

_REFUSALS: Final = {
    "400": "The request cannot be read.",
    "401": "No token came with the request, or none that is known.",
    "403": "The token lacks the scope, or the service answers its own machine only.",
    "404": "There is no such loop or version.",
    "408": "The request did not arrive, or was not answered, in time.",
    "413": "The body is too large, or has too many rows.",
    "415": "The body has a type that is not taken here.",
    "422": "The body does not fit: the error names the field.",
    "429": "Too many requests came from this client; see Retry-After.",
    "503": "Nothing can be answered or stored now; see Retry-After.",
    "504": "The engine has not followed in time.",
}


def thing(properties: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object whose properties are required but for some."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def strict(schema: Schema) -> Schema:
    """Return the schema of an object that takes no further properties."""
    return {**schema, "additionalProperties": False}


def listed(items: Schema, *, least: int = 1) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items, "minItems": least}


def named(component: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{component}"}


def content(schema: Schema, *, kind: str = JSON, example: Any = None) -> dict[str, Any]:
    """Return the content of a body of one type."""
    return {kind: {"schema": schema} if example is None else {"schema": schema, "example": example}}


def operation(
    summary: str,
    scope: Scope | None,
    answers: dict[str, Any],
    *,
    body: dict[str, Any] | None = None,
    refusals: tuple[str, ...] = (),
    parameters: tuple[dict[str, Any], ...] = (),
    status: str = "200",
    details: str = "",
) -> Operation:
    """Return an operation.

    Parameters
    ----------
    summary, details
        What it does.
    scope
        What a token must allow; None: no token is asked for.
    answers
        Content of the answer, by type.
    body
        Content of the request, by type.
    refusals
        Statuses with which it refuses, beside those of access.
    parameters
        Of the path and the query.
    status
        Of the answer.
    """
    access = () if scope is None else ("401", "403", "429")
    needs = "Needs no token." if scope is None else f"Needs the scope `{scope}`."
    responses: dict[str, Any] = {status: {"description": "The answer.", "content": answers}}
    for refusal in sorted({*access, *refusals}):
        told = {"description": _REFUSALS[refusal], "content": content(named("Error"))}
        responses.setdefault(refusal, told)
    made: Operation = {
        "summary": summary,
        "description": f"{details} {needs}".strip(),
        "responses": responses,
    }
    if scope is None:
        made["security"] = []
    if parameters:
        made["parameters"] = list(parameters)
    if body is not None:
        made["requestBody"] = {"required": True, "content": body}
    return made


def in_path(name: str, values: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a parameter of the path."""
    schema = {**TEXT, "enum": list(values)} if values else {**TEXT, "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def inputs_of(schema: InputSchema) -> Schema:
    """Return the schema of one row by name."""
    return thing({field.name: KINDS[field.kind] for field in schema.inputs})


def example_row(schema: InputSchema) -> dict[str, Any]:
    """Return a row that the loop takes: values of its slices where it has some."""
    return {field.name: _example(schema, field) for field in schema.inputs}


def _example(schema: InputSchema, field: Field) -> Any:
    known = next((each.values for each in schema.slices if each.name == field.name), ())
    return known[0] if known and field.kind == "text" else EXAMPLES[field.kind]
