"""What joining remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ostinato.core.records import Ints, PredictionsMade
from ostinato.join.config import JoinConfig
from ostinato.join.coverage import CohortCoverage, Coverage
from ostinato.join.outcomes import OutcomeState
from ostinato.join.window import LabelWindow


@dataclass(frozen=True, slots=True)
class Cohort:
    """The predictions of one tick.

    `first_slot` numbers the first row over the life of the loop; `offsets` are the rows' places in
    their source (`made.offset` on, without predictions that were retried).
    """

    first_slot: int
    first_ns: int
    last_ns: int
    offsets: Ints
    made: PredictionsMade

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def layout(self) -> tuple[Any, ...]:
        """What must agree between cohorts that stand in one record: versions, score shapes."""
        return tuple((v, self.made.scores[v].shape[1:]) for v in self.made.versions)


@dataclass(frozen=True, slots=True)
class EarlyLabel:
    """A label whose prediction is not known yet, and since when it has been held."""

    value: float
    time_ns: int
    since_ns: int


@dataclass(slots=True)
class JoinState:
    """Cohorts that may still change, oldest first, and the way from an id to its slot.

    `first_slots` repeats where each cohort begins; cohorts before `open_from` have matured, with
    all slots before `open_slot`. `labels` are those of all cohorts held, `history` what they
    replaced or outlived: slot to (value, label time). `early` holds labels without a prediction,
    oldest first. All predictions up to `matured_to_ns` have matured; None: nothing has. `counts`
    and `coverage` are totals over the life of the loop. `outcomes` are business outcomes awaited.
    """

    cohorts: list[Cohort] = field(default_factory=list)
    first_slots: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    slots: dict[Any, int] = field(default_factory=dict)
    labels: LabelWindow = field(default_factory=LabelWindow)
    history: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    next_slot: int = 0
    open_from: int = 0
    open_slot: int = 0
    early: dict[Any, EarlyLabel] = field(default_factory=dict)
    matured_to_ns: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    outcomes: OutcomeState = field(default_factory=OutcomeState)
    config_: JoinConfig | None = None

    def count(self, what: str, by: int = 1) -> bool:
        """Add to a total; True when it was zero before and is not now."""
        if by == 0:
            return False
        before = self.counts.get(what, 0)
        self.counts[what] = before + by
        return before == 0

    def cohort_coverage(self) -> list[CohortCoverage]:
        """Return what is known of every cohort held, oldest first."""
        return [
            CohortCoverage(
                first_ns=cohort.first_ns,
                last_ns=cohort.last_ns,
                rows=len(cohort),
                labelled=self.labels.known(self.labels.rows(cohort.first_slot, len(cohort))),
                matured=place < self.open_from,
            )
            for place, cohort in enumerate(self.cohorts)
        ]
