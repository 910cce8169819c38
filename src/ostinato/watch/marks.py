"""Count duplicates in an even sample of rows that any number of workers can merge.

In: 64 bits per row, equal for equal rows. Out: the rows with the smallest of them, and how often
each came. State: none. Which rows these are depends on nothing but their values, so that a row and
its duplicate are both in the sample or both out, however far apart they came.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Ints

Hashes = NDArray[np.uint64]


def smallest(marks: Hashes, rows: Ints | None, most: int) -> tuple[Hashes, Ints]:
    """Return the smallest marks, ascending, and the rows of each.

    Merging the answers for two parts and taking the smallest again gives that for the whole.

    Parameters
    ----------
    marks
        (n,), a mark may come again.
    rows
        (n,), rows of each; None: one each.
    most
        How many different marks are kept, >= 1.

    Source: bottom-k sketch, Cohen and Kaplan 2007; an exact count of each sampled item is kept, as
    in distinct sampling, Gibbons 2001.
    """
    order = None if rows is None else np.argsort(marks, kind="stable")
    ordered = np.sort(marks) if order is None else marks[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[: most + 1]
    first = first if len(marks) else first[:0]
    ends = np.append(first[1:], len(marks)) if len(first) <= most else first[1:]
    first = first[:most]
    if rows is None or order is None:
        return ordered[first], ends - first
    until = int(ends[-1]) if len(ends) else 0
    summed = np.add.reduceat(rows[order[:until]], first) if len(first) else rows[:0]
    return ordered[first], summed


def duplicates(marks: Hashes, marked: Ints) -> tuple[int, int]:
    """Return how many rows of the sample are equal to an earlier one, and how many there are."""
    rows = int(marked.sum())
    return rows - len(np.unique(marks)), rows
