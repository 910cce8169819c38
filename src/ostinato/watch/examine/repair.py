"""What broken values cost: the champion answers again, with values that come from the reference.

A value drawn from the reference is as good as none: it costs what the column is worth. How much
that is, the reference says, where the column is drawn anew as well. So the cost of a fault is

    loss as it is - loss with drawn values     (broken rows now)
    + loss with drawn values - loss as it is   (reference)

Neither difference changes when outcomes come to mean something else at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core import rng as chance
from ostinato.core.errors import DataError, LearnerError
from ostinato.core.records import Floats, Ints
from ostinato.stats.influence import Estimate, estimate
from ostinato.watch.examine.faults import Fault
from ostinato.watch.examine.sample import Champion, Sample

ASKED: Final = 4_000
"""Rows of the reference that the champion answers again per column. Fewer: wide intervals; more:
slow champions make an examination long."""

_LEVEL: Final = 0.95  # of the interval that says whether a fault costs anything

COLUMNS_MOST: Final = 4
"""Broken columns whose cost is measured, the most broken first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repair:
    """One broken column, and what its fault costs.

    Parameters
    ----------
    column
        Its name.
    faults
        What is broken about it.
    rows
        (m,) flags of the broken rows now.
    cost
        By how much the fault raises the mean loss of all current rows; None: it could not be
        measured.
    doubt
        Standard error of what the column is worth, in the same unit: it is what the losses of
        mended rows are unsure by.
    """

    column: str
    faults: tuple[Fault, ...]
    rows: NDArray[np.bool_]
    cost: Estimate | None = None
    doubt: float = 0.0

    @property
    def matters(self) -> bool:
        """Whether the fault surely costs, or saves, anything."""
        if self.cost is None:
            return False
        low, high = self.cost.interval(_LEVEL)
        return low > 0.0 or high < 0.0


def mend(
    reference: Sample, current: Sample, faults: Sequence[Fault], champion: Champion, *, salt: str
) -> tuple[list[Repair], Sample]:
    """Measure what each broken column costs, and say what current rows would have been without.

    Parameters
    ----------
    reference, current
        Rows with a loss.
    faults
        As found on the same current rows.
    champion
        Who answers again.
    salt
        Name of the random streams that draw values.

    Returns
    -------
    tuple
        The repairs, and the current rows with drawn values in the place of broken ones that
        matter, and losses less what such values cost in the reference.
    """
    by_column: dict[str, list[Fault]] = {}
    for fault in faults:
        by_column.setdefault(fault.column, []).append(fault)
    masks = {
        name: np.any([each.rows for each in found], axis=0) for name, found in by_column.items()
    }
    order = sorted(by_column, key=lambda name: (-int(masks[name].sum()), name))
    done = []
    for place, name in enumerate(order):
        repair = Repair(column=name, faults=tuple(by_column[name]), rows=masks[name])
        if champion.score is not None and place < COLUMNS_MOST:
            rng = chance.stream(0, f"{salt}/repair/{name}")
            repair, mended = _mend(reference, current, repair, champion, rng)
            current = mended if repair.matters else current
        done.append(repair)
    return done, current


def _mend(
    reference: Sample,
    current: Sample,
    repair: Repair,
    champion: Champion,
    rng: np.random.Generator,
) -> tuple[Repair, Sample]:
    name, rows = repair.column, np.flatnonzero(repair.rows)
    before = spaced(np.arange(len(reference)), ASKED)
    values = drawn_values(reference.frame[name], len(rows), rng)
    mended = _put(current.frame, name, rows, values)
    table = reference.frame[before]
    other = table.with_columns(drawn_values(table[name], len(before), rng).alias(name))
    now = None if mended is None else answers(champion, mended[rows])
    then = answers(champion, other)
    if mended is None or now is None or then is None:
        return repair, current
    lost = champion.loss(current.labels[rows], now)
    saved = current.losses[rows] - lost
    worth = champion.loss(reference.labels[before], then) - reference.losses[before]
    if not (np.isfinite(saved).all() and np.isfinite(worth).all()):
        return repair, current
    share, drawn_cost = len(rows) / len(current), float(worth.mean())
    noise = share * (worth - drawn_cost) / len(worth)
    cost = estimate(
        share * (float(saved.mean()) + drawn_cost),
        share * (saved - saved.mean()) / len(rows),
        noise,
    )
    scores, losses = current.scores.copy(), current.losses.copy()
    scores[rows], losses[rows] = now, lost - drawn_cost
    doubt = estimate(0.0, noise).error
    return (
        replace(repair, cost=cost, doubt=doubt),
        replace(current, frame=mended, scores=scores, losses=losses),
    )


def drawn_values(column: pl.Series, count: int, rng: np.random.Generator) -> pl.Series:
    """Return so many values of a column, drawn evenly with replacement."""
    return column.gather(rng.integers(0, len(column), count))


def _put(frame: pl.DataFrame, name: str, rows: Ints, values: pl.Series) -> pl.DataFrame | None:
    column = frame[name]
    if column.dtype != values.dtype:  # one that holds nothing now takes the type that it had
        numbers = column.dtype.is_numeric() and values.dtype.is_numeric()
        kind = pl.Float64() if numbers else values.dtype
        try:
            column, values = column.cast(kind), values.cast(kind)
        except pl.exceptions.PolarsError:
            return None
    places = np.zeros(len(column), dtype=np.int64)
    places[rows] = np.arange(len(rows))
    flags = np.zeros(len(column), dtype=np.bool_)
    flags[rows] = True
    return frame.with_columns(values.gather(places).zip_with(pl.Series(flags), column).alias(name))


def spaced(places: Ints, most: int) -> Ints:
    """Return at most so many of some places, evenly spaced."""
    if len(places) <= most:
        return places
    return places[np.arange(most) * len(places) // most]


def answers(champion: Champion, frame: pl.DataFrame) -> Floats | None:
    """Return what the champion says of a table; None: it fails."""
    assert champion.score is not None, "a champion that can be asked"
    try:
        return champion.score(frame)
    except (DataError, LearnerError):
        return None
