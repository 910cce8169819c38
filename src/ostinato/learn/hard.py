"""The known-hard cases the loop keeps for its gates: the worst ones, and those people named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.ids import place
from ostinato.core.records import FALLBACK_VERSION, ROLES, CasesNamed, Floats, Ints, LossesObserved

KEEP: Final = 500
"""Worst cases kept. Fewer prove nothing in a paired test; more are no longer the hardest."""


_EXPLORE: Final = ROLES.index("explore")


def never_trained(
    unit_hashes: np.ndarray[tuple[int], np.dtype[np.uint64]], *, loop: str, share: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which rows no version of a loop ever trains on: (n,) bool, by hash of their unit."""
    return place(unit_hashes, f"{loop}/never-trained") < share


def _no_rows() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class HardCases:
    """Rows to get right: the worst never-trained ones, n <= `KEEP`, and all that people named.

    `offsets`, `times_ns` and `losses` (n,) are the never-trained rows with the largest answered
    loss. The losses are those of whichever version answered at the time, so the set leans against
    past champions; gates ask a candidate to be no worse on it, never to be better. `golden` and
    `reviewed` (sorted offsets) are never pushed out by worse ones.
    """

    offsets: Ints = field(default_factory=_no_rows)
    times_ns: Ints = field(default_factory=_no_rows)
    losses: Floats = field(default_factory=lambda: np.empty(0))
    golden: Ints = field(default_factory=_no_rows)
    reviewed: Ints = field(default_factory=_no_rows)

    def take(self, observed: LossesObserved, *, loop: str, share: float, explored: bool) -> None:
        """Consider newly matured rows; if `explored`, only those that chance let through."""
        fits = never_trained(observed.unit_hashes, loop=loop, share=share)
        rows = np.flatnonzero(fits & (observed.roles == _EXPLORE) if explored else fits)
        if not len(rows):
            return
        stacked = np.stack([observed.losses[version] for version in observed.versions])
        answered = stacked[observed.answered[rows], rows]
        usable = ~np.isnan(answered)
        if FALLBACK_VERSION in observed.versions:  # a constant finds other rows hard than a model
            usable &= observed.answered[rows] != observed.versions.index(FALLBACK_VERSION)
        rows, answered = rows[usable], answered[usable]
        losses = np.concatenate([self.losses, answered])
        offsets = np.concatenate([self.offsets, observed.offsets[rows]])
        times = np.concatenate([self.times_ns, observed.times_ns[rows]])
        if len(losses) > KEEP:
            kept = np.sort(np.argsort(-losses, kind="stable")[:KEEP])
            losses, offsets, times = losses[kept], offsets[kept], times[kept]
        self.losses, self.offsets, self.times_ns = losses, offsets, times

    def name(self, named: CasesNamed) -> None:
        """Take rows that people named."""
        if named.source == "golden":
            self.golden = np.union1d(self.golden, named.offsets)
        else:
            self.reviewed = np.union1d(self.reviewed, named.offsets)

    def forget(self, until_ns: int) -> None:
        """Let the worst cases up to a moment go: gates no longer count them."""
        kept = self.times_ns > until_ns
        self.losses, self.offsets = self.losses[kept], self.offsets[kept]
        self.times_ns = self.times_ns[kept]

    def listed(self) -> Ints:
        """Return the offsets of all of them, ascending, each once."""
        named = np.union1d(self.golden, self.reviewed)
        listed: Ints = np.union1d(self.offsets, named).astype(np.int64)
        return listed
