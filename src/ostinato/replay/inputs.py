"""Tell the inputs of a history as counts: those before the start, and those of each tick.

The cells of all rows are found once, whatever the number of policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ostinato.core.records import Record
from ostinato.core.watched import InputsSummarised
from ostinato.loop.watching import Sights
from ostinato.replay.history import History
from ostinato.watch.summarise import Encoded, Summariser

SHORT: Final = 14
"""Long windows before the start that are told in short ones, so that it is known how those vary.
Fewer: short windows speak later; more: a longer first tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs of a history.

    Parameters
    ----------
    history
        The rows.
    sights
        Widths of windows; its grid is that of the summariser.
    summariser, encoded
        What counts, and the cells of the rows.
    """

    history: History
    sights: Sights
    summariser: Summariser
    encoded: Encoded

    @classmethod
    def of(cls, history: History, sights: Sights) -> Self:
        """Find the cells of all rows."""
        assert sights.grid is not None, "asked only where inputs are counted"
        summariser = Summariser(sights.grid, sights.slice_groups, sights.fast_ns)
        encoded = summariser.encode(history.frame, history.groups)
        return cls(history=history, sights=sights, summariser=summariser, encoded=encoded)

    def before(self, now_ns: int) -> list[Record]:
        """Summarise the rows before the start: long windows, then short ones."""
        first, slow_ns = self.history.first, self.sights.slow_ns
        times = self.history.times_ns[:first]
        recent_ns = (int(times[-1]) // slow_ns + 1 - SHORT) * slow_ns
        cut = int(np.searchsorted(times, recent_ns))
        parts = ((0, cut, slow_ns), (cut, first, self.sights.fast_ns))
        return [self._told(a, b, now_ns, width) for a, b, width in parts if a < b]

    def tell(self, start: int, stop: int, now_ns: int) -> InputsSummarised:
        """Summarise the rows of a tick."""
        return self._told(start, stop, now_ns, self.sights.fast_ns)

    def _told(self, start: int, stop: int, now_ns: int, width_ns: int) -> InputsSummarised:
        times = self.history.times_ns
        return self.summariser.tell(
            self.encoded, times, start, stop, now_ns=now_ns, width_ns=width_ns
        )


def inputs_of(sights: Sights | None, history: History) -> Inputs | None:
    """Return the inputs of a history, made once; None where they are not watched."""
    if sights is None or sights.grid is None:
        return None
    found: Inputs | None = history.prepared.get("inputs")
    if found is None or _counting(found.sights) != _counting(sights):
        found = history.prepared["inputs"] = Inputs.of(history, sights)
    return found


def _counting(sights: Sights) -> tuple[object, ...]:
    """Return what of sights says how inputs are counted."""
    return sights.fast_ns, sights.slow_ns, sights.grid, sights.slice_groups
