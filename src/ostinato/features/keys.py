"""Keys and values as 64 stable bits: the same for a column of a table and for one value of JSON.

A whole number is the same key whether it came as an integer or as a float, so that a column with
missing values has the keys of one without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.ids import hash_key, hash_keys, hash_unit, join_hash, join_hashes

REMEMBERED: Final = 1 << 17
"""Hashes of texts that are remembered. Fewer: they are computed more often, a microsecond each;
more: more memory, some 200 bytes each."""

_EXACT: Final = 2.0**53  # floats hold every whole number below


def hash_column(column: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Hash the values of a column.

    Returns
    -------
    (ndarray, ndarray)
        (n,) uint64, and (n,) whether the value is there (not null, not NaN).
    """
    if column.dtype.is_float():
        return _hash_floats(column.to_numpy().astype(np.float64))
    there = np.ones(len(column), dtype=np.bool_)
    if column.null_count():
        there = column.is_not_null().to_numpy()
    if column.dtype.is_integer():
        return hash_keys(_filled(column, 0).to_numpy()), there
    if column.dtype == pl.Null or column.is_empty():
        return np.zeros(len(column), dtype=np.uint64), there
    return _hash_texts(_filled(column.cast(pl.String), "")), there


def _filled(column: pl.Series, value: Any) -> pl.Series:
    # Filling costs a turn of Polars' engine, even where nothing is missing.
    return column.fill_null(value) if column.null_count() else column


def _hash_texts(texts: pl.Series) -> NDArray[np.uint64]:
    """Hash each different text once. Polars numbers them, in the order in which they come.

    Its categories are made for this column alone: the common ones are kept for ever.
    """
    categories = pl.Categorical(pl.Categories.random())
    codes = texts.cast(categories).to_physical().to_numpy()
    where = np.empty(int(codes.max()) + 1, dtype=np.int64)
    where[codes] = np.arange(len(codes))
    hashes = [_hash_text(text) for text in texts[where].to_list()]
    found: NDArray[np.uint64] = np.array(hashes, dtype=np.uint64)[codes]
    return found


@lru_cache(maxsize=REMEMBERED)
def _hash_text(text: str) -> int:
    return hash_key(text)


def _hash_floats(numbers: NDArray[np.float64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    there = ~np.isnan(numbers)
    whole = there & (numbers == np.floor(numbers)) & (np.abs(numbers) < _EXACT)
    hashes = hash_keys(np.where(whole, numbers, 0.0).astype(np.int64))
    others = there & ~whole
    if others.any():
        texts: list[str] = pl.Series(numbers[others]).cast(pl.String).to_list()
        hashes[others] = hash_keys(_objects(texts))
    return hashes, there


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    keys = np.empty(len(values), dtype=object)
    keys[:] = values
    return keys


def hash_value(value: Any) -> int | None:
    """Hash one value as `hash_column` does; None where it is missing.

    >>> hash_value(3.0) == hash_value(3) == int(hash_column(pl.Series([3]))[0][0])
    True
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return hash_unit(value)


def key_hashes(
    frame: pl.DataFrame, columns: Sequence[str]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Hash the key of each row of a table, made of one or more columns.

    Returns
    -------
    (ndarray, ndarray)
        (n,) uint64, and (n,) whether no part of the key is missing.
    """
    parts = [hash_column(frame[column]) for column in columns]
    there = np.logical_and.reduce([found for _, found in parts])
    return join_hashes([hashes for hashes, _ in parts]), there


def key_hash(values: Sequence[Any]) -> int | None:
    """Hash one key as `key_hashes` does; None where a part is missing."""
    parts = [hash_value(value) for value in values]
    return None if None in parts else join_hash(parts)  # type: ignore[arg-type] # none is None
