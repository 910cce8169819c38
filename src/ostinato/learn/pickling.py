"""Pickles that are the same bytes for the same content.

A pickle normally shows more than content: which equal strings were one object in memory, which
depends on what the process did before; in what order a set lies; what the memory held between the
fields of a record. All of it is levelled here.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

import numpy as np

PROTOCOL: Final = 4
"""5 adds buffers outside the pickle, which we do not use and whose writer in Python fails on empty
arrays (3.11)."""


class _Canonical(pickle._Pickler):  # noqa: SLF001 - only the one in Python shows us strings
    """Writes equal strings and types as one, sets in order, and records without their gaps."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=PROTOCOL)
        self._firsts: dict[Any, Any] = {}

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:  # noqa: FBT001, FBT002 - as inherited
        if type(obj) is str or isinstance(obj, np.dtype):
            obj = self._firsts.setdefault((type(obj), obj), obj)
        super().save(obj, save_persistent_id)  # type: ignore[misc]

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) in {set, frozenset}:
            return type(obj), (sorted(obj, key=repr),)
        if type(obj) is not np.ndarray or obj.dtype.names is None:
            return NotImplemented
        # scikit-learn's tree nodes have unused bytes, never written to.
        clean = np.zeros(obj.shape, dtype=obj.dtype)
        for name in obj.dtype.names:
            clean[name] = obj[name]
        return clean.__reduce_ex__(PROTOCOL)


def canonical_pickle(value: Any) -> bytes:
    """Write a value as bytes: equal content, equal bytes.

    It is written, read and written again, because some libraries (LightGBM) keep less of a model
    when it is read back than when it was just trained.
    """
    return _dumps(pickle.loads(_dumps(value)))  # noqa: S301 - our own bytes


def _dumps(value: Any) -> bytes:
    out = io.BytesIO()
    _Canonical(out).dump(value)
    return out.getvalue()
