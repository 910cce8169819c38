"""One feature column: what is remembered of it at training, and how any later value is coded.

Coding is row by row: the code of a value depends on what was remembered at training and on the
value alone, never on the rows beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.core.records import Floats

NUMBER_MAX: Final = float(np.finfo(np.float32).max)
"""Beyond this a number is missing. Larger: estimators that work in float32 refuse the batch."""


SHORT_ROWS: Final = 256
"""Up to here a look-up row by row is faster than a call of Polars per column. No other effect."""


@dataclass(frozen=True, slots=True)
class EmptyColumn:
    """A column without one usable value at training: it says nothing, whatever comes later.

    Coded as zeros, because some estimators do not train on a column that is missing throughout.
    """

    name: str

    def code(self, values: pl.Series) -> Floats:
        """Return (n,) zeros."""
        return np.zeros(len(values))


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of numbers or booleans."""

    name: str

    def code(self, values: pl.Series) -> Floats:
        """Return (n,) float64; null, NaN and blank text are NaN, infinities stay.

        Raises
        ------
        DataError
            If text does not read as a number, or the type cannot be a number.
        """
        dtype = values.dtype
        if dtype == pl.Float64 or dtype.is_numeric() or dtype == pl.Boolean:
            numbers = values if dtype == pl.Float64 else values.cast(pl.Float64)
            return numbers.to_numpy()
        if dtype == pl.Null:
            return np.full(len(values), np.nan)
        if _is_text(dtype):
            return self._parse(values.cast(pl.String).str.strip_chars())
        raise _wrong_type(values, "numbers, as in training")

    def _parse(self, text: pl.Series) -> Floats:
        numbers = text.cast(pl.Float64, strict=False)
        refused = text.filter(numbers.is_null() & text.is_not_null() & (text != ""))
        if len(refused):
            raise DataError(
                f"Column {self.name!r} held numbers in training and holds text now",
                found=f"{refused[0]!r} ({len(refused)} of {len(text)} values are not numbers)",
                expected="numbers, or text that reads as numbers",
                hint=f"Make {self.name!r} numeric before it is served, or train on it as text.",
            )
        return numbers.to_numpy()


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A column of categories.

    Parameters
    ----------
    name
        The column.
    vocabulary
        Categories kept, most frequent at training first; the code is the position.
    rare
        Whether training had more categories than were kept; they share the code
        ``len(vocabulary)`` with the categories first seen when serving.
    missing
        Whether training had missing values.
    """

    name: str
    vocabulary: tuple[str, ...]
    rare: bool
    missing: bool

    def code(self, values: pl.Series) -> Floats:
        """Return (n,) float64 codes 0..len(vocabulary); missing is NaN.

        Raises
        ------
        DataError
            If the type can be neither text nor a number.
        """
        text = self.text(values)
        other = float(len(self.vocabulary))
        if len(text) <= SHORT_ROWS:
            code = _lookup(self.vocabulary).get
            return np.array([code(value, other) for value in text.to_list()], dtype=np.float64)
        known = text.cast(_enum(self.vocabulary), strict=False)
        codes: Floats = known.cat.physical().cast(pl.Float64).to_numpy()
        if np.count_nonzero(np.isnan(codes)) > text.null_count():
            unseen = np.isnan(codes) & text.is_not_null().to_numpy()
            codes = np.where(unseen, other, codes)
        return codes

    def text(self, values: pl.Series) -> pl.Series:
        """Return the values as text, missing as null."""
        dtype = values.dtype
        if dtype == pl.String:
            return values
        if _is_text(dtype) or dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
            return values.cast(pl.String)
        raise _wrong_type(values, "categories as text, as in training")


Column = EmptyColumn | NumberColumn | CategoryColumn


def fit_column(values: pl.Series, *, categories_max: int) -> Column:
    """Decide how a column is coded, from its type, and remember its categories.

    Parameters
    ----------
    values
        The column at training.
    categories_max
        Most categories kept, >= 1; the others share one code.

    Raises
    ------
    DataError
        If the column is a date, a time, or nested.
    """
    if not (
        values.dtype in (pl.Null, pl.Boolean) or values.dtype.is_numeric() or _is_text(values.dtype)
    ):
        raise _wrong_type(values, "numbers, booleans or text")
    if values.null_count() == len(values):
        return EmptyColumn(values.name)
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        number = NumberColumn(values.name)
        usable = bool((np.abs(number.code(values)) <= NUMBER_MAX).any())
        return number if usable else EmptyColumn(values.name)
    counts = values.cast(pl.String).drop_nulls().rename("category").value_counts(name="rows")
    ordered = counts.sort(["rows", "category"], descending=[True, False])
    kept = tuple(ordered.get_column("category").head(categories_max).to_list())
    return CategoryColumn(values.name, kept, counts.height > len(kept), values.null_count() > 0)


@lru_cache(maxsize=4096)
def _enum(vocabulary: tuple[str, ...]) -> pl.Enum:
    return pl.Enum(vocabulary)  # building its lookup is what costs, hence once per vocabulary


@lru_cache(maxsize=4096)
def _lookup(vocabulary: tuple[str, ...]) -> dict[str | None, float]:
    return {None: math.nan} | {name: float(code) for code, name in enumerate(vocabulary)}


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _wrong_type(values: pl.Series, expected: str) -> DataError:
    hint = f"Leave {values.name!r} out of the features, or turn it into numbers or text."
    if values.dtype.is_temporal():
        hint = (
            f"Derive numbers from {values.name!r} (hour of the day, day of the week, days since an"
            " event) and name those as features."
        )
    return DataError(
        f"Column {values.name!r} cannot be a feature as it is",
        found=f"type {values.dtype}",
        expected=expected,
        hint=hint,
    )
