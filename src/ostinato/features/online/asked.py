"""Requests as hashes of keys, those of texts and integers remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import join_hash
from ostinato.core.records import Ints
from ostinato.features.keys import hash_value

REMEMBERED: Final = 1 << 17
"""Hashes that are remembered; all are forgotten when there are more. Smaller: hashes are computed
more often, a microsecond each; larger: more memory, some 150 bytes each."""


class KeyReader:
    """Hashes the keys of requests.

    Parameters
    ----------
    keys
        The different keys, as places in a row.
    """

    __slots__ = ("_hashes", "_keys", "_known", "_one", "_there")

    def __init__(self, keys: Sequence[tuple[int, ...]]) -> None:
        self._keys = keys
        self._known: dict[str | int, int] = {}
        self._hashes: NDArray[np.uint64] = np.zeros((1, len(keys)), dtype=np.uint64)
        self._there: NDArray[np.bool_] = np.zeros((1, len(keys)), dtype=np.bool_)

    def read(self, rows: Sequence[Sequence[Any]]) -> tuple[Ints, NDArray[np.bool_]]:
        """Return (n, keys) hashes as signed words, and whether no part of the key is missing.

        The arrays of a single row are used again by the next call.
        """
        hashes, there = self._hashes, self._there
        if len(rows) != 1:
            shape = (len(rows), len(self._keys))
            hashes, there = np.zeros(shape, dtype=np.uint64), np.zeros(shape, dtype=np.bool_)
        for place, row in enumerate(rows):
            for key, columns in enumerate(self._keys):
                found = self._hash_of(row, columns)
                there[place, key] = found is not None
                if found is not None:
                    hashes[place, key] = found
        return hashes.view(np.int64), there

    def _hash_of(self, row: Sequence[Any], columns: tuple[int, ...]) -> int | None:
        if len(columns) == 1:
            return self._hash(row[columns[0]])
        parts = [self._hash(row[column]) for column in columns]
        return None if None in parts else join_hash(parts)  # type: ignore[arg-type] # none is None

    def _hash(self, value: Any) -> int | None:
        # Only exact types: True equals 1 and is another key.
        if type(value) is not str and type(value) is not int:
            return hash_value(value)
        found = self._known.get(value)
        if found is None:
            found = hash_value(value)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[value] = found  # type: ignore[assignment] # texts and integers have one
        return found
