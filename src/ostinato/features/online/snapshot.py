"""The bytes of a store: a head that says what they are, the arrays, and a checksum at the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ostinato.core.errors import StoreError
from ostinato.core.records import Ints

FORMAT: Final = 1
"""Of the bytes, and of what lies in the pool: to be raised when either changes."""

_MAGIC: Final = b"ostinato online features\n"
_CHECKSUM: Final = 32
_HINT: Final = "Delete it: it is made again from the log."


def to_bytes(digest: str, facts: Mapping[str, int], arrays: Mapping[str, Ints]) -> bytes:
    """Write whole numbers and int64 arrays as bytes; equal ones give equal bytes."""
    head = {
        "format": FORMAT,
        "plan": digest,
        "facts": dict(facts),
        "shapes": {name: array.shape for name, array in arrays.items()},
    }
    parts = [_MAGIC, json.dumps(head).encode() + b"\n"]
    parts += [np.ascontiguousarray(array, dtype="<i8").tobytes() for array in arrays.values()]
    body = b"".join(parts)
    return body + _checksum(body)


def from_bytes(digest: str, data: bytes) -> tuple[dict[str, int], dict[str, Ints]]:
    """Read what `to_bytes` wrote for the same plan.

    Raises
    ------
    StoreError
        If the bytes are damaged, cut off, of another release or of another plan.
    """
    body = memoryview(data)[:-_CHECKSUM]
    if not data.startswith(_MAGIC):
        raise _unusable("is none", f"begins with {data[: len(_MAGIC)]!r}", repr(_MAGIC))
    if _checksum(body) != data[-_CHECKSUM:]:
        found = f"{len(data):,} bytes with another checksum"
        raise _unusable("is damaged or cut off", found, "the bytes that were written")
    text, _, _ = data[len(_MAGIC) :].partition(b"\n")
    head = json.loads(text)
    if head["format"] != FORMAT:
        raise _unusable("is of another release", f"format {head['format']}", f"format {FORMAT}")
    if head["plan"] != digest:
        found, expected = f"plan {head['plan'][:12]}", f"plan {digest[:12]}"
        raise _unusable("is of other features", found, expected)
    return head["facts"], _arrays(body[len(_MAGIC) + len(text) + 1 :], head["shapes"])


def _arrays(body: memoryview, shapes: Mapping[str, Any]) -> dict[str, Ints]:
    found: dict[str, Ints] = {}
    begin = 0
    for name, shape in shapes.items():
        end = begin + 8 * int(np.prod(shape))
        words = np.frombuffer(body[begin:end], dtype="<i8").astype(np.int64)
        found[name], begin = words.reshape(shape), end
    return found


def _checksum(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM).digest()


def _unusable(how: str, found: str, expected: str) -> StoreError:
    return StoreError(
        f"The snapshot of the feature store {how}", found=found, expected=expected, hint=_HINT
    )
