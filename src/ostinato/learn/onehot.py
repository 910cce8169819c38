"""From codes to dense columns for estimators that take neither categories nor missing values.

A number becomes its standardised value (missing: the training median); a category becomes one
column per level. There are columns for "other" and "missing" only where training had such values:
a column that was always zero in training would carry an untrained weight (a neural network starts
with random ones) into serving. Where there is none, "other" and "missing" are all zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn, Column

SPREAD_MAX: Final = 1e6
"""Standardised values are cut here. Larger: squares lose the other columns in float64 sums."""


@dataclass(frozen=True, slots=True)
class NumberBlock:
    """A standardised number and, if training had missing values, a column that says so."""

    position: int
    median: float
    mean: float
    scale: float
    flagged: bool

    @property
    def width(self) -> int:
        """Columns it fills."""
        return 1 + self.flagged

    def fill(self, codes: Floats, out: Floats) -> None:
        """Write (n, width) columns from (n,) values."""
        missing = np.isnan(codes)
        centred = (np.where(missing, self.median, codes) - self.mean) / self.scale
        out[:, 0] = np.clip(centred, -SPREAD_MAX, SPREAD_MAX)
        if self.flagged:
            out[:, 1] = missing


@dataclass(frozen=True, slots=True)
class LevelBlock:
    """One column per level, then "other" and "missing" where training had them."""

    position: int
    levels: int
    other: bool
    missing: bool

    @property
    def width(self) -> int:
        """Columns it fills."""
        return self.levels + self.other + self.missing

    def fill(self, codes: Floats, out: Floats) -> None:
        """Write (n, width) columns from (n,) codes."""
        place = np.where(np.isnan(codes), self.levels + self.other, codes).astype(np.int64)
        shown = (codes < self.levels + self.other) | (np.isnan(codes) & self.missing)
        rows = np.flatnonzero(shown)
        out[rows, place[rows]] = 1.0


@dataclass(frozen=True, slots=True)
class OneHot:
    """The blocks of all features, left to right."""

    blocks: tuple[NumberBlock | LevelBlock, ...]

    @classmethod
    def fit(cls, codes: Floats, columns: Sequence[Column]) -> OneHot:
        """Remember medians, means and spreads of (n, features) training codes."""
        return cls(tuple(_block(i, codes[:, i], column) for i, column in enumerate(columns)))

    def transform(self, codes: Floats) -> Floats:
        """Return (n, width) float64 without NaN from (n, features) codes."""
        out = np.zeros((len(codes), sum(block.width for block in self.blocks)))
        start = 0
        for block in self.blocks:
            block.fill(codes[:, block.position], out[:, start : start + block.width])
            start += block.width
        return out

    def names(self, columns: Sequence[Column]) -> tuple[str, ...]:
        """Return the name of each output column."""
        return tuple(
            name
            for block, column in zip(self.blocks, columns, strict=True)
            for name in _block_names(block, column)
        )


def _block(position: int, codes: Floats, column: Column) -> NumberBlock | LevelBlock:
    if isinstance(column, CategoryColumn):
        return LevelBlock(position, len(column.vocabulary), column.rare, column.missing)
    present = codes[~np.isnan(codes)]
    if not len(present):
        return NumberBlock(position, 0.0, 0.0, 1.0, flagged=False)
    median = float(np.median(present))
    filled = np.where(np.isnan(codes), median, codes)
    mean, spread = float(filled.mean()), float(filled.std())
    # A constant column has rounding noise for a spread; its values become (close to) zero.
    varies = spread > 1e-12 * max(1.0, abs(mean))
    return NumberBlock(
        position, median, mean, spread if varies else 1.0, flagged=len(present) < len(codes)
    )


def _block_names(block: NumberBlock | LevelBlock, column: Column) -> list[str]:
    if isinstance(column, CategoryColumn):
        assert isinstance(block, LevelBlock), "a category column fills a level block"
        levels = [f"{column.name}={level}" for level in column.vocabulary]
        tail = [f"{column.name}=<other>"] * block.other + [
            f"{column.name}=<missing>"
        ] * block.missing
        return levels + tail
    assert isinstance(block, NumberBlock), "a number column fills a number block"
    return [column.name] + [f"{column.name}=<missing>"] * block.flagged
