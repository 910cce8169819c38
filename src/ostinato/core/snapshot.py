"""The plain form of state: any state of the loop as bytes, and back.

State is made of dataclasses whose fields are scalars, text, tuples, lists, dicts and NumPy
arrays. Each dataclass that appears in a snapshot is known by its qualified name inside the
package; nothing is executed when a snapshot is read.
"""

from __future__ import annotations

import base64
import importlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ostinato.core.errors import StoreError

_PACKAGE = __name__.split(".", 1)[0]


def encode(state: Any) -> bytes:
    """Write a state as bytes; equal states give equal bytes.

    Fields whose name ends in ``_`` are left out: they hold what is handed in again at restore
    (models, sources).

    Raises
    ------
    TypeError
        If the state holds something that has no plain form.
    """
    return json.dumps(_to_json(state), separators=(",", ":")).encode()


def decode(data: bytes) -> Any:
    """Rebuild the state written by `encode`; each part is a fresh object.

    Raises
    ------
    StoreError
        If the bytes are not a snapshot.
    """
    try:
        return _from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise StoreError(
            "The snapshot cannot be read",
            found=f"{type(error).__name__}: {error}",
            expected="bytes written by ostinato.core.snapshot.encode of the same release",
            hint="Restore from an earlier snapshot and replay the events after it.",
        ) from error


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$": "int", "v": str(value)}
    if isinstance(value, float):
        return {"$": "f", "v": value.hex()}
    if isinstance(value, np.generic):
        return {"$": "np", "t": value.dtype.str, "v": base64.b64encode(value.tobytes()).decode()}
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return {"$": "obj", "v": [_to_json(item) for item in value.tolist()]}
        packed = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {"$": "nd", "t": value.dtype.str, "s": list(value.shape), "v": packed}
    if is_dataclass(value) and not isinstance(value, type):
        cls = type(value)
        kept = {
            f.name: _to_json(getattr(value, f.name)) for f in fields(value) if not f.name.endswith("_")
        }
        return {"$": "dc", "t": f"{cls.__module__}:{cls.__qualname__}", "v": kept}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, tuple):
        return {"$": "t", "v": [_to_json(item) for item in value]}
    if isinstance(value, dict):
        return {"$": "d", "v": [[_to_json(key), _to_json(item)] for key, item in value.items()]}
    raise TypeError(f"no plain form for {type(value).__qualname__} in a state")


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind, body = value["$"], value["v"]
    if kind == "f":
        return float.fromhex(body)
    if kind == "int":
        return int(body)
    if kind == "np":
        return np.frombuffer(base64.b64decode(body), dtype=np.dtype(value["t"]))[0]
    if kind == "nd":
        flat = np.frombuffer(base64.b64decode(body), dtype=np.dtype(value["t"]))
        return flat.reshape(value["s"]).copy()
    if kind == "obj":
        items = np.empty(len(body), dtype=object)
        items[:] = [_from_json(item) for item in body]
        return items
    if kind == "t":
        return tuple(_from_json(item) for item in body)
    if kind == "d":
        return {_from_json(key): _from_json(item) for key, item in body}
    return _class(value["t"])(**{name: _from_json(item) for name, item in body.items()})


def _class(path: str) -> type:
    module, _, name = path.partition(":")
    if module.split(".", 1)[0] != _PACKAGE:
        raise StoreError("The snapshot names a class from elsewhere", found=path, expected=f"a class of {_PACKAGE}")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not is_dataclass(found):
        raise StoreError("The snapshot names something that is not state", found=path)
    return found
