"""What is examined: rows of two times, and the champion as far as it must be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.ids import hash_keys, join_hashes, place
from ostinato.core.records import Codes, Floats, Ints

ROWS_MOST: Final = 6_000
"""Rows drawn from each side. Fewer: small causes stay unseen; more: an examination takes longer
than a tick of the loop may, and intervals get little narrower."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Rows of one time, in order of time.

    Parameters
    ----------
    frame
        (n rows) features as served.
    times_ns
        (n,) when each was asked for.
    labels
        (n,) class index or target, NaN where unknown.
    scores
        (n,) or (n, k), what the champion says of each; NaN where it cannot.
    losses
        (n,) its loss, lower is better; NaN where label or score are.
    groups
        (n, g) slice group of each row by slice column, as in the records; -1: none.
    weights
        (n,) how many rows each stands for (inverse propensities), > 0; None: one. The parts of a
        change weigh rows by it; slices, columns and suspicious labels count rows.
    """

    frame: pl.DataFrame
    times_ns: Ints
    labels: Floats
    scores: Floats
    losses: Floats
    groups: Codes
    weights: Floats | None = None

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) which rows have a loss."""
        return np.isfinite(self.losses)

    @property
    def mass(self) -> Floats:
        """(n,) the weights, ones where there are none."""
        return np.ones(len(self)) if self.weights is None else self.weights

    def taken(self, rows: Ints | NDArray[np.bool_]) -> Self:
        """Return some of the rows: their places, ascending, or a flag per row."""
        places = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return type(self)(
            frame=self.frame[places],
            times_ns=self.times_ns[places],
            labels=self.labels[places],
            scores=self.scores[places],
            losses=self.losses[places],
            groups=self.groups[places],
            weights=None if self.weights is None else self.weights[places],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The version that is examined.

    Parameters
    ----------
    version
        Its name.
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    loss
        Gives the loss per row (n,) of labels (n,) and scores.
    score
        Gives its scores of a table of features; None: it cannot be asked again.
    classes
        Names of the classes, in order; none for regression.
    group_names
        Names of the slice groups, by code.
    """

    version: str
    task: str
    loss: Callable[[Floats, Floats], Floats]
    score: Callable[[pl.DataFrame], Floats] | None = None
    classes: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()


def row_keys(unit_hashes: NDArray[np.uint64], times_ns: Ints) -> NDArray[np.uint64]:
    """Return what rows are drawn by, (n,) uint64: the same live and in a replay."""
    return join_hashes([unit_hashes, hash_keys(times_ns)])


def drawn(keys: NDArray[np.uint64], *, salt: str, most: int = ROWS_MOST) -> Ints:
    """Return the places of at most so many rows, evenly by hash, ascending."""
    if len(keys) <= most:
        return np.arange(len(keys), dtype=np.int64)
    places = place(keys, salt)
    chosen: Ints = np.sort(np.argsort(places, kind="stable")[:most])
    return chosen


STRETCHES: Final = 15
"""Stretches of time that folds are made of. Fewer: folds differ by their time; more: rows of one
moment lie in several folds, and what one of them teaches gives the other away."""


def folds(rows: int, count: int) -> NDArray[np.int8]:
    """Return the fold of each of so many rows in order of time, (rows,) in 0..count-1.

    Folds are made of stretches of time in turn: neighbours in time are alike, and a row is judged
    by what others teach.
    """
    stretch = np.arange(rows) * (STRETCHES // count * count) // max(rows, 1)
    return (stretch % count).astype(np.int8)
