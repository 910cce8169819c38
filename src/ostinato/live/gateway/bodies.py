"""Bodies of requests: their type, and JSON decoded with every failure told as a 400 or 415."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from ostinato.live.gateway.http import HttpError, Request
from ostinato.live.gateway.route import shown

Decoded = TypeVar("Decoded")

FAILURES = (msgspec.MsgspecError, RecursionError, ValueError, OverflowError)
"""What decoding raises: malformed or of another type, nested too deeply, no UTF-8, too large."""


def media_type(request: Request, *, default: str, allowed: tuple[str, ...]) -> str:
    """Return the type of the body, without parameters.

    Raises
    ------
    HttpError
        415 if it is not one of `allowed`, is not UTF-8, or is compressed.
    """
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        raise HttpError(415, "The body is compressed", found=shown(coding), expected="identity")
    kind, *parameters = request.headers.get("content-type", default).lower().split(";")
    if kind.strip() not in allowed:
        raise HttpError(
            415,
            "The body has a type that is not taken here",
            found=shown(kind.strip()),
            expected=" or ".join(allowed),
        )
    _only_utf8(parameters)
    return kind.strip()


def _only_utf8(parameters: list[str]) -> None:
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            raise HttpError(415, "The body is not in UTF-8", found=shown(value), expected="utf-8")


def decode(decoder: msgspec.json.Decoder[Decoded], body: bytes | msgspec.Raw) -> Decoded:
    """Decode JSON.

    ``NaN``, which is no JSON but what many clients write for a missing value, is read as null.

    Raises
    ------
    HttpError
        400 with the place and what was expected there.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        refuse(error)
    except FAILURES as error:
        if b"NaN" not in bytes(body):
            refuse(error)
    try:
        return decoder.decode(msgspec.json.encode(_lenient(bytes(body))))
    except FAILURES as error:
        refuse(error)


def _lenient(body: bytes) -> Any:
    return json.loads(body, parse_constant=_constant)


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError(f"{name} is not a value that JSON has")


def refuse(error: Exception) -> NoReturn:
    """Raise the 400 for a body that could not be decoded."""
    deep = isinstance(error, RecursionError)
    raise HttpError(
        400,
        "The body is not JSON as it is taken here",
        found="it is nested too deeply" if deep else shown(str(error), limit=300),
        expected="JSON as described in /openapi.json",
    ) from error
