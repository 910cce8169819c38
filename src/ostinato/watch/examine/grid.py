"""Cells for the search of slices: quarters of numbers, values of categories, declared groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.stats.subgroups import Subgroup
from ostinato.watch.examine.codes import Coding, Column
from ostinato.watch.examine.sample import Champion, Sample

_VALUES: Final = 12  # values of a category that are cells of their own
_QUARTERS: Final = 4
_CELLS_MOST: Final = 240  # columns that tell little of the loss are left out beyond


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Few cells per column, for groups that people can read.

    Parameters
    ----------
    names
        Of each column's cells, by code.
    reference, current
        (n, d) and (m, d) the cell of each row; -1: none.
    """

    names: list[dict[int, str]]
    reference: NDArray[np.int16]
    current: NDArray[np.int16]

    @classmethod
    def of(cls, reference: Sample, current: Sample, coding: Coding, champion: Champion) -> Grid:
        """Cut the columns and slice groups of rows with a loss."""
        made = [
            *(
                _coarse(column, coding.reference[:, i], coding.current[:, i])
                for i, column in enumerate(coding.columns)
            ),
            *(
                _grouped(reference, current, place, champion)
                for place in range(current.groups.shape[1])
            ),
        ]
        order = sorted(range(len(made)), key=lambda i: (-_telling(made[i][2], current.losses), i))
        kept, cells = [], 0
        for i in order:
            cells += len(made[i][0])
            if cells > _CELLS_MOST:
                break
            kept.append(i)
        kept.sort()
        return cls(
            names=[made[i][0] for i in kept],
            reference=_stacked([made[i][1] for i in kept], len(reference)),
            current=_stacked([made[i][2] for i in kept], len(current)),
        )

    def name(self, group: Subgroup) -> str:
        """Say in words which rows a group has."""
        return " and ".join(self.names[column][cell] for column, cell in group.cells)


Cells = NDArray[np.int16]


def _stacked(columns: list[Cells], rows: int) -> Cells:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0), dtype=np.int16)


def _coarse(column: Column, p: Cells, q: Cells) -> tuple[dict[int, str], Cells, Cells]:
    """Cut a column of numbers into quarters of the reference, one of categories into values."""
    if column.borders is None:
        known = dict(enumerate(f"{column.name} = {value}" for value in column.values[:_VALUES]))
        count = len(known)
        names = {**known, count: f"{column.name} missing"}
        first, second = (
            np.where(each < count, each, np.where(each == column.missing, count, -1))
            for each in (p, q)
        )
        return names, first.astype(np.int16), second.astype(np.int16)
    inside = p[p < column.missing]
    ranks = np.arange(1, _QUARTERS) / _QUARTERS
    cuts = np.unique(np.quantile(inside, ranks, method="lower")) if inside.size else inside
    cuts = cuts[(cuts > 0) & (cuts <= len(column.borders))]
    texts = [f"{column.borders[int(cut) - 1]:.4g}" for cut in cuts]
    if texts:
        spans = [f"{column.name} from {low} to {high}" for low, high in pairwise(texts)]
        names = dict(enumerate([f"{column.name} below {texts[0]}", *spans]))
        names[len(texts)] = f"{column.name} from {texts[-1]}"
    else:
        names = {0: f"{column.name} known"}
    names[len(texts) + 1] = f"{column.name} missing"
    first, second = (
        np.where(
            each == column.missing, len(texts) + 1, np.searchsorted(cuts, each, side="right")
        ).astype(np.int16)
        for each in (p, q)
    )
    return names, first, second


def _grouped(
    reference: Sample, current: Sample, place: int, champion: Champion
) -> tuple[dict[int, str], Cells, Cells]:
    codes = np.concatenate([each.groups[:, place] for each in (reference, current)])
    used = np.unique(codes[codes >= 0])
    cells = np.where(codes >= 0, np.searchsorted(used, codes), -1).astype(np.int16)
    names = {
        cell: champion.group_names[code] if code < len(champion.group_names) else f"group {code}"
        for cell, code in enumerate(used.tolist())
    }
    return names, cells[: len(reference)], cells[len(reference) :]


def _telling(cells: Cells, losses: Floats) -> float:
    """Return how much of the losses' variance lies between the cells of a column."""
    shifted = cells.astype(np.intp) + 1
    rows = np.bincount(shifted)
    sums = np.bincount(shifted, weights=losses)
    means = sums / np.maximum(rows, 1)
    return float(rows @ np.square(means - losses.mean()))
