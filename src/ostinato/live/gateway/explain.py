"""Says in plain words why a body does not fit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown
from ostinato.live.schema import InputSchema

EXPECTED: Final = {
    "number": "a number or null",
    "integer": "a whole number of at most 64 bits, or null",
    "boolean": "true, false or null",
    "text": "text or null",
}
"""What a field of each kind takes."""

_WHERE: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_PATH: Final = re.compile(
    r"^\$\.(?P<top>\w+)(?:\[(?P<index>\d+)\])?(?:\.(?P<field>.*))?$", re.DOTALL
)
_NAMED: Final = re.compile(
    r"(?P<how>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL
)
_TYPES: Final = re.compile(r"^Expected `(?P<types>[^`]*)`")


class Misfit:
    """Where a body does not fit: the item (``inputs[3]``), the field in it, what is wrong."""

    __slots__ = ("field", "how", "item", "raw", "top", "what")

    def __init__(self, error: msgspec.ValidationError, body: bytes) -> None:
        found = _WHERE.match(str(error))
        assert found is not None, "the pattern matches every text"
        self.what, path = found["what"], found["path"] or "$"
        place = _PATH.match(path)
        self.top = place["top"] if place else ""
        index = place["index"] if place else None
        self.item = f"{self.top}[{index}]" if index is not None else self.top
        self.field = place["field"] if place else None
        self.how = "wrong"
        if named := _NAMED.search(self.what):
            self.how = "missing" if named["how"].startswith("missing") else "unknown"
            self.field = named["name"]
        self.raw = _raw(body, self.top, index)

    @property
    def found(self) -> str | None:
        """The value found, as text."""
        if self.field is None:
            return _text(self.raw)
        if isinstance(self.raw, Mapping) and self.field in self.raw:
            return _text(self.raw[self.field])
        return None

    @property
    def expected(self) -> str | None:
        """What the decoder wanted, in JSON's words."""
        types = _TYPES.match(self.what)
        return types["types"].replace(" | ", " or ") if types else None

    @property
    def given(self) -> list[str]:
        """The names that were given where the field should be."""
        return list(self.raw) if isinstance(self.raw, Mapping) else []


def refuse(error: msgspec.MsgspecError | UnicodeDecodeError, body: bytes) -> NoReturn:
    """Refuse a body that does not fit.

    Raises
    ------
    HttpError
        400 if it is no JSON, 422 if it is another JSON than expected.
    """
    if not isinstance(error, msgspec.ValidationError):
        raise no_json(error) from error
    misfit = Misfit(error, body)
    name = shown(misfit.field) if misfit.field else None
    what = f"{name!r} of {misfit.item}" if name and misfit.item else name or misfit.item
    said = {"missing": "is missing", "unknown": "is unknown", "wrong": "does not fit"}
    raise HttpError(
        422,
        f"{what} {said[misfit.how]}" if what else "The body does not fit",
        found=misfit.found,
        expected=misfit.expected,
        hint="See /openapi.json for what this path takes.",
    ) from error


def refuse_inputs(
    error: msgspec.MsgspecError | UnicodeDecodeError, body: bytes, schema: InputSchema
) -> NoReturn:
    """Refuse inputs that do not fit: names the field, what was found and expected, and a near name.

    Raises
    ------
    HttpError
        400 or 422, as `refuse`.
    """
    if not isinstance(error, msgspec.ValidationError):
        raise no_json(error) from error
    misfit = Misfit(error, body)
    if misfit.top != "inputs" or misfit.field is None:
        refuse(error, body)
    name, item = shown(misfit.field), misfit.item
    if misfit.how == "unknown":
        computed = any(misfit.field == field.name for field in schema.fields)
        raise HttpError(
            422,
            f"Field {name!r} of {item} is computed by the service"
            if computed
            else f"Field {name!r} of {item} is unknown",
            found=misfit.found,
            expected=", ".join(schema.input_names),
            hint="Leave it out."
            if computed
            else _near(misfit.field, schema.input_names, "Leave it out."),
        ) from error
    kind = {field.name: field.kind for field in schema.inputs}.get(misfit.field)
    if misfit.how == "missing":
        unknown = [key for key in misfit.given if key not in schema.input_names]
        raise HttpError(
            422,
            f"Field {name!r} of {item} is missing",
            expected=EXPECTED.get(kind or ""),
            hint=_near(misfit.field, unknown, "Give null where the value is not known."),
        ) from error
    raise HttpError(
        422,
        f"Field {name!r} of {item} does not fit",
        found=misfit.found or misfit.what,
        expected=EXPECTED.get(kind or "", misfit.expected),
    ) from error


def no_json(error: Exception) -> HttpError:
    """Return the error of a body that is no JSON."""
    return HttpError(
        400,
        "The body is no JSON",
        found=shown(str(error)),
        expected="an object in JSON, UTF-8 (NaN and Infinity are none: give null)",
    )


def _near(name: str, names: Sequence[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return (
        f"{shown(name)!r} and {shown(near[0])!r} are near: misspelled perhaps."
        if near
        else otherwise
    )


def _raw(body: bytes, top: str, index: str | None) -> Any:
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # a number out of range: there is no value to show
    if top:
        raw = raw.get(top) if isinstance(raw, dict) else None
    if index is not None:
        raw = raw[int(index)] if isinstance(raw, list) and int(index) < len(raw) else None
    return raw


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, Mapping | list):
        return {type(None): "null", dict: "an object", list: "an array"}.get(type(value))
    return shown(msgspec.json.encode(value).decode())
