"""The one-hot style for a few rows at once: `OneHot.transform` without a step per column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.learn.onehot import SPREAD_MAX, LevelBlock, NumberBlock, OneHot

Places = NDArray[np.int64]


class Dense:
    """Expands (n, features) codes to (n, width) columns, bit for bit as `expansion` does."""

    def __init__(self, expansion: OneHot) -> None:
        blocks = expansion.blocks
        ends = np.cumsum([block.width for block in blocks])
        self._width = int(ends[-1])
        starts = ends - [block.width for block in blocks]
        numbers = [
            (b, s) for b, s in zip(blocks, starts, strict=True) if isinstance(b, NumberBlock)
        ]
        levels = [(b, s) for b, s in zip(blocks, starts, strict=True) if isinstance(b, LevelBlock)]
        self._numbers = np.array([b.position for b, _ in numbers], dtype=np.int64)
        self._medians = np.array([b.median for b, _ in numbers])
        self._means = np.array([b.mean for b, _ in numbers])
        self._scales = np.array([b.scale for b, _ in numbers])
        self._places = np.array([start for _, start in numbers], dtype=np.int64)
        self._flagged = np.array([b.flagged for b, _ in numbers], dtype=bool)
        self._levels = np.array([b.position for b, _ in levels], dtype=np.int64)
        # Per level block the columns of its codes, then of "missing"; `width` is thrown away.
        tables = [_columns(block, start, self._width) for block, start in levels]
        self._missing = np.array([len(table) - 1 for table in tables], dtype=np.int64)
        self._offsets = np.cumsum([0, *map(len, tables)])[:-1]
        self._table = np.concatenate([*tables, np.zeros(0, dtype=np.int64)])

    def __call__(self, codes: Floats) -> Floats:
        """Return what `OneHot.transform` returns."""
        out = np.zeros((len(codes), self._width + 1))
        values = codes[:, self._numbers]
        missing = np.isnan(values)
        scaled = (np.where(missing, self._medians, values) - self._means) / self._scales
        out[:, self._places] = np.minimum(np.maximum(scaled, -SPREAD_MAX), SPREAD_MAX)
        out[:, self._places[self._flagged] + 1] = missing[:, self._flagged]
        levels = codes[:, self._levels]
        code = np.where(np.isnan(levels), self._missing, levels).astype(np.int64)
        out[np.arange(len(codes))[:, None], self._table[self._offsets + code]] = 1.0
        return np.ascontiguousarray(out[:, : self._width])


def _columns(block: LevelBlock, start: int, nowhere: int) -> Places:
    known = start + np.arange(block.levels)
    other = start + block.levels if block.other else nowhere
    missing = start + block.levels + block.other if block.missing else nowhere
    return np.array([*known, other, missing], dtype=np.int64)
