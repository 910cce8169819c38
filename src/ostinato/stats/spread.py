"""Which cells a batch of rows falls into when each row counts in several groups."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Spread:
    """The (row, group) pairs of one batch, built once and used for each table.

    Parameters
    ----------
    rows
        (m,), row of each pair.
    groups
        (m,), group of each pair.
    weights
        (m,), signed weight of each pair; None means 1 everywhere.
    """

    rows: IntArray
    groups: IntArray
    weights: FloatArray | None

    def add(
        self, table: FloatArray, values: FloatArray | None = None, cells: IntArray | None = None
    ) -> None:
        """Add a value per row to its cell of each of its groups, in row order.

        ``np.add.at`` is as fast as ``np.bincount`` here, needs no second table and adds in row
        order, so other batch borders give the same bits.

        Parameters
        ----------
        table
            (groups, ...), C-contiguous; changed in place.
        values
            (n,), what each row adds; None means 1.
        cells
            (n,), cell inside a group's line; None where a line is one cell.
        """
        where = self.groups
        if cells is not None:
            where = where * (table.size // table.shape[0]) + cells[self.rows]
        amount: FloatArray | float = 1.0 if self.weights is None else self.weights
        if values is not None:
            amount = amount * values[self.rows]
        np.add.at(table.reshape(-1), where, amount)


def spread(
    codes: npt.NDArray[np.integer], weights: FloatArray | None, *, rows: int, groups: int
) -> Spread:
    """Flatten group codes into pairs, leaving out -1.

    Parameters
    ----------
    codes
        (n, s) or (n,), group of each row in each of s divisions; -1 is none.
    weights
        (n,) signed weights, or None.
    rows, groups
        n, and the number of groups of the summary.

    Raises
    ------
    ValueError
        when the lengths differ or a code is not below ``groups``.
    """
    if codes.shape[0] != rows or (weights is not None and weights.shape[0] != rows):
        raise ValueError(f"codes and weights must have {rows} rows like the scores")
    flat = codes.reshape(-1)
    kept = np.flatnonzero(flat >= 0)
    pairs = flat[kept].astype(np.int64, copy=False)
    if kept.size and int(pairs.max()) >= groups:
        raise ValueError(
            f"group code {int(pairs.max())} was found in a summary of {groups} groups: "
            "call grow() first"
        )
    owner = kept // (codes.shape[1] if codes.ndim == 2 else 1)
    return Spread(owner, pairs, None if weights is None else weights[owner])


def grown(table: FloatArray, groups: int) -> FloatArray:
    """Return the table with lines of zeros added, or itself when it is long enough."""
    missing = groups - table.shape[0]
    if missing <= 0:
        return table
    return np.concatenate([table, np.zeros((missing, *table.shape[1:]))])


def check_probabilities(scores: FloatArray) -> None:
    """Raise when a score is not a probability (NaN included).

    Raises
    ------
    ValueError
        naming the range that was found.
    """
    if scores.size and not (scores.min() >= 0.0 and scores.max() <= 1.0 + 1e-6):
        raise ValueError(
            f"scores must lie in [0, 1], they ran from {scores.min()} to {scores.max()}"
        )
