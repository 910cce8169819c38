"""What joining remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Codes, Floats, Ints, PredictionsMade
from ostinato.join.config import JoinConfig


@dataclass(slots=True)
class Cohort:
    """The predictions of one tick and what is known of their labels.

    `first_slot` numbers its first row over the life of the loop. `history` holds labels that were
    overwritten: (row, old value, old time).
    """

    first_slot: int
    offset: int
    ids: NDArray[Any]
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scores: dict[str, Floats]
    labels: Floats
    label_times_ns: Ints
    missing: int
    matured: bool = False
    history: list[tuple[int, float, int]] = field(default_factory=list)

    @classmethod
    def of(cls, made: PredictionsMade, first_slot: int) -> Cohort:
        """Open a cohort for predictions just made."""
        size = len(made)
        return cls(
            first_slot=first_slot,
            offset=made.offset,
            ids=made.ids,
            times_ns=made.times_ns,
            unit_hashes=made.unit_hashes,
            groups=made.groups,
            versions=made.versions,
            answered=made.answered,
            roles=made.roles,
            scores=dict(made.scores),
            labels=np.full(size, np.nan),
            label_times_ns=np.full(size, -1, dtype=np.int64),
            missing=size,
        )

    @property
    def last_ns(self) -> int:
        """Time of the cohort's last prediction."""
        return int(self.times_ns[-1])


@dataclass(slots=True)
class JoinState:
    """Cohorts that may still change, oldest first, and the way from an id to its slot.

    `early` holds labels without a prediction yet: id to (value, label time, held since).
    `counts` are totals over the life of the loop.
    """

    cohorts: list[Cohort] = field(default_factory=list)
    slots: dict[Any, int] = field(default_factory=dict)
    next_slot: int = 0
    open_from: int = 0
    early: dict[Any, tuple[float, int, int]] = field(default_factory=dict)
    matured_to_ns: int = -1
    counts: dict[str, int] = field(default_factory=dict)
    config_: JoinConfig | None = None

    def count(self, what: str, by: int = 1) -> bool:
        """Add to a total; True when it was zero before and is not now."""
        before = self.counts.get(what, 0)
        self.counts[what] = before + by
        return before == 0 < by
