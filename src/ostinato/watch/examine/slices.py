"""Groups of rows in which the champion fails: found on half of the rows, proved on the other half.

A group that fails is told from one that always was hard: the reference has the same group.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from ostinato.core.records import Floats
from ostinato.stats.influence import Estimate, estimate
from ostinato.stats.intervals import benjamini_hochberg
from ostinato.stats.shrink import npmle
from ostinato.stats.subgroups import Subgroup, members, search
from ostinato.watch.examine.codes import Coding, Column
from ostinato.watch.examine.sample import Champion, Sample, folds

FALSE: Final = 0.1
"""Share of the slices told that may be none. Smaller: true ones are missed."""

FALSE_ANEW: Final = 0.05
"""The same for those that are said to fail anew, for which people are called."""

EXCESS: Final = 0.1
"""Share of the mean loss by which a slice must lose more than the other rows to be told."""

FEWEST: Final = 400
"""Labelled rows now, below which no slice is looked for: halves of them prove nothing."""

_LEAST: Final = 32  # rows of a slice, at least; and one in a hundred
_SEARCHED: Final = 15  # slices taken from each of the two searches to the proof
_VALUES: Final = 12  # values of a category that are cells of their own
_QUARTERS: Final = 4
_CELLS_MOST: Final = 240  # columns that tell little of the loss are left out beyond
_BINS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingSlice:
    """A slice in which the champion fails.

    Parameters
    ----------
    name
        Its predicates in words.
    rows
        Rows now, labelled.
    loss
        Mean loss of its rows now, of those that were not searched.
    excess
        By how much that is more than of the other rows.
    shrunk
        The same in the light of all slices that were proved: what is left of the best one's luck.
    before
        The excess in the reference; None: too few rows there.
    rise
        Excess now less excess before.
    anew
        Whether it surely rose, so that the slice fails anew; else it always was hard.
    """

    name: str
    rows: int
    loss: float
    excess: Estimate
    shrunk: float
    before: Estimate | None
    rise: Estimate | None
    anew: bool


def failing_slices(
    reference: Sample, current: Sample, coding: Coding, champion: Champion
) -> list[FailingSlice] | str:
    """Find slices that lose more than the other rows, those that fail anew first; or say why not.

    Parameters
    ----------
    reference, current
        Rows with a loss.
    coding
        Of the same rows.
    champion
        Knows the names of the slice groups.
    """
    if len(current) < FEWEST:
        return f"{len(current):,} labelled rows now, of {FEWEST} that are needed"
    scale = float(current.losses.mean())
    if not scale > 0.0 or np.ptp(current.losses) == 0.0:
        return "all rows lose the same"
    grid = _Grid.of(reference, current, coding, champion)
    if not grid.names:
        return "there is no column to cut slices by"
    searched = folds(len(current), 2) == 0
    surprise = current.losses - _usual(reference, current)
    half = grid.current[searched]
    least = max(_LEAST, len(half) // 100)
    found: dict[tuple[tuple[int, int], ...], Subgroup] = {}
    for values in (current.losses, surprise):
        groups = search(half, values[searched], scale=scale, least=least, top=_SEARCHED)
        found |= {group.cells: group for group in groups if group.cells not in found}
    return _proved(list(found.values()), grid, reference, current, ~searched, scale)


def _usual(reference: Sample, current: Sample) -> Floats:
    """Return what rows with such a score lost in the reference."""
    p, q = (
        each.scores if each.scores.ndim == 1 else each.scores.max(axis=1)
        for each in (reference, current)
    )
    borders = np.unique(np.quantile(p, np.arange(1, _BINS) / _BINS))
    cells = np.searchsorted(borders, p, side="right")
    count = len(borders) + 1
    rows = np.bincount(cells, minlength=count)
    sums = np.bincount(cells, weights=reference.losses, minlength=count)
    means = np.where(rows > 0, sums / np.maximum(rows, 1), reference.losses.mean())
    usual: Floats = means[np.searchsorted(borders, q, side="right")]
    return usual


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grid:
    """Few cells per column: `names` by column and cell, and the cells of both samples' rows."""

    names: list[dict[int, str]]
    reference: NDArray[np.int16]
    current: NDArray[np.int16]

    @classmethod
    def of(cls, reference: Sample, current: Sample, coding: Coding, champion: Champion) -> _Grid:
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
        return " and ".join(self.names[column][cell] for column, cell in group.cells)


