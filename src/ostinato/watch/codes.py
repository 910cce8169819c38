"""Codes of numbers: 16 bits that keep the order of values, finer the nearer to a centre.

In: numbers as float64. Out: the upper half of (value - centre) as float32: sign, exponent and
seven digits, so that neighbours differ by at most 1/128 of their distance to the centre. Finding a
cell is then one look-up instead of a search. State: none.
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints

CODES: Final = 1 << 16
ZERO: Final = 1 << 15
"""Rank of the code of the centre itself."""

LOWEST: Final = 0x80
"""Rank of the lowest finite value; the one before is minus infinity, still lower ones are NaN."""

INFINITE: Final = 0xFF80
"""Rank of infinity; higher ones are NaN."""

_UPPER: Final = 1 if sys.byteorder == "little" else 0  # the half of a float32 with the sign


def codes(values: Floats, centre: float, scratch: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the codes of values.

    Parameters
    ----------
    values
        (n,), float64.
    centre
        What they are seen from; finite.
    scratch
        (at least n,), float32; the codes are a view of it.
    """
    away = scratch[: len(values)]
    np.subtract(values, centre, out=away, casting="unsafe")
    return away.view(np.uint16)[_UPPER::2]


def ranks(coded: NDArray[np.uint16]) -> Ints:
    """Return the ranks of codes: ascending with the value."""
    wide = coded.astype(np.int64)
    return np.where(wide >= ZERO, CODES - 1 - wide, wide + ZERO)


def lower_ends(starts: Ints, centre: float) -> Floats:
    """Return the least value of each rank, in [LOWEST, INFINITE]."""
    below = starts < ZERO
    # Of a negative code the least value is the one farthest from the centre: the next code's.
    magnitude = np.where(below, ZERO - starts, starts - ZERO).astype(np.uint32)
    away = (magnitude << np.uint32(16)).view(np.float32).astype(np.float64)
    ends: Floats = centre + np.where(below, -away, away)
    return ends


def table(starts: Ints, missing: int) -> NDArray[np.uint8]:
    """Return the cell of every code, (65536,), given the rank with which each cell begins."""
    rank = ranks(np.arange(CODES, dtype=np.uint16))
    cells = np.searchsorted(starts, rank, side="right").astype(np.uint8)
    cells[(rank < LOWEST - 1) | (rank > INFINITE)] = missing
    return cells
