"""Rows as they were served, a bounded sample of them, until they are compared with what they are.

Which rows are in it depends on the log alone. It is not kept over a death of the engine: rows that
were not compared by then are lost to parity, and none is compared twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import place
from ostinato.core.records import Ints
from ostinato.live.engine.gather import Gathered

MOST: Final = 2_000
"""Rows handed over at once. Fewer: faults on few rows are found later; more: each comparison takes
longer, and memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedRows:
    """Served rows in the order of their places.

    Parameters
    ----------
    places
        (n,), ascending.
    times_ns
        (n,), as of which their features were computed.
    unit_hashes
        (n,) uint64.
    rows
        (n,) served rows, all fields.
    """

    places: Ints
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    rows: Sequence[tuple[Any, ...]]

    def __len__(self) -> int:
        return len(self.places)

    def take(self, which: NDArray[Any]) -> ServedRows:
        """Return rows by mask or by index."""
        at = np.arange(len(self))[which]
        return ServedRows(
            places=self.places[at],
            times_ns=self.times_ns[at],
            unit_hashes=self.unit_hashes[at],
            rows=[self.rows[i] for i in at.tolist()],
        )

    def and_then(self, later: ServedRows) -> ServedRows:
        """Return these rows and later ones."""
        return ServedRows(
            places=np.concatenate([self.places, later.places]),
            times_ns=np.concatenate([self.times_ns, later.times_ns]),
            unit_hashes=np.concatenate([self.unit_hashes, later.unit_hashes]),
            rows=[*self.rows, *later.rows],
        )


def no_rows() -> ServedRows:
    """Return no rows."""
    none = np.empty(0, dtype=np.int64)
    return ServedRows(places=none, times_ns=none, unit_hashes=none.astype(np.uint64), rows=[])


def thinned(rows: ServedRows, most: int) -> ServedRows:
    """Leave out every second row until there are not more than so many."""
    while len(rows) > most:
        rows = rows.take(np.arange(len(rows)) % 2 == 0)
    return rows


@dataclass(slots=True)
class ServedSample:
    """Gathers a sample of the rows of each tick.

    Parameters
    ----------
    loop
        Its name, for the draw of the units.
    share
        Of the units whose rows are compared; None: all.
    most
        Rows kept. If more come, evenly fewer of them are taken.
    """

    loop: str
    share: float | None
    most: int = MOST
    _rows: ServedRows = field(default_factory=no_rows)

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, gathered: Sequence[Gathered], *, everything: bool) -> None:
        """Take the rows of a tick: those of the sampled units, or of all."""
        for each in gathered:
            found = _served(each)
            if self.share is not None and not everything:
                drawn = place(found.unit_hashes, f"{self.loop}/parity") < self.share
                found = found.take(drawn)
            self._rows = thinned(self._rows.and_then(found), self.most)

    def drop(self, to_row: int) -> None:
        """Forget the rows before a place."""
        if len(self._rows) and self._rows.places[0] < to_row:
            self._rows = self._rows.take(self._rows.places >= to_row)

    def hand_over(self) -> ServedRows:
        """Return the rows, and keep none."""
        found, self._rows = self._rows, no_rows()
        return found


def _served(each: Gathered) -> ServedRows:
    first, count = each.answered.offset, len(each.rows)
    return ServedRows(
        places=np.arange(first, first + count),
        times_ns=each.asked_ns,
        unit_hashes=each.answered.unit_hashes,
        rows=each.rows,
    )
