"""The label clock: how many labels are known, and how old predictions were when they came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints

NO_LABEL: Final = int(np.iinfo(np.int64).min)
"""Label time of a prediction without a label."""

AGES: Final = 32
"""Ages of labels are counted in steps of 1/32 of the horizon. Fewer hide whether a shorter horizon
would do; more cost memory, 8 bytes each."""


def _no_ages() -> Ints:
    return np.zeros(AGES + 1, dtype=np.int64)


@dataclass(slots=True)
class Coverage:
    """Totals over matured rows; totals of two loops or workers add up by `merge`.

    Parameters
    ----------
    rows
        Rows matured.
    labelled
        Those of them with a label known now. The rest are overdue.
    ages
        (33,) labels by the age of their prediction at the label's time, in 1/32 of the horizon; the
        last one counts labels after the horizon. Rows whose label was withdrawn stay out.

    Examples
    --------
    >>> clock = Coverage()
    >>> clock.mature(np.array([0, 0]), np.array([3_000, NO_LABEL]), horizon_ns=10_000)
    >>> clock.rows, clock.labelled, clock.overdue, clock.share_by_age()[[8, 9, 32]].tolist()
    (2, 1, 1, [0.0, 0.5, 0.5])
    """

    rows: int = 0
    labelled: int = 0
    ages: Ints = field(default_factory=_no_ages)

    @property
    def overdue(self) -> int:
        """Matured rows without a label."""
        return self.rows - self.labelled

    def mature(self, times_ns: Ints, label_times_ns: Ints, *, horizon_ns: int) -> None:
        """Count rows that mature; label times are `NO_LABEL` where there is no label."""
        self.rows += len(times_ns)
        known = label_times_ns != NO_LABEL
        self._count(times_ns[known], label_times_ns[known], horizon_ns, 1)

    def relabel(
        self, times_ns: Ints, old_times_ns: Ints, new_times_ns: Ints, *, horizon_ns: int
    ) -> None:
        """Count labels of matured rows anew; times are `NO_LABEL` where there is no label."""
        had, has = old_times_ns != NO_LABEL, new_times_ns != NO_LABEL
        self._count(times_ns[had], old_times_ns[had], horizon_ns, -1)
        self._count(times_ns[has], new_times_ns[has], horizon_ns, 1)

    def _count(self, times_ns: Ints, label_times_ns: Ints, horizon_ns: int, sign: int) -> None:
        self.labelled += sign * len(times_ns)
        # A label on the horizon is in time; one from before its prediction counts as at once.
        ages = np.maximum(label_times_ns - times_ns, 0)
        steps = np.where(ages <= horizon_ns, ages // (horizon_ns // AGES + 1), AGES)
        self.ages += sign * np.bincount(steps, minlength=AGES + 1)

    def share_by_age(self) -> Floats:
        """Return the share of matured rows labelled by each age, (33,); NaN before any matured.

        Element i: labelled before the age of (i + 1)/32 of the horizon; the last: labelled at all.
        """
        if not self.rows:
            return np.full(AGES + 1, np.nan)
        shares: Floats = np.cumsum(self.ages) / self.rows
        return shares

    def merge(self, other: Coverage) -> None:
        """Add another loop's or worker's totals."""
        self.rows += other.rows
        self.labelled += other.labelled
        self.ages = self.ages + other.ages


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCoverage:
    """How much is known of one cohort: predictions from `first_ns` to `last_ns`.

    Examples
    --------
    >>> CohortCoverage(first_ns=0, last_ns=9, rows=4, labelled=1, matured=False).share
    0.25
    """

    first_ns: int
    last_ns: int
    rows: int
    labelled: int
    matured: bool

    @property
    def share(self) -> float:
        """Share of the rows with a label, 0..1."""
        return self.labelled / self.rows
