"""Groups of rows in which a value is large: a search over conjunctions of cells, all at once.

In: a few cells per column for every row, and a value per row. Out: the groups with the best score.
State: none. What is found on some rows must be tested on others: the best of thousands is lucky.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray, IntArray

WEIGHT = 0.95
"""Weight of the size of the excess against that of the group. Smaller finds larger groups with a
smaller excess."""

PARENTS = 60
"""Pairs of cells that are tried with a third. More: slower; fewer: a triple whose pairs look
harmless stays unseen, as it does in any search that prunes."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Rows that lie in one cell of each of one to three columns.

    Parameters
    ----------
    cells
        pairs of (column, cell), ascending.
    rows
        how many rows of the search it has.
    excess
        mean of its values above that of all rows, in units of the scale.
    score
        by which groups were ranked.
    """

    cells: tuple[tuple[int, int], ...]
    rows: int
    excess: float
    score: float


def members(cells: npt.NDArray[Any], group: Subgroup) -> npt.NDArray[np.bool_]:
    """Say which rows (n, d) belong to a group: (n,)."""
    found = np.ones(len(cells), dtype=np.bool_)
    for column, cell in group.cells:
        found &= cells[:, column] == cell
    return found


def search(
    cells: npt.NDArray[Any], values: FloatArray, *, scale: float, least: int, top: int = 20
) -> list[Subgroup]:
    """Return the groups with the best scores, best first.

    Parameters
    ----------
    cells
        (n, d), small whole numbers from 0; -1: in no cell of this column.
    values
        (n,), finite.
    scale
        what an excess is measured in, > 0; for losses their mean.
    least
        rows a group must have, >= 1.
    top
        most groups returned. A group is left out if one with a better score has about its rows.

    Source: Sagadeeva and Boehm 2021, "SliceLine", SIGMOD, section 3: score = w (mean in group /
    mean - 1) - (1 - w) (n / rows in group - 1), with upper bounds of it to prune. Cells are counted
    in pairs by one product of indicator matrices, in triples for the best pairs.

    Examples
    --------
    >>> cells = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 50)
    >>> values = np.where((cells == 1).all(axis=1), 4.0, 1.0)
    >>> [group.cells for group in search(cells, values, scale=1.75, least=10, top=1)]
    [((0, 1), (1, 1))]
    """
    keys, table = _indicators(cells, least)
    if not keys or not scale > 0.0:
        return []
    judge = _Judge(len(values), float(values.mean()), scale, least)
    weighed = table * values[:, None]
    counts, sums = table.T @ table, weighed.T @ table
    columns = np.array([column for column, _ in keys])
    singles = judge.score(np.diag(counts), np.diag(sums))
    found: list[Found] = [
        ((i,), float(singles[i]), float(counts[i, i]), float(sums[i, i])) for i in range(len(keys))
    ]
    one, other = np.triu_indices(len(keys), k=1)
    apart = columns[one] != columns[other]
    one, other = one[apart], other[apart]
    size, total = counts[one, other], sums[one, other]
    pairs = judge.score(size, total)
    best = np.argsort(-pairs, kind="stable")[: max(top, PARENTS) * 2]
    found += [
        ((int(one[b]), int(other[b])), float(pairs[b]), float(size[b]), float(total[b]))
        for b in best.tolist()
    ]
    hopeful = np.where(size >= least, judge.bound(size, values, total), -np.inf)
    parents = np.argsort(-hopeful, kind="stable")[:PARENTS]
    parents = parents[np.isfinite(hopeful[parents])]
    found += _triples(judge, table, weighed, columns, (one[parents], other[parents]))
    return _best(found, keys, cells, judge, top)


@dataclass(frozen=True, slots=True)
class _Judge:
    rows: int
    mean: float
    scale: float
    least: int

    def score(self, size: FloatArray, total: FloatArray) -> FloatArray:
        safe = np.maximum(size, 1.0)
        excess = (total / safe - self.mean) / self.scale
        found = WEIGHT * excess - (1.0 - WEIGHT) * (self.rows / safe - 1.0)
        scored: FloatArray = np.where((size >= self.least) & (excess > 0.0), found, -np.inf)
        return scored

    def bound(self, size: FloatArray, values: FloatArray, total: FloatArray) -> FloatArray:
        # A part of a group has at best its largest values: here its mean and a spread above it.
        spread = float(values.std())
        hoped = total / np.maximum(size, 1.0) + spread * np.sqrt(
            np.maximum(size / self.least - 1.0, 0.0)
        ).clip(max=1.0)
        found: FloatArray = WEIGHT * (hoped - self.mean) / self.scale
        return found


Found = tuple[tuple[int, ...], float, float, float]


def _indicators(cells: npt.NDArray[Any], least: int) -> tuple[list[tuple[int, int]], FloatArray]:
    keys: list[tuple[int, int]] = []
    flags = []
    for column in range(cells.shape[1]):
        counts = np.bincount(cells[:, column][cells[:, column] >= 0])
        for cell in np.flatnonzero(counts >= least).tolist():
            keys.append((column, cell))
            flags.append(cells[:, column] == cell)
    if not flags:
        return [], np.empty((len(cells), 0))
    return keys, np.stack(flags, axis=1).astype(np.float64)


def _triples(
    judge: _Judge,
    table: FloatArray,
    weighed: FloatArray,
    columns: IntArray,
    parents: tuple[IntArray, IntArray],
) -> list[Found]:
    one, other = parents
    if not one.size:
        return []
    both = table[:, one] * table[:, other]
    size, total = both.T @ table, both.T @ weighed
    inside = (columns == columns[one][:, None]) | (columns == columns[other][:, None])
    scores = np.where(inside, -np.inf, judge.score(size, total))
    best = np.argsort(-scores, axis=None, kind="stable")[: 2 * PARENTS]
    where = np.unravel_index(best, scores.shape)
    return [
        ((int(one[p]), int(other[p]), int(c)), float(scores[p, c]), size[p, c], total[p, c])
        for p, c in zip(*(each.tolist() for each in where), strict=True)
    ]


_ALIKE = 0.7  # share of common rows from which two groups are one


def _best(
    found: list[Found],
    keys: list[tuple[int, int]],
    cells: npt.NDArray[Any],
    judge: _Judge,
    top: int,
) -> list[Subgroup]:
    kept: list[Subgroup] = []
    flags: list[npt.NDArray[np.bool_]] = []
    named: dict[tuple[tuple[int, int], ...], Subgroup] = {}
    for places, score, size, total in found:
        key = tuple(sorted(keys[place] for place in places))
        if np.isfinite(score) and key not in named:
            excess = (total / size - judge.mean) / judge.scale
            named[key] = Subgroup(key, int(size), excess, score)
    # Of equal scores the group with fewer cells comes first.
    for group in sorted(
        named.values(), key=lambda each: (-each.score, len(each.cells), each.cells)
    ):
        rows = members(cells, group)
        if any((rows & other).sum() > _ALIKE * (rows | other).sum() for other in flags):
            continue
        if _within(group, kept):
            continue
        kept.append(group)
        flags.append(rows)
        if len(kept) == top:
            break
    return kept


def _within(group: Subgroup, kept: list[Subgroup]) -> bool:
    # A part of a kept group that is no worse than the whole says nothing new.
    parts = {
        part for size in (1, 2) for part in combinations(group.cells, size) if part != group.cells
    }
    return any(each.cells in parts and group.excess <= 1.2 * each.excess for each in kept)
