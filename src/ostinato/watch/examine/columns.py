"""What the drift of each column costs, so that what moved is told from what matters.

A column of the reference is moved to where it is now, with as little change as that takes and all
other columns as they were: numbers keep their ranks, values of categories change in as few rows as
possible. The champion answers again; what rows with such an answer lost in the reference is what
the move is estimated to cost. A champion that cannot be asked is replaced by weights: each cell of
the column gets its current share, with the loss that it had.

Beside it stands what no move of inputs explains: by how much the rise of the loss differs between
the cells of the column (`uneven`). A column whose meaning changed has uneven rises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.stats.influence import Estimate, estimate
from ostinato.watch.examine.codes import Coding, Column
from ostinato.watch.examine.domain import distances
from ostinato.watch.examine.expand import Plain, numbers_of, texts_of
from ostinato.watch.examine.repair import answers, spaced
from ostinato.watch.examine.sample import Champion, Sample

MOVED: Final = 0.05
"""Distance (`domain.distances`) from which a column counts as moved."""

ASKED: Final = 1_500
"""Rows of the reference that the champion answers again per column. Fewer: wide intervals; more:
slow champions make an examination long."""

COLUMNS_MOST: Final = 30
"""Columns for which it is asked, those that moved most."""

_NOISE: Final = 1.36  # 95 % quantile of Kolmogorov's distribution: below it a move is chance
_BINS: Final = 20
_CELLS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One column of the frame: how far it moved, and what that costs.

    Parameters
    ----------
    column, name
        The column of the frame, and what was measured of it.
    moved
        How far, in [0, 1]; `domain.distances`.
    loss
        Estimated change of the mean loss by the move alone; None: not estimated.
    answers
        Mean absolute change of the champion's answers; None: it was not asked.
    uneven
        Standard deviation of the rise of the loss over the column's cells, less what chance gives.
    """

    column: str
    name: str
    moved: float
    loss: Estimate | None
    answers: float | None
    uneven: float

    def matters(self, floor: float) -> bool | None:
        """Say whether its move changes the loss by more than a floor; None: that is not sure."""
        if self.loss is None or self.moved <= MOVED:
            return None
        low, high = self.loss.interval(0.95)
        if low > floor or high < -floor:
            return True
        return False if -floor < low and high < floor else None

    def verdict(self, floor: float) -> str:
        """Say in words what its move does."""
        if self.moved <= MOVED:
            return "did not move"
        if self.loss is None:
            return "moved; what that costs is not known"
        words = {
            True: "moved and costs",
            False: "moved and does not matter",
            None: "moved; unclear",
        }
        matters = self.matters(floor)
        return "moved and saves" if matters and self.loss.value < 0.0 else words[matters]


def drifted_columns(
    reference: Sample, current: Sample, coding: Coding, champion: Champion
) -> list[Drifted]:
    """Rank columns by what their drift costs.

    Parameters
    ----------
    reference
        Rows with a loss.
    current
        Rows with or without one.
    coding
        Of the same rows.
    champion
        Who answers again.
    """
    moved = distances(coding)
    noise = _NOISE * float(np.sqrt(1.0 / len(reference) + 1.0 / len(current)))
    order = np.argsort(-moved, kind="stable").tolist()
    asked = [i for i in order if moved[i] > noise][:COLUMNS_MOST]
    costs = _by_champion(reference, current, coding, champion, asked)
    found = []
    for i, column in enumerate(coding.columns):
        loss, change = costs.get(i, (None, None))
        if loss is None:
            loss = _by_weights(coding, i, reference.losses)
        found.append(
            Drifted(
                column=column.source,
                name=column.name,
                moved=float(moved[i]),
                loss=loss,
                answers=change,
                uneven=_uneven(coding, i, reference.losses, current),
            )
        )
    return sorted(found, key=lambda each: (-_size(each), each.name))


def _size(each: Drifted) -> float:
    return max(0.0 if each.loss is None else abs(each.loss.value), each.uneven)


