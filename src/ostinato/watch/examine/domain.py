"""How far reference and current inputs can be told apart, and by which columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.stats.auc import auc
from ostinato.stats.influence import Estimate, estimate
from ostinato.stats.overlap import calibrated
from ostinato.stats.reconstruction import Plane
from ostinato.watch.examine.classifier import FOLDS, chances
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.sample import folds

WATCH: Final = 0.55
"""Area under the curve from which inputs differ enough to be watched."""

ACT: Final = 0.65
"""The same from which something should be done."""

APART: Final = 0.95
"""The same from which the samples hardly have an input in common."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What a classifier learned of the difference between two samples.

    Parameters
    ----------
    reference, current
        (n,) and (m,), chance of each row to be current, made without it; honest (`calibrated`).
    auc
        How well they tell the samples apart; .5: not at all.
    """

    reference: Floats
    current: Floats
    auc: Estimate


def tell_apart(codes: tuple[NDArray[Any], NDArray[Any]], masses: tuple[Floats, Floats]) -> Told:
    """Learn which sample a row is of, each row without itself.

    Parameters
    ----------
    codes
        (n, d) and (m, d), rows in order of time; neither is empty.
    masses
        (n,) and (m,), how much each row counts.
    """
    n = len(codes[0])
    current = np.arange(n + len(codes[1])) >= n
    weights = np.concatenate([each / each.sum() for each in masses]) * n
    fold = np.concatenate([folds(len(each), FOLDS) for each in codes])
    raw = chances(np.concatenate(codes), current, weights, fold)
    honest = calibrated(raw, current, weights)
    return Told(reference=honest[:n], current=honest[n:], auc=auc(raw[:n], raw[n:]))


def belonging(coding: Coding) -> tuple[float, Estimate] | str:
    """Say how much further current rows lie from the plane of the reference than its own rows do.

    Columns that no longer belong together show here though each by itself is as ever. The plane is
    fitted to half of the reference, the other half is compared with.

    Returns
    -------
    tuple
        Mean squared distance in the reference, in variances of a column, and by what it rose.
    """
    if not coding.columns:
        return "there is no column to compare"
    p, q = _ranks(coding, coding.reference), _ranks(coding, coding.current)
    fitted = folds(len(p), 2) == 0
    if min(fitted.sum(), (~fitted).sum()) < 2 * p.shape[1]:
        return f"{len(p):,} rows in the reference are too few for {p.shape[1]} columns"
    plane = Plane.fit(p[fitted])
    before, now = plane.distances(p[~fitted]), plane.distances(q)
    first, then = float(before.mean()), float(now.mean())
    rise = estimate(then - first, (first - before) / len(before), (now - then) / len(now))
    return first, rise


_VALUES: Final = 4  # values of a category that are columns of their own


def _ranks(coding: Coding, codes: NDArray[Any]) -> Floats:
    found = []
    for i, column in enumerate(coding.columns):
        if column.ordered:
            middle = 0.5 * (column.missing - 1)
            found.append(np.where(codes[:, i] == column.missing, middle, codes[:, i]))
        else:
            found += [codes[:, i] == value for value in range(min(_VALUES, len(column.values)))]
    return np.stack(found, axis=1).astype(np.float64)


def distances(coding: Coding) -> Floats:
    """Return how far each column moved, in [0, 1].

    The largest difference of shares: below a border for numbers (Kolmogorov-Smirnov on cells), of
    rows that would have to change value for categories (total variation); of missing rows alike.
    """
    found = np.zeros(len(coding.columns))
    for i, column in enumerate(coding.columns):
        p, q = (
            np.bincount(codes[:, i], minlength=column.cells) / max(len(codes), 1)
            for codes in (coding.reference, coding.current)
        )
        apart = p - q
        inside = apart[:-1]
        moved = np.abs(np.cumsum(inside)).max() if column.ordered else 0.5 * np.abs(apart).sum()
        found[i] = max(float(moved), abs(float(apart[-1])))
    return found
