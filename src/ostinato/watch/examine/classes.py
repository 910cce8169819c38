"""Label shift: classes come in other shares, and each looks as before.

Targets of regression are cut at the deciles of the reference. Whether it is label shift at all is
decided on scores and labels together (`stats.label_shift.explained`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.stats.distances import jensen_shannon
from ostinato.stats.influence import Estimate, estimate
from ostinato.stats.label_shift import class_shares, explained
from ostinato.watch.examine.sample import Champion, Sample

CLEAR: Final = 0.85
"""Share of what tells two samples apart that the classes must tell. Smaller: other inputs count as
other classes; larger: noise in large samples speaks against it."""

_LEAD: Final = 0.1  # by how much classes must tell more than scores, where the target is a number
_SURE: Final = 1e-3  # chance level of "the classes come in other shares"
_CELLS: Final = 10
_MOVED: Final = 0.01  # share of rows that must have changed class
_LEAST_ROWS: Final = 20  # of a class in the reference, for its loss to be known


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelShift:
    """Shares of classes in both samples, and what they cost.

    Parameters
    ----------
    before, now
        (k,) shares of the classes, or of the tenths of the target.
    told_by_class, told_by_score
        How much of the difference between the samples classes, and scores, tell alone.
    holds
        Whether classes come in other shares and look as before.
    cost
        By how much the other shares alone change the mean loss.
    factors
        (n,) weight that gives each row of the reference the current share of its class.
    """

    before: Floats
    now: Floats
    told_by_class: float
    told_by_score: float
    holds: bool
    cost: Estimate
    factors: Floats


def label_shift(reference: Sample, current: Sample, champion: Champion) -> LabelShift | str:
    """Compare the classes of two samples whose rows all have a loss; or say why not."""
    p, q, count = _classes(reference.labels, current.labels, champion)
    before = _counted(p, reference.mass, count)
    now = _counted(q, current.mass, count)
    if count < 2 or (before > 0.0).sum() < 2:
        return "the labels of the reference are of one class"
    seen = np.bincount(p, minlength=count) >= _LEAST_ROWS
    share = now / now.sum()
    if float(share[~seen].sum()) > _MOVED:
        return "current labels are of classes that the reference hardly has"
    scores = _score_cells(reference.scores, current.scores)
    tables = (
        _table(scores[0], p, reference.mass, count),
        _table(scores[1], q, current.mass, count),
    )
    told = explained(*tables)
    moved = 0.5 * float(np.abs(before / before.sum() - share).sum())
    sure = jensen_shannon(before, now).p < _SURE and moved > _MOVED
    lead = _LEAD if champion.task == "regression" else 0.0
    clear = told.by_class >= CLEAR and told.by_class >= min(told.by_score + lead, 1.0) - _tie(
        champion
    )
    ratio = np.divide(share, before / before.sum(), out=np.zeros(count), where=seen)
    return LabelShift(
        before=before / before.sum(),
        now=share,
        told_by_class=told.by_class,
        told_by_score=told.by_score,
        holds=bool(sure and clear and not _scores_stayed(*tables)),
        cost=_cost(reference, current, p, q, ratio),
        factors=ratio[p],
    )


def _scores_stayed(before: Floats, now: Floats) -> bool:
    """Say whether scores are as they were though classes that look as before would move them.

    Where few classes are left they tell the samples apart so well that it hardly counts what scores
    do within them; but a class that goes takes its scores with it.
    """
    by_class = before.sum(axis=0)
    wanted = np.divide(before, by_class, out=np.zeros_like(before), where=by_class > 0.0)
    foreseen = wanted @ (now.sum(axis=0) * by_class.sum() / now.sum())
    scores = now.sum(axis=1)
    apart, stayed = (jensen_shannon(each, scores) for each in (foreseen, before.sum(axis=1)))
    return bool(apart.p < _SURE and stayed.effect < apart.effect)


def _tie(champion: Champion) -> float:
    # Classes that a model tells apart well move its scores with them: then both tell nearly all.
    return 0.0 if champion.task == "regression" else 1.0 - CLEAR


def _cost(
    reference: Sample, current: Sample, p: NDArray[np.intp], q: NDArray[np.intp], ratio: Floats
) -> Estimate:
    mass = reference.mass
    u, v = mass / mass.sum(), current.mass / current.mass.sum()
    sums = np.bincount(p, weights=mass * reference.losses, minlength=len(ratio))
    rows = np.bincount(p, weights=mass, minlength=len(ratio))
    each = np.divide(sums, rows, out=np.zeros(len(ratio)), where=rows > 0.0)
    factors = ratio[p] / float(u @ ratio[p])
    first, then = float(u @ reference.losses), float(u @ (factors * reference.losses))
    own = u * (factors * (reference.losses - each[p]) - (reference.losses - first))
    return estimate(then - first, own - own.sum() * u, v * (each[q] - float(v @ each[q])))


def _classes(
    before: Floats, now: Floats, champion: Champion
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    if champion.task != "regression":
        p, q = before.astype(np.intp), now.astype(np.intp)
        return p, q, max(len(champion.classes), int(max(p.max(), q.max())) + 1)
    borders = np.unique(np.quantile(before, np.arange(1, _CELLS) / _CELLS))
    return (
        np.searchsorted(borders, before, side="right"),
        np.searchsorted(borders, now, side="right"),
        len(borders) + 1,
    )


def _score_cells(p: Floats, q: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut scores into cells: of many classes by the likeliest one and how sure it is."""
    if p.ndim == 1:
        borders = np.unique(np.quantile(np.concatenate([p, q]), np.arange(1, _CELLS) / _CELLS))
        return np.searchsorted(borders, p, side="right"), np.searchsorted(borders, q, side="right")
    top = np.concatenate([p.max(axis=1), q.max(axis=1)])
    borders = np.quantile(top, [1 / 3, 2 / 3])
    first, second = (
        each.argmax(axis=1) * 3 + np.searchsorted(borders, each.max(axis=1), side="right")
        for each in (p, q)
    )
    return first, second


def _table(scores: NDArray[np.intp], classes: NDArray[np.intp], mass: Floats, count: int) -> Floats:
    cells = int(scores.max()) + 1 if len(scores) else 1
    width = max(cells, _CELLS)
    return _counted(scores * count + classes, mass, width * count).reshape(-1, count)


def _counted(codes: NDArray[np.intp], mass: Floats, count: int) -> Floats:
    return np.bincount(codes, weights=mass, minlength=count).astype(np.float64)


def shares_from_scores(reference: Sample, current: Sample, champion: Champion) -> Floats | str:
    """Read the shares of classes off the scores of current rows; or say why that cannot be."""
    if champion.task == "regression":
        return "a number has no classes"
    known = reference.known
    scored = _wide(current.scores)
    scored = scored[np.isfinite(scored).all(axis=1)]
    if not known.any() or not len(scored):
        return "no row of the reference has a label, or no current row a score"
    found = class_shares(_wide(reference.scores[known]), reference.labels[known], scored)
    if np.isnan(found).any():
        return "the champion's scores do not tell the classes apart"
    return found


def _wide(scores: Floats) -> Floats:
    return scores if scores.ndim == 2 else np.stack([1.0 - scores, scores], axis=1)
