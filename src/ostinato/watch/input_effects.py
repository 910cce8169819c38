"""Distances of all columns of a grid at once, for people and for ranking.

In: counts of two sets of rows in all cells. Out: figures per column. State: none but places.
"""

from __future__ import annotations

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.cell_distances import Runs, effects, padded_effects
from ostinato.watch.cells import CategoryCells, Cells, Grid, NumberCells, coarse_size


class Effects:
    """Compares counts in the cells of a grid.

    Parameters
    ----------
    grid
        The cells.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        offsets, coarse = grid.offsets, grid.coarse_offsets
        self._ordered = np.array([each.ordered for each in grid.columns], dtype=np.bool_)
        self._varies = np.array([_spread(each) > 0.0 for each in grid.columns], dtype=np.bool_)
        categories = [
            (at, each)
            for at, each in zip(offsets.tolist(), grid.columns, strict=False)
            if isinstance(each, CategoryCells)
        ]
        self._new = np.array([at + each.new for at, each in categories], dtype=np.int64)
        self._rest = np.array([at + each.rest for at, each in categories], dtype=np.int64)
        values = [np.arange(each.size) < each.missing for each in grid.columns]
        self._is_value = np.concatenate([np.zeros(0, np.bool_), *values])
        self._runs = Runs(
            starts=offsets[:-1],
            sizes=np.diff(offsets),
            widths=np.concatenate([np.zeros(0), *(_widths(each) for each in grid.columns)]),
        )
        at = np.repeat(coarse[:-1], np.diff(offsets))
        self._coarse = at + np.array([c for each in grid.columns for c in each.coarse], np.int64)
        sizes = [coarse_size(each) - 1 for each in grid.columns]
        self._bins = np.full((len(sizes), max(sizes, default=1)), -1, dtype=np.int64)
        for column, size in enumerate(sizes):
            self._bins[column, :size] = coarse[column] + np.arange(size)

    def all(self, reference: Ints, current: Ints) -> dict[str, Floats]:
        """Return psi, js, v (in coarse cells), ks and wasserstein per column; NaN: not measured."""
        if not self.grid.columns:
            return {}
        first, second = self._known(reference), self._known(current)
        fine = effects(self._runs, first, second)
        rough = padded_effects(self._in_bins(first), self._in_bins(second))
        return {
            "psi": rough["psi"],
            "js": rough["js"],
            "v": rough["cramers_v"],
            "ks": np.where(self._ordered, fine["ks"], np.nan),
            "wasserstein": np.where(self._varies, fine["wasserstein"], np.nan),
        }

    def largest(self, reference: Ints | None, current: Ints) -> Floats:
        """Return the largest difference of a share per column: below a border, or of a category."""
        if reference is None or not self.grid.columns:
            return np.full(len(self.grid.columns), np.nan)
        first, second = self._known(reference), self._known(current)
        ks = effects(self._runs, first, second)["ks"]
        n, m = (self._runs.spread(np.maximum(self._runs.rows(x), 1.0)) for x in (first, second))
        apart = np.maximum.reduceat(np.abs(first / n - second / m), self._runs.starts)
        return np.where(self._ordered | np.isnan(ks), ks, apart)

    def _known(self, counts: Ints) -> Floats:
        known: Floats = np.where(self._is_value, counts, 0).astype(np.float64)
        known[self._rest] += known[self._new]  # see `cells.mixed`
        known[self._new] = 0.0
        return known

    def _in_bins(self, known: Floats) -> Floats:
        total = int(self.grid.coarse_offsets[-1])
        coarse = np.append(np.bincount(self._coarse, weights=known, minlength=total), np.nan)
        return coarse[self._bins]


def _spread(cells: Cells) -> float:
    return cells.spread if isinstance(cells, NumberCells) else 0.0


def _widths(cells: Cells) -> Floats:
    """Return how far the upper border of each cell is from the next, in standard deviations."""
    widths = np.zeros(cells.size)
    if isinstance(cells, NumberCells) and cells.spread > 0.0:
        # The first and last border bound all finite numbers: nothing is measured up to there.
        inner = np.array(cells.borders[1:-1])
        widths[1 : len(inner)] = np.diff(inner) / cells.spread
    return widths
