"""The labels of all predictions that may still change, in one pair of columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.join.coverage import NO_LABEL

_SMALLEST = 256  # rows made room for at first; doubles from there


def _unknown(size: int) -> Floats:
    return np.full(size, np.nan)


def _untimed(size: int) -> Ints:
    return np.full(size, NO_LABEL, dtype=np.int64)


def _untold(size: int) -> NDArray[np.bool_]:
    return np.zeros(size, dtype=np.bool_)


@dataclass(slots=True)
class LabelWindow:
    """Labels by slot: room for slots `first_slot` on, of which `size` are in use.

    One column for all cohorts, so that labels of many cohorts are written at once. Rows leave at
    the front without being copied; the columns are copied when the room at the end is used up,
    into room for twice the rows in use.

    Parameters
    ----------
    values
        (room,) labels, NaN where there is none (yet, or because it was withdrawn).
    times_ns
        (room,) time of the label held, `NO_LABEL` where none was written.
    asked_ns
        (room,) time of the prediction.
    told
        (room,) whether it was told that the row has got its first label.
    """

    first_slot: int = 0
    size: int = 0
    values: Floats = field(default_factory=lambda: _unknown(_SMALLEST))
    times_ns: Ints = field(default_factory=lambda: _untimed(_SMALLEST))
    asked_ns: Ints = field(default_factory=lambda: _untimed(_SMALLEST))
    told: NDArray[np.bool_] = field(default_factory=lambda: _untold(_SMALLEST))

    def extend(self, asked_ns: Ints) -> None:
        """Add rows without a label at the end, predicted at these times."""
        used, self.size = self.size, self.size + len(asked_ns)
        if self.size > len(self.values):
            room = max(2 * self.size, _SMALLEST)
            values, times_ns, asked = _unknown(room), _untimed(room), _untimed(room)
            told = _untold(room)
            values[:used] = self.values[:used]
            times_ns[:used] = self.times_ns[:used]
            asked[:used] = self.asked_ns[:used]
            told[:used] = self.told[:used]
            self.values, self.times_ns, self.asked_ns, self.told = values, times_ns, asked, told
        self.asked_ns[used : self.size] = asked_ns

    def cut(self, to_slot: int) -> None:
        """Drop the rows before a slot."""
        gone = to_slot - self.first_slot
        assert 0 <= gone <= self.size, "only rows in the window can leave it"
        self.values, self.times_ns = self.values[gone:], self.times_ns[gone:]
        self.asked_ns, self.told = self.asked_ns[gone:], self.told[gone:]
        self.first_slot, self.size = to_slot, self.size - gone

    def rows(self, first_slot: int, count: int) -> slice:
        """Return where the rows of a cohort stand."""
        start = first_slot - self.first_slot
        return slice(start, start + count)

    def incomplete(self, rows: slice) -> bool:
        """Say whether some of the rows have no label."""
        return bool(np.isnan(self.values[rows]).any())

    def known(self, rows: slice) -> int:
        """Count the rows with a label."""
        return int((~np.isnan(self.values[rows])).sum())

    def known_times_ns(self, rows: slice | Ints) -> Ints:
        """Return the rows' label times, `NO_LABEL` also where the label was withdrawn."""
        times: Ints = np.where(np.isnan(self.values[rows]), NO_LABEL, self.times_ns[rows])
        return times