def _by_champion(
    reference: Sample, current: Sample, coding: Coding, champion: Champion, asked: list[int]
) -> dict[int, tuple[Estimate, float]]:
    if champion.score is None or not asked:
        return {}
    rows = spaced(np.arange(len(reference)), ASKED)
    table = reference.frame[rows]
    frames, places = [], []
    for i in asked:
        moved = _moved(table, current.frame, coding.columns[i], coding.plain[i])
        if moved is not None:
            frames.append(moved)
            places.append(i)
    if not frames:
        return {}
    scores = answers(champion, pl.concat(frames))
    if scores is None or not np.isfinite(scores).all():
        return {}
    expected = _Expected.of(reference)
    base, own = expected(reference.scores[rows]), reference.scores[rows]
    found = {}
    for i, part in zip(places, np.split(scores, len(places)), strict=True):
        change = expected(part) - base
        mean = float(change.mean())
        found[i] = (
            estimate(mean, (change - mean) / len(change)),
            float(np.abs(part - own).mean()),
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Expected:
    """What rows with such a score lost in the reference, between the means of bins."""

    points: Floats
    losses: Floats

    @classmethod
    def of(cls, reference: Sample) -> _Expected:
        scores = _one(reference.scores)
        order = np.argsort(scores, kind="stable")
        parts = np.array_split(order, min(_BINS, max(len(order) // 25, 1)))
        points = np.array([scores[part].mean() for part in parts])
        return cls(points, np.array([reference.losses[part].mean() for part in parts]))

    def __call__(self, scores: Floats) -> Floats:
        found: Floats = np.interp(_one(scores), self.points, self.losses)
        return found


def _one(scores: Floats) -> Floats:
    return scores if scores.ndim == 1 else scores.max(axis=1)


def _moved(
    table: pl.DataFrame, now: pl.DataFrame, column: Column, plain: Plain
) -> pl.DataFrame | None:
    """Return the table with one column where it is now; None: it is not one that can be moved."""
    name = column.source
    if column.name != name:
        return None  # texts and vectors: what was measured of them does not make them again
    old = table[name]
    if plain.numbers is not None:
        if not (old.dtype.is_numeric() or old.dtype == pl.Boolean):
            return None
        numbers = _moved_numbers(numbers_of(old), numbers_of(now[name]))
        values = pl.Series(name, numbers).fill_nan(None)
        if old.dtype.is_integer():
            values = values.round(0)
        elif old.dtype == pl.Boolean:
            values = values >= 0.5
    else:
        values = _moved_texts(texts_of(old), texts_of(now[name])).alias(name)
    try:
        return table.with_columns(values.cast(old.dtype))
    except pl.exceptions.PolarsError:
        return None


def _moved_numbers(before: Floats, now: Floats) -> Floats:
    known, there = ~np.isnan(before), now[~np.isnan(now)]
    found = before.copy()
    if there.size and known.any():
        ranks = (np.argsort(np.argsort(before[known], kind="stable"), kind="stable") + 0.5) / max(
            int(known.sum()), 1
        )
        found[known] = np.quantile(there, ranks)
    missing = 1.0 - there.size / max(len(now), 1)
    more = round(missing * len(before)) - int((~known).sum())
    if more > 0:
        found[spaced(np.flatnonzero(known), more)] = np.nan
    elif more < 0 and there.size:
        filled = spaced(np.flatnonzero(~known), -more)
        found[filled] = np.quantile(there, (np.arange(len(filled)) + 0.5) / len(filled))
    return found


def _moved_texts(before: pl.Series, now: pl.Series) -> pl.Series:
    """Give values that come more often the rows of values that come less often."""
    values: list[str | None] = list(before.to_list())
    first, then = _shares(values), _shares(now.to_list())
    names = sorted({**first, **then}, key=lambda name: (name is None, name or ""))
    wanted = {name: round(then.get(name, 0.0) * len(values)) for name in names}
    spare: list[int] = []
    at: dict[str | None, list[int]] = {}
    for place, value in enumerate(values):
        at.setdefault(value, []).append(place)
    for name in names:
        rows = at.get(name, [])
        excess = len(rows) - wanted[name]
        if excess > 0:
            spare += spaced(np.array(rows), excess).tolist()
    spare.sort()
    taken = _dealt([(name, wanted[name] - len(at.get(name, []))) for name in names], len(spare))
    for place, name in zip(spare, taken, strict=False):
        values[place] = name
    return pl.Series(values, dtype=pl.String)


def _dealt(lacking: list[tuple[str | None, int]], count: int) -> list[str | None]:
    """Deal the values that are lacking over so many places, each spread evenly."""
    dealt = sorted(
        ((k + 0.5) / lack, name is None, name or "") for name, lack in lacking for k in range(lack)
    )
    return [None if missing else name for _, missing, name in dealt[:count]]


def _shares(values: list[str | None]) -> dict[str | None, float]:
    counts: dict[str | None, float] = {}
    for value in values:
        counts[value] = counts.get(value, 0.0) + 1.0 / len(values)
    return counts


def _by_weights(coding: Coding, place: int, losses: Floats) -> Estimate | None:
    column = coding.columns[place]
    codes = coding.reference[:, place]
    p = np.bincount(codes, minlength=column.cells)
    q = np.bincount(coding.current[:, place], minlength=column.cells) / len(coding.current)
    known = p > 0
    if float(q[~known].sum()) > MOVED:
        return None  # cells that the reference does not have lose nobody knows what
    factors = np.where(known, q / np.maximum(p / len(codes), 1e-12), 0.0)[codes]
    factors = factors / factors.mean()
    mean, then = float(losses.mean()), float((factors * losses).mean())
    own = (factors * (losses - then) - (losses - mean)) / len(losses)
    return estimate(then - mean, own)


def _uneven(coding: Coding, place: int, before: Floats, current: Sample) -> float:
    """Return the spread of the rise over the cells of a column; source: DerSimonian, Laird 1986."""
    if not current.known.all():
        return 0.0
    now = current.losses
    column = coding.columns[place]
    width = -(-column.cells // _CELLS) if column.ordered else 1
    stats = [
        _moments(codes[:, place] // width, losses, column.cells)
        for codes, losses in ((coding.reference, before), (coding.current, now))
    ]
    enough = (stats[0][0] >= _CELLS) & (stats[1][0] >= _CELLS)
    if enough.sum() < 2:
        return 0.0
    rise = (stats[1][1] - stats[0][1])[enough]
    noise = sum(variance[enough] / rows[enough] for rows, _, variance in stats)
    weights = 1.0 / np.maximum(noise, 1e-12)
    middle = float(weights @ rise / weights.sum())
    heterogeneity = float(weights @ np.square(rise - middle))
    scale = float(weights.sum() - np.square(weights).sum() / weights.sum())
    spread = (heterogeneity - (len(rise) - 1)) / scale if scale > 0.0 else 0.0
    # A column whose rises differ no more than in nineteen of twenty unchanged ones is even.
    sure = heterogeneity > len(rise) - 1 + 2.0 * np.sqrt(2.0 * (len(rise) - 1))
    return float(np.sqrt(max(spread, 0.0))) if sure else 0.0


def _moments(
    cells: NDArray[Any], values: Floats, count: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    rows = np.bincount(cells, minlength=count)
    safe = np.maximum(rows, 1)
    mean = np.bincount(cells, weights=values, minlength=count) / safe
    square = np.bincount(cells, weights=np.square(values - mean[cells]), minlength=count)
    return rows, mean, square / np.maximum(rows - 1, 1)


def told_columns(found: list[Drifted], floor: float, most: int = 10) -> list[dict[str, Any]]:
    """Return the entry of the evidence: columns that moved or are uneven, the costliest first."""
    rows: dict[str, dict[str, Any]] = {}
    for each in found:
        if each.column not in rows and (each.uneven or each.moved > MOVED):
            rows[each.column] = {
                "column": each.column,
                "measured": each.name,
                "moved": each.moved,
                "loss": each.loss,
                "answers": each.answers,
                "uneven": each.uneven,
                "matters": each.matters(floor),
                "verdict": each.verdict(floor),
            }
    return list(rows.values())[:most]
