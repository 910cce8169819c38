"""Categories and missing values, handled once: the same way in training and in serving.

What comes in is a table of features, what goes out is what an estimator takes:

- ``"ordinal"``: numbers as they are, categories as codes, missing as NaN. For trees.
- ``"onehot"``: standardised numbers, one column per level, nothing missing. For all that computes
  distances or sums.
- ``"frame"``: the features as a Polars table with steady types (numbers as Float64 with NaN for
  missing, categories as String with null). For pipelines that do their own preparation; categories
  stay as they are, unseen ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import polars as pl

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.records import Floats
from ostinato.learn.columns import NUMBER_MAX, CategoryColumn, Column, fit_column
from ostinato.learn.onehot import OneHot

Style = Literal["ordinal", "onehot", "frame"]

CATEGORIES_MAX: Final = 254
"""Categories kept per column. Larger: with "other" more than the 255 bins of histogram trees."""
LEVELS_MAX: Final = 50
"""Levels kept per column in one-hot style. Larger: wide matrices of levels with few rows each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What training remembered of the features; made by `fit`, never changed.

    Parameters
    ----------
    style
        ``"ordinal"``, ``"onehot"`` or ``"frame"``.
    columns
        One per feature, in the order of the features.
    expansion
        The one-hot part; None in the other styles.
    infinities
        Per feature, how many training values were infinite (or beyond what float32 holds,
        3.4e38). They are treated as missing.

    Examples
    --------
    >>> table = pl.DataFrame({"carrier": ["UA", "AA", "UA", None], "distance": [1, 2, None, 5]})
    >>> encoding = Encoding.fit(table, ["carrier", "distance"], style="ordinal")
    >>> encoding.transform(pl.DataFrame({"distance": [7.0], "carrier": ["never seen"]}))
    array([[2., 7.]])
    """

    style: Style
    columns: tuple[Column, ...]
    expansion: OneHot | None
    infinities: tuple[int, ...]

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        features: Sequence[str],
        *,
        style: Style,
        categories_max: int | None = None,
    ) -> Encoding:
        """Learn the encoding of some features from the training rows.

        Categories are ordered by frequency, then by name.

        Parameters
        ----------
        frame
            The training rows.
        features
            Columns to use, in this order.
        style
            What the estimator takes; see the module.
        categories_max
            Most categories kept per column, >= 1 (default 254, one-hot 50); the rest and those
            first seen when serving share one code.

        Raises
        ------
        ConfigError
            If there is no feature, one is named twice, or the style is unknown.
        DataError
            If a column is absent, or holds dates, times or nested values.
        """
        _check_style(style)
        check_features(features)
        limit = categories_max or (LEVELS_MAX if style == "onehot" else CATEGORIES_MAX)
        found = [column_of(frame, name) for name in features]
        columns = tuple(fit_column(values, categories_max=limit) for values in found)
        codes = _codes(columns, frame)
        counts = tuple(_infinities(values) for values in found)
        codes[np.abs(codes) > NUMBER_MAX] = np.nan
        expansion = OneHot.fit(codes, columns) if style == "onehot" else None
        return cls(style=style, columns=columns, expansion=expansion, infinities=counts)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns it reads."""
        return tuple(column.name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the d columns that `transform` returns."""
        return self.features if self.expansion is None else self.expansion.names(self.columns)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Positions of the columns that hold categories; empty in one-hot style."""
        if self.style == "onehot":
            return ()
        return tuple(i for i, c in enumerate(self.columns) if isinstance(c, CategoryColumn))

    def matrix(self, frame: pl.DataFrame) -> Floats:
        """Return (n, d) float64 for the ordinal and one-hot styles.

        Parameters
        ----------
        frame
            Rows with at least the features; the order of the columns does not matter.

        Raises
        ------
        DataError
            If a column is absent, changed to a type that cannot be coded, or text that should be
            numbers does not read as such.
        """
        codes = _codes(self.columns, frame)
        codes[np.abs(codes) > NUMBER_MAX] = np.nan
        return codes if self.expansion is None else self.expansion.transform(codes)

    def transform(self, frame: pl.DataFrame) -> Floats | pl.DataFrame:
        """Return what the estimator takes: `matrix`, or a table in frame style.

        Raises
        ------
        DataError
            As `matrix`.
        """
        return self._table(frame) if self.style == "frame" else self.matrix(frame)

    def infinite_counts(self, frame: pl.DataFrame) -> dict[str, int]:
        """Return, per feature that has any, how many values of a table are infinite."""
        counts = {name: _infinities(column_of(frame, name)) for name in self.features}
        return {name: count for name, count in counts.items() if count}

    def _table(self, frame: pl.DataFrame) -> pl.DataFrame:
        series = []
        for column in self.columns:
            values = column_of(frame, column.name)
            if isinstance(column, CategoryColumn):
                series.append(column.text(values))
                continue
            numbers = column.code(values)
            finite = np.where(np.abs(numbers) > NUMBER_MAX, np.nan, numbers)
            series.append(pl.Series(column.name, finite, dtype=pl.Float64))
        return pl.DataFrame(series)


def _codes(columns: Sequence[Column], frame: pl.DataFrame) -> Floats:
    codes = np.empty((frame.height, len(columns)))
    for position, column in enumerate(columns):
        codes[:, position] = column.code(column_of(frame, column.name))
    return codes


def _infinities(values: pl.Series) -> int:
    if not values.dtype.is_numeric():
        return 0
    return int(np.count_nonzero(np.abs(values.cast(pl.Float64).to_numpy()) > NUMBER_MAX))


def column_of(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column by name.

    Raises
    ------
    DataError
        If it is absent, with the columns there are.
    """
    try:
        return frame.get_column(name)
    except pl.exceptions.ColumnNotFoundError:
        found = ", ".join(frame.columns[:20]) + (", ..." if frame.width > 20 else "")
        raise DataError(
            f"Feature column {name!r} is missing",
            found=f"columns {found}" if frame.width else "a table without columns",
            expected=f"a column {name!r}",
            hint="Add the column to the data, or take it out of the loop's features.",
        ) from None


def _check_style(style: str) -> None:
    if style not in get_args(Style):
        raise ConfigError(
            "The encoding style is unknown", found=repr(style), expected=str(get_args(Style))
        )


def check_features(features: Sequence[str]) -> None:
    """Refuse a list of features that is empty or names one twice.

    Raises
    ------
    ConfigError
        With the name.
    """
    if not features:
        raise ConfigError(
            "There is no feature to learn from",
            found="an empty list",
            expected="at least one column name",
            hint="Name the columns the model may use in the loop's features.",
        )
    twice = sorted({name for name in features if list(features).count(name) > 1})
    if twice:
        raise ConfigError(
            "A feature is named twice", found=", ".join(twice), expected="each name once"
        )
