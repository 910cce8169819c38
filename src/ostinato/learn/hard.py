"""The known-hard cases the loop keeps for its gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.ids import place
from ostinato.core.records import Floats, Ints, LossesObserved

KEEP: Final = 500
"""Cases kept. Fewer prove nothing in a paired test; more are no longer the hardest."""


def never_trained(
    unit_hashes: np.ndarray[tuple[int], np.dtype[np.uint64]], *, loop: str, share: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which rows no version of a loop ever trains on: (n,) bool, by hash of their unit."""
    return place(unit_hashes, f"{loop}/never-trained") < share


@dataclass(slots=True)
class HardCases:
    """Never-trained rows with the largest answered loss: (n,) offsets and losses, n <= `KEEP`.

    The losses are those of whichever version answered at the time, so the set leans against past
    champions; gates ask a candidate to be no worse on it, never to be better.
    """

    offsets: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    losses: Floats = field(default_factory=lambda: np.empty(0))

    def take(self, observed: LossesObserved, *, loop: str, share: float) -> None:
        """Consider newly matured rows."""
        rows = np.flatnonzero(never_trained(observed.unit_hashes, loop=loop, share=share))
        if not len(rows):
            return
        stacked = np.stack([observed.losses[version] for version in observed.versions])
        answered = stacked[observed.answered[rows], rows]
        rows, answered = rows[~np.isnan(answered)], answered[~np.isnan(answered)]
        losses = np.concatenate([self.losses, answered])
        offsets = np.concatenate([self.offsets, observed.offsets[rows]])
        if len(losses) > KEEP:
            kept = np.sort(np.argsort(-losses, kind="stable")[:KEEP])
            losses, offsets = losses[kept], offsets[kept]
        self.losses, self.offsets = losses, offsets
