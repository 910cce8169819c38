"""Read the values of a column, whatever its type, as numbers or as text.

In: a Polars column. Out: blocks of float64, or a column of text. State: none. Times and durations
are microseconds, truth values 0 and 1; vectors give their length and a few fixed projections.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.core.rng import stream

BLOCK: Final = 1 << 14
"""Rows read at once: a few columns of them stay in the processor's cache. Fewer cost more calls."""

PROJECTIONS: Final = 4
"""Fixed random directions along which vectors are watched. More see more; each costs a column."""

Mask = NDArray[np.bool_]

_INTEGERS: Final = (
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64),
    *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
)  # of types that NumPy has; wider ones are read as floats


def is_number(dtype: pl.DataType) -> bool:
    """Say whether values of a type are read as numbers."""
    return dtype.is_numeric() or dtype.is_temporal()


def part_name(column: str, part: int) -> str:
    """Return what a part of a column is called.

    >>> part_name("price", -1), part_name("text", 0), part_name("text", 2)
    ('price', 'text[norm]', 'text[2]')
    """
    if part < 0:
        return column
    return f"{column}[{part or 'norm'}]"


def text_of(column: pl.Series) -> pl.Series:
    """Return values as text; of objects what they print, without None and NaN."""
    if column.dtype == pl.Object:
        texts = [None if each is None or each != each else str(each) for each in column.to_list()]  # noqa: PLR0124 - only NaN differs from itself
        return pl.Series(column.name, texts, dtype=pl.String)
    return column if column.dtype == pl.String else column.cast(pl.String, strict=False)


def width_of(column: pl.Series) -> int | str:
    """Return the length of the vectors of a column, or why they are not measured."""
    inner = getattr(column.dtype, "inner", None)
    if inner is None or not inner.is_numeric():
        return f"values are of type {column.dtype}; only lists of numbers are measured"
    lengths = column.drop_nulls()
    lengths = (lengths.arr if column.dtype.base_type() == pl.Array else lengths.list).len()
    if lengths.n_unique() != 1:
        return "lists are of several lengths"
    return int(lengths[0]) or "lists are empty"


def read_numbers(column: pl.Series, part: int, width: int) -> Iterator[tuple[Floats, Mask | None]]:
    """Yield values in blocks, in order: NaN for missing ones, and which cannot be read (None: all).

    Blocks may be views of the column: read them only.
    """
    if part >= 0:
        yield from _vector_parts(column, part, width)
        return
    lost = None
    if not (column.dtype.is_float() or column.dtype in _INTEGERS):
        column, lost = _as_numbers(column)
    for chunk in column.get_chunks():
        # A chunk without missing values is read where it lies; others are copied block by block.
        whole = None if chunk.null_count() else chunk.to_numpy()
        for start in range(0, len(chunk), BLOCK):
            stop = start + BLOCK
            block = chunk[start:stop].to_numpy() if whole is None else whole[start:stop]
            if block.dtype != np.float64:
                block = block.astype(np.float64)
            if lost is None:
                yield block, None
            else:
                yield block, lost[: len(block)]
                lost = lost[len(block) :]


def _as_numbers(column: pl.Series) -> tuple[pl.Series, Mask | None]:
    """Return a column as numbers, and which values of it are none."""
    dtype = column.dtype
    if dtype.is_temporal():
        return _microseconds(column).to_physical(), None
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return column.cast(pl.Float64), None
    if dtype.is_nested() or dtype == pl.Binary:
        unread = column.is_not_null().to_numpy()
        return pl.Series(column.name, [None] * len(column), dtype=pl.Float64), unread
    texts = text_of(column)
    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False)
    return numbers, (numbers.is_null() & texts.is_not_null()).to_numpy()


def _microseconds(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("us"))
    if column.dtype.base_type() == pl.Datetime:
        return column.cast(pl.Datetime("us", getattr(column.dtype, "time_zone", None)))
    return column.cast(pl.Duration("us")) if column.dtype.base_type() == pl.Duration else column


def directions(width: int) -> Floats:
    """Return the directions (width, PROJECTIONS) along which vectors are watched: of length 1."""
    drawn = stream(0, f"watch/directions/{width}").normal(size=(width, PROJECTIONS))
    unit: Floats = drawn / np.linalg.norm(drawn, axis=0)
    return unit


def _vector_parts(column: pl.Series, part: int, width: int) -> Iterator[tuple[Floats, Mask | None]]:
    along = directions(width)[:, part - 1]
    nested = column.dtype.base_type() in (pl.List, pl.Array)
    for start in range(0, len(column), BLOCK):
        block = column[start : start + BLOCK]
        there = block.is_not_null()
        values = np.full(len(block), np.nan)
        fits = there & (_lengths(block) == width) if nested else there & False
        rows = np.flatnonzero(fits.to_numpy())
        if len(rows):
            flat = block.filter(fits).explode().cast(pl.Float64).to_numpy()
            vectors = flat.reshape(len(rows), width)
            # Summed in NumPy's own order, so that no BLAS thread moves the last digit.
            found = np.sqrt((vectors**2).sum(axis=1)) if not part else (vectors * along).sum(axis=1)
            values[rows] = found
        yield values, (there & ~fits).to_numpy()


def _lengths(block: pl.Series) -> pl.Series:
    counted = block.arr.len() if block.dtype.base_type() == pl.Array else block.list.len()
    return counted.fill_null(0)
