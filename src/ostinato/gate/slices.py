"""The rows of several validation sets, cut into slices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import Codes, Floats, Ints
from ostinato.gate.compare import Gain, compare
from ostinato.gate.verdict import Case

_ALPHA: Final = 0.05  # of the bounds told; tests have their own level


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The gain on a slice, and the champion's mean loss on it."""

    gain: Gain
    base: float

    def p_worse(self, margin: float) -> float:
        """Return the p-value of "no worse than the margin"."""
        return self.gain.p_below(-margin * self.base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of several validation sets, one after the other."""

    names: tuple[str, ...]
    times: Ints
    gains: Floats
    losses: Floats
    groups: Codes = field(default_factory=lambda: np.empty((0, 0), dtype=np.int32))

    @classmethod
    def of(cls, case: Case, names: list[str]) -> Rows:
        """Put the named sets of a case together."""
        if not names:
            none = np.empty(0)
            return cls(names=(), times=none.astype(np.int64), gains=none, losses=none)
        return cls(
            names=tuple(names),
            times=np.concatenate([case.sets[name].times_ns for name in names]),
            gains=np.concatenate([case.gains[name] for name in names]),
            losses=np.concatenate([case.champion_losses[name] for name in names]),
            groups=np.concatenate([case.sets[name].groups for name in names]),
        )

    def by_slice(self, group_names: tuple[str, ...], *, least: int) -> dict[str, Slice]:
        """Compare on each slice that has at least so many rows."""
        found: dict[str, Slice] = {}
        for code, label in enumerate(group_names):
            rows = np.flatnonzero((self.groups == code).any(axis=1))
            if len(rows) >= least:
                gain = compare(self.times[rows], self.gains[rows], _ALPHA)
                found[label] = Slice(gain=gain, base=float(self.losses[rows].mean()))
        return found
