"""Groups of rows in which the champion fails: found on half of the rows, proved on the other half.

A group that fails is told from one that always was hard: the reference has the same group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from ostinato.core.records import Floats
from ostinato.stats.influence import Estimate, estimate
from ostinato.stats.intervals import benjamini_hochberg
from ostinato.stats.shrink import npmle
from ostinato.stats.subgroups import Subgroup, members, search
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.grid import Grid
from ostinato.watch.examine.sample import Champion, Sample, folds
from ostinato.watch.examine.usual import Usual

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
    worse
        Its own mean loss now less that in the reference: others that got easier make no failure.
    anew
        Whether both surely rose, so that the slice fails anew; else it always was hard.
    """

    name: str
    rows: int
    loss: float
    excess: Estimate
    shrunk: float
    before: Estimate | None
    rise: Estimate | None
    worse: Estimate | None
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
    grid = Grid.of(reference, current, coding, champion)
    if not grid.names:
        return "there is no column to cut slices by"
    searched = folds(len(current), 2) == 0
    surprise = current.losses - Usual.of(reference)(current.scores)
    half = grid.current[searched]
    least = max(_LEAST, len(half) // 100)
    found: dict[tuple[tuple[int, int], ...], Subgroup] = {}
    for values in (current.losses, surprise):
        groups = search(half, values[searched], scale=scale, least=least, top=_SEARCHED)
        found |= {group.cells: group for group in groups if group.cells not in found}
    return _proved(list(found.values()), grid, reference, current, ~searched, scale)


def _proved(
    groups: list[Subgroup],
    grid: Grid,
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
        there = members(grid.reference, group)
        before = _excess(reference.losses, there)
        worse = _worse(reference.losses[there], losses[members(cells, group)])
        judged.append((group, now, before, None if before is None else worse))
    if not judged:
        return []
    rises = [_rise(now, before) for _, now, before, _ in judged]
    # Both questions are asked of all that was found on the other half: to ask the second only of
    # those that passed the first would be to pick them for their luck.
    surely = benjamini_hochberg(np.array([_chance(now) for _, now, *_ in judged]), FALSE)
    both = [max(_chance(rise), _chance(each[3])) for rise, each in zip(rises, judged, strict=True)]
    anew = benjamini_hochberg(np.array(both), FALSE_ANEW)
    errors = np.array([max(now.error, 1e-12 * scale) for _, now, *_ in judged])
    shrunk = npmle(np.array([now.value for _, now, *_ in judged]), errors).means
    told = []
    for (group, now, before, worse), rise, sure, new, left in zip(
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
                worse=worse,
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


def _worse(before: Floats, now: Floats) -> Estimate | None:
    """Return by how much losses rose; None: too few rows on either side."""
    if min(len(before), len(now)) < _LEAST // 2:
        return None
    first, then = float(before.mean()), float(now.mean())
    return estimate(then - first, (first - before) / len(before), (now - then) / len(now))


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
            "worse": each.worse,
            "anew": each.anew,
            "verdict": "fails anew" if each.anew else _old(each),
        }
        for each in found
    ]


def _old(each: FailingSlice) -> str:
    return "has no rows in the reference" if each.before is None else "always was hard"
