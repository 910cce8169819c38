"""The one way a value is written down before it is hashed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np


def plain(value: Any) -> Any:
    """Turn a value into JSON types: dataclasses become objects with their kind, NaN becomes text.

    Callables and classes are written by qualified name, other objects by their `repr`.

    Raises
    ------
    TypeError
        If an object's `repr` holds a memory address, which differs from process to process, or if
        two keys of a mapping are the same as text.

    Examples
    --------
    >>> plain({"shares": (0.01, float("inf")), 1: {"b", "a"}})
    {'shares': [0.01, 'inf'], '1': ['a', 'b']}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_record(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    return _plain_repr(value)


def _plain_float(value: float) -> float | str:
    # -0.0 equals 0.0 and must read like it; adding 0.0 takes the sign off.
    return float(value) + 0.0 if math.isfinite(value) else repr(float(value))


def _plain_record(value: Any) -> dict[str, Any]:
    public = (f.name for f in fields(value) if not f.name.startswith("_"))
    body = {name: plain(getattr(value, name)) for name in public}
    return {"kind": getattr(value, "kind", type(value).__name__), **body}


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    written = {_plain_key(key): plain(item) for key, item in value.items()}
    if len(written) < len(value):
        raise TypeError(
            f"two keys of a mapping are the same as text: {list(value)!r} became {list(written)!r}"
        )
    return written


def _plain_key(key: Any) -> str:
    return key if isinstance(key, str) else _plain_repr(key, str(key))


def _plain_repr(value: Any, text: str | None = None) -> str:
    text = repr(value) if text is None else text
    if _ADDRESS in text:
        raise TypeError(
            f"a {type(value).__module__}.{type(value).__qualname__} cannot be written down: its "
            f"repr holds a memory address, which is another one in each process: {text[:200]}. "
            "Give it get_params() or a __repr__ that says what it is made of."
        )
    return text


_ADDRESS: Final = " at 0x"

_WRITERS: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (float, _plain_float),
    (np.generic, lambda value: plain(value.item())),
    (np.ndarray, lambda value: [plain(item) for item in value.tolist()]),
    (Mapping, _plain_mapping),
    ((set, frozenset), lambda value: sorted(str(plain(item)) for item in value)),
    (bytes, repr),
    (Sequence, lambda value: [plain(item) for item in value]),
)


def canonical_json(value: Any) -> str:
    """Write a value as JSON with sorted keys and no spaces: equal values, equal bytes.

    >>> canonical_json({"b": 1.5, "a": [True, None]})
    '{"a":[true,null],"b":1.5}'
    """
    return json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