Cells = NDArray[np.int16]


def _stacked(columns: list[Cells], rows: int) -> Cells:
    return np.stack(columns, axis=1) if columns else np.empty((rows, 0), dtype=np.int16)


def _coarse(column: Column, p: Cells, q: Cells) -> tuple[dict[int, str], Cells, Cells]:
    """Cut a column of numbers into quarters of the reference, one of categories into values."""
    if column.borders is None:
        known = dict(enumerate(f"{column.name} = {value}" for value in column.values[:_VALUES]))
        names = {**known, _VALUES: f"{column.name} missing"}
        first, second = (
            np.where(each < _VALUES, each, np.where(each == column.missing, _VALUES, -1))
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


def _proved(
    groups: list[Subgroup],
    grid: _Grid,
    reference: Sample,
    current: Sample,
    fresh: NDArray[np.bool_],
    scale: float,
) -> list[FailingSlice]:
    judged = []
    losses, cells = current.losses[fresh], grid.current[fresh]
    for group in groups:
        now = _excess(losses, members(cells, group))
        if now is None:
            continue
        before = _excess(reference.losses, members(grid.reference, group))
        judged.append((group, now, before))
    if not judged:
        return []
    rises = [_rise(now, before) for _, now, before in judged]
    # Both questions are asked of all that was found on the other half: to ask the second only of
    # those that passed the first would be to pick them for their luck.
    surely = benjamini_hochberg(np.array([_chance(now) for _, now, _ in judged]), FALSE)
    anew = benjamini_hochberg(np.array([_chance(rise) for rise in rises]), FALSE_ANEW)
    errors = np.array([max(now.error, 1e-12 * scale) for _, now, _ in judged])
    shrunk = npmle(np.array([now.value for _, now, _ in judged]), errors).means
    told = []
    for (group, now, before), rise, sure, new, left in zip(
        judged, rises, surely.tolist(), anew.tolist(), shrunk.tolist(), strict=True
    ):
        if not (sure and now.value > EXCESS * scale):
            continue
        told.append(
            FailingSlice(
                name=grid.name(group),
                rows=int(members(grid.current, group).sum()),
                loss=float(losses[members(cells, group)].mean()),
                excess=now,
                shrunk=left,
                before=before,
                rise=rise,
                anew=bool(new and rise is not None and rise.value > EXCESS * scale),
            )
        )
    return sorted(told, key=lambda each: (not each.anew, -each.shrunk * each.rows, each.name))


def _chance(found: Estimate | None) -> float:
    """Return the chance of so large an estimate if it were nothing; 1 where there is none."""
    if found is None or not found.error > 0.0:
        return 1.0
    return float(stdtr(found.degrees, -found.value / found.error))


def _excess(losses: Floats, inside: NDArray[np.bool_]) -> Estimate | None:
    """Return by how much rows inside lose more than those outside; None: too few of either."""
    n, m = int(inside.sum()), int((~inside).sum())
    if min(n, m) < _LEAST // 2:
        return None
    mean, other = float(losses[inside].mean()), float(losses[~inside].mean())
    own = np.where(inside, (losses - mean) / n, (other - losses) / m)
    return estimate(mean - other, own)


def _rise(now: Estimate, before: Estimate | None) -> Estimate | None:
    if before is None:
        return None
    error = float(np.hypot(now.error, before.error))
    return Estimate(now.value - before.value, error, min(now.degrees, before.degrees))


def told_slices(found: list[FailingSlice]) -> list[dict[str, Any]]:
    """Return the entry of the evidence: a row per slice."""
    return [
        {
            "slice": each.name,
            "rows": each.rows,
            "loss": each.loss,
            "excess": each.excess,
            "shrunk": each.shrunk,
            "before": each.before,
            "rise": each.rise,
            "anew": each.anew,
            "verdict": "fails anew" if each.anew else _old(each),
        }
        for each in found
    ]


def _old(each: FailingSlice) -> str:
    return "has no rows in the reference" if each.before is None else "always was hard"
