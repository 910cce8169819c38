"""The plain form of state: any state of the loop as bytes, and back.

State is made of dataclasses whose fields are scalars, text, tuples, lists, dicts and NumPy
arrays. Each dataclass that appears in a snapshot is known by its qualified name inside the
package; nothing is executed when a snapshot is read.
"""

from __future__ import annotations

import base64
import importlib
import json
import math
import re
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import StoreError

_PACKAGE = __name__.split(".", 1)[0]


def encode(state: Any) -> bytes:
    """Write a state as bytes; equal states give equal bytes.

    Equal means equal part by part and in the same order: two dicts that were filled in another
    order are two states here. Fields whose name ends in ``_`` are left out: they hold what is
    handed in again at restore (models, sources).

    Raises
    ------
    TypeError
        If the state holds something that has no plain form and would not come back as it was:
        sets, subclasses of list, tuple, dict and ndarray, arrays of records, arrays of objects
        with more than one dimension.
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
    except _UNREADABLE as error:
        raise StoreError(
            "The snapshot cannot be read",
            found=f"{type(error).__name__}: {error}",
            expected="bytes written by ostinato.core.snapshot.encode of the same release",
            hint="Restore from an earlier snapshot and replay the events after it.",
        ) from error


_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    ArithmeticError,
    RecursionError,
    AssertionError,
    zlib.error,
)
"""What damaged bytes can raise: as text, as JSON, as numbers, as arrays, and in the constructors of
records, which assert their invariants."""


# ---------------------------------------------------------------- writing


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$": "int", "v": str(int(value))}
    if isinstance(value, float):
        return {"$": "f", "v": value.hex()}
    if isinstance(value, np.generic):
        return {"$": "np", "t": _dtype_name(value.dtype), "v": _packed(value.tobytes())}
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _record_to_json(value)
    raise TypeError(f"no plain form for {type(value).__qualname__} in a state")


def _record_to_json(value: Any) -> dict[str, Any]:
    cls = type(value)
    names = [f.name for f in fields(value) if not f.name.endswith("_")]
    kept = {name: _to_json(getattr(value, name)) for name in names}
    return {"$": "dc", "t": f"{cls.__module__}:{cls.__qualname__}", "v": kept}


def _array_to_json(value: NDArray[Any]) -> dict[str, Any]:
    if value.dtype == object:
        if value.ndim != 1:
            raise TypeError(f"no plain form for an array of objects of shape {value.shape}")
        return {"$": "obj", "v": [_to_json(item) for item in value.tolist()]}
    name = _dtype_name(value.dtype)
    plain, data = {"$": "nd", "t": name, "s": list(value.shape)}, value.tobytes()
    if len(data) >= _LARGE:
        return {**plain, "$": "ndz", "v": _packed(zlib.compress(data, level=1))}
    return {**plain, "v": _packed(data)}


_LARGE: Final = 2_048
"""Bytes of an array from which on it is compressed: counts are mostly small numbers, so that the
snapshot is a few times smaller. Fewer: small arrays take time for nothing."""


def _dtype_name(dtype: np.dtype[Any]) -> str:
    if _DTYPE.fullmatch(dtype.str) is None or dtype.subdtype is not None:
        raise TypeError(f"no plain form for an array of {dtype}")
    return dtype.str


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


_DTYPE: Final = re.compile(r"[<>|][biufcmMSU]\d+(\[\d*[A-Za-z]+\])?", re.ASCII)
"""The types of array with a plain form: numbers, times and text; no records, no objects."""

_WRITERS: Final[dict[type, Callable[[Any], Any]]] = {
    np.ndarray: _array_to_json,
    list: lambda value: [_to_json(item) for item in value],
    tuple: lambda value: {"$": "t", "v": [_to_json(item) for item in value]},
    dict: lambda value: {
        "$": "d",
        "v": [[_to_json(key), _to_json(item)] for key, item in value.items()],
    },
}


# ---------------------------------------------------------------- reading


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    read = _READERS.get(value["$"])
    if read is None:
        raise StoreError(
            "The snapshot holds a part of unknown kind",
            found=repr(value["$"]),
            expected=", ".join(_READERS),
            hint="Restore with the release that wrote it.",
        )
    return read(value)


def _scalar_from_json(value: dict[str, Any]) -> Any:
    items = np.frombuffer(base64.b64decode(value["v"]), dtype=_dtype(value["t"]))
    if len(items) != 1:
        raise ValueError(f"{len(items)} values stand for one number")
    return items[0]


def _array_from_json(value: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = _dtype(value["t"]), tuple(value["s"])
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype=dtype)
    return _array_of(base64.b64decode(value["v"]), dtype, shape)


def _large_from_json(value: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = _dtype(value["t"]), tuple(value["s"])
    size = math.prod(shape) * dtype.itemsize
    # No more is unpacked than the shape has room for, whatever the bytes say.
    data = zlib.decompressobj().decompress(base64.b64decode(value["v"]), size + 1)
    return _array_of(data, dtype, shape)


def _array_of(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.frombuffer(data, dtype=dtype).reshape(shape)
    if array.shape != shape:
        raise ValueError(f"the shape {shape} is not the one of the data, {array.shape}")
    return array.copy()


def _objects_from_json(value: dict[str, Any]) -> NDArray[Any]:
    items = np.empty(len(value["v"]), dtype=object)
    for place, item in enumerate(value["v"]):  # one by one: equal lists would become a matrix
        items[place] = _from_json(item)
    return items


def _record_from_json(value: dict[str, Any]) -> Any:
    kept = {name: _from_json(item) for name, item in value["v"].items()}
    return _class(value["t"])(**kept)


def _dtype(name: str) -> np.dtype[Any]:
    if _DTYPE.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no type of array")
    return np.dtype(name)


def _class(path: str) -> type:
    module, _, name = path.partition(":")
    if module.split(".", 1)[0] != _PACKAGE or "__" in module:
        raise StoreError(
            "The snapshot names a class from elsewhere",
            found=path,
            expected=f"a class of {_PACKAGE}",
        )
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not (isinstance(found, type) and is_dataclass(found) and found.__module__ == module):
        raise StoreError("The snapshot names something that is not state", found=path)
    return found


_READERS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "f": lambda value: float.fromhex(value["v"]),
    "int": lambda value: int(value["v"]),
    "np": _scalar_from_json,
    "nd": _array_from_json,
    "ndz": _large_from_json,
    "obj": _objects_from_json,
    "t": lambda value: tuple(_from_json(item) for item in value["v"]),
    "d": lambda value: {_from_json(key): _from_json(item) for key, item in value["v"]},
    "dc": _record_from_json,
}
