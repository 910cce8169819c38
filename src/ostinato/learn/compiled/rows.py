"""From rows of JSON values to the numbers an encoding gives, a few microseconds a batch.

The plain types (float, int or bool for a number, text for a category, None for both) are coded
here. Every other value, such as a number for a category or text for a number, goes through Polars
and the column of the encoding itself, by itself: slower, and the same answer by construction.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Final, TypeVar

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.core.records import Floats
from ostinato.learn.columns import NUMBER_MAX, CategoryColumn, Column, EmptyColumn
from ostinato.learn.compiled.form import Row
from ostinato.learn.encoding import Encoding

MANY_ROWS: Final = 8
"""From here on columns are coded one after the other, not rows. No other effect."""

_Read = TypeVar("_Read", Floats, pl.Series)


class Codes(dict[str | None, float]):
    """The codes of one category column; text that is no key has the code of the unseen.

    A look-up that succeeds costs one step of the interpreter, which is why this is a dictionary.
    """

    __slots__ = ("column", "unseen")

    def __init__(
        self, column: CategoryColumn, codes: Mapping[str | None, float], unseen: float
    ) -> None:
        super().__init__(codes)
        self.column = column
        self.unseen = unseen

    def __missing__(self, value: object) -> float:
        if type(value) is str:
            return self.unseen
        return self.get(category_of(self.column, value), self.unseen)

    def code(self, value: object) -> float:
        """Return the code of any JSON value.

        Raises
        ------
        DataError
            If the value cannot be a category.
        """
        try:
            return self[value]  # type: ignore[index] # keys of other types are what __missing__ is for
        except TypeError:  # lists and objects cannot be looked up
            return self.get(category_of(self.column, value), self.unseen)


def ordinal_codes(column: CategoryColumn) -> Codes:
    """Return the codes of the ordinal style: the position, missing is NaN."""
    codes: dict[str | None, float] = {name: float(i) for i, name in enumerate(column.vocabulary)}
    codes[None] = math.nan
    return Codes(column, codes, float(len(column.vocabulary)))


class Coder:
    """Codes rows; see the module.

    Parameters
    ----------
    encoding
        Says how each column is read.
    codes
        Per category column its codes; default: those of the ordinal style.
    """

    def __init__(self, encoding: Encoding, codes: Mapping[str, Codes] | None = None) -> None:
        self.columns = encoding.columns
        found = codes or {}
        self._categories = [
            (position, found.get(column.name) or ordinal_codes(column))
            for position, column in enumerate(self.columns)
            if isinstance(column, CategoryColumn)
        ]
        self._empty = [i for i, c in enumerate(self.columns) if isinstance(c, EmptyColumn)]
        self._width = len(self.columns)
        packer = struct.Struct(f"{self._width}d")
        self._pack, self._step = packer.pack_into, packer.size

    def matrix(self, rows: Sequence[Row]) -> Floats:
        """Return (n, features) float64; numbers beyond float32 are still there.

        Raises
        ------
        DataError
            If a value cannot be coded, or a row has not one value per feature.
        """
        if len(rows) >= MANY_ROWS and set(map(len, rows)) == {self._width}:
            found = self._many(rows)
            if found is not None:
                return found
        out = np.empty((len(rows), self._width))
        place = 0
        for row in rows:
            self._one(row, out.data, place)
            place += self._step
        return out

    def clean(self, rows: Sequence[Row]) -> Floats:
        """Return `matrix` with numbers beyond float32 missing, as `Encoding.matrix` gives it."""
        codes = self.matrix(rows)
        codes[np.abs(codes) > NUMBER_MAX] = np.nan
        return codes

    def _one(self, row: Row, out: memoryview, place: int) -> None:
        values = list(row)
        try:
            for position, codes in self._categories:
                values[position] = codes[values[position]]  # type: ignore[index]
            for position in self._empty:
                values[position] = 0.0
            try:
                # Refuses None and text, takes float, int and bool, as fast as C can.
                self._pack(out, place, *values)
            except struct.error:
                self._pack(out, place, *[math.nan if v is None else v for v in values])
        except (struct.error, TypeError, IndexError):
            self._pack(out, place, *self._one_by_one(row))

    def _many(self, rows: Sequence[Row]) -> Floats | None:
        # As `_one`, a column at a time; None where a value needs to be looked at by itself.
        flat: list[object] = list(chain.from_iterable(rows))
        width, count = self._width, len(rows)
        packer = struct.Struct(f"{len(flat)}d")
        out = np.empty((count, width))
        try:
            for position, codes in self._categories:
                flat[position::width] = map(codes.__getitem__, flat[position::width])  # type: ignore[arg-type]
            for position in self._empty:
                flat[position::width] = [0.0] * count
            try:
                packer.pack_into(out.data, 0, *flat)
            except struct.error:
                packer.pack_into(out.data, 0, *[math.nan if v is None else v for v in flat])
        except (struct.error, TypeError):
            return None
        return out

    def _one_by_one(self, row: Row) -> list[float]:
        check_width(self.columns, row)
        coded = [number_of(c, value) for c, value in zip(self.columns, row, strict=True)]
        for position, codes in self._categories:
            coded[position] = codes.code(row[position])
        return coded


def check_width(columns: Sequence[Column], row: Row) -> None:
    """Refuse a row that has not one value per feature.

    Raises
    ------
    DataError
        With both numbers.
    """
    if len(row) != len(columns):
        raise DataError(
            "A row has the wrong number of values",
            found=f"{len(row)} values",
            expected=f"{len(columns)}: " + ", ".join(column.name for column in columns),
        )


def number_of(column: Column, value: object) -> float:
    """Return the number a column that is no category gives a value; NaN for a category.

    Raises
    ------
    DataError
        If the value is none.
    """
    if isinstance(column, EmptyColumn):
        return 0.0
    if value is None or isinstance(column, CategoryColumn):
        return math.nan
    if type(value) in {float, int, bool}:
        try:
            return float(value)  # type: ignore[arg-type] # one of the three types
        except OverflowError:  # a whole number beyond float64, hence beyond float32: missing
            return math.nan
    return float(_with_polars(column.name, value, column.code)[0])


def category_of(column: CategoryColumn, value: object) -> str | None:
    """Return the text a category column reads in a value of another type; None: missing.

    Raises
    ------
    DataError
        If the value can be no category.
    """
    text: str | None = _with_polars(column.name, value, column.text)[0]
    return text


def _with_polars(name: str, value: object, read: Callable[[pl.Series], _Read]) -> _Read:
    try:
        series = pl.Series(name, [value])
    except (OverflowError, TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"A value of column {name!r} cannot be read",
            found=f"{type(value).__name__}: {error}",
            expected="a number, text, a boolean or null",
        ) from error
    return read(series)
