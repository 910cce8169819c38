"""Evidence with the day as its unit: rows of one day resemble each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.stats.dual import DualEProcess, fixed_sample_size

DAY_SCALE: Final = 2.0
"""A day's mean difference is cut at so many standard deviations of it. Smaller decides sooner and
cuts more of what the promise is about; at 3 clear cases take two to four days longer."""

GROSS: Final = 3.0
"""Standard deviations of a day's mean difference that count as gross: harm beyond them is looked
for row by row. Fewer take a day out of the ordinary for harm; with 4, harm of that size waits for a
week of days instead of a few hours."""

_LEAST_DAYS: Final = 2  # of an interval


@dataclass(slots=True)
class Daily:
    """Judge a pair by its days, and gross harm by its rows.

    A day's mean difference is one observation. A challenger that is worse by the margin on average
    over the days is promoted with probability at most alpha, and one that is no worse is aborted
    with probability at most beta, however much the rows of a day have in common, if days do not
    foretell each other. Half of beta goes to the days, which take a week at least, and half to
    single rows, which show within hours that the challenger is worse by more than `tolerance`, a
    harm that no ordinary day explains (union bound). It may begin on any day: the evidence of the
    rows is a mixture of processes that start on day 1, 2, 3 ... with weights 1 / (j (j + 1)).

    Parameters
    ----------
    days
        The test on means of whole days, loss units.
    rows
        The test of gross harm on single rows, loss units; the tolerance is given to each row. Its
        bets are those of the mixture over the days begun.
    tolerance
        `GROSS` standard deviations of a day's mean difference, loss units.
    day, day_rows, day_total
        The day under way (days since 1970, UTC; -1 before the first), its rows, and the sum of
        their differences.
    n, total
        Rows so far and the sum of their differences.

    Source: clusters as units: Cameron and Miller 2015, "A practitioner's guide to cluster-robust
    inference"; the tests: `ostinato.stats.dual.DualEProcess`. A mixture of e-processes is one, and
    Ville's inequality holds for it; over starting times: Shin, Ramdas, Rinaldo 2023,
    "E-detectors", section 2.
    """

    days: DualEProcess
    rows: DualEProcess
    tolerance: float
    day: int = -1
    day_rows: int = 0
    day_total: float = 0.0
    n: int = 0
    total: float = 0.0

    @classmethod
    def begin(
        cls,
        *,
        margin: float,
        day_variance: float,
        second_moment: float,
        scale: float,
        alpha: float,
        beta: float,
    ) -> Daily:
        """Choose scales and bets; all arguments must be fixed before the first row.

        Parameters
        ----------
        margin
            Tolerated harm, loss units; > 0.
        day_variance
            Variance of a day's mean difference, squared loss units; >= 0.
        second_moment
            Mean square of the difference of a row, squared loss units; > 0.
        scale
            Largest difference of a row, loss units; > 0.
        alpha, beta
            Error rates of promote and abort, in (0, 1).
        """
        day_moment = day_variance + margin**2
        usual = math.sqrt(day_moment)
        tolerance = GROSS * usual
        found = cls(
            days=DualEProcess.begin(
                margin=margin,
                second_moment=day_moment,
                cap=2 * fixed_sample_size(margin, day_moment, alpha=alpha),
                scale=max(DAY_SCALE * usual, 2.0 * margin),
                alpha=alpha,
                beta=beta / 2.0,
            ),
            rows=DualEProcess.begin(
                margin=tolerance,
                second_moment=second_moment + tolerance**2,
                cap=1,  # only the running evidence of harm is read
                scale=scale + tolerance,
                alpha=alpha,
                beta=beta / 2.0,
            ),
            tolerance=tolerance,
        )
        found.rows.log_abort -= math.log(2.0)  # the weight of the first day
        return found

    @property
    def margin(self) -> float:
        """Tolerated harm in loss units."""
        return self.days.margin

    @property
    def mean(self) -> float:
        """Mean difference of the days so far, of the rows before the second day is over; or 0."""
        if self.days.n >= _LEAST_DAYS:
            return self.days.mean
        return self.total / self.n if self.n else 0.0

    @property
    def promoted_at(self) -> int:
        """Days at which the promotion was proved, or -1."""
        return self.days.promoted_at

    @property
    def aborted_at(self) -> int:
        """Days at which the days proved harm, or -1."""
        return self.days.aborted_at

    @property
    def spent(self) -> bool:
        """Whether so many days have passed that the champion is kept."""
        return self.days.n >= self.days.cap

    @property
    def log_e_promote(self) -> float:
        """Log of the evidence for promotion."""
        return self.days.log_e_promote

    @property
    def log_e_abort(self) -> float:
        """Log of the evidence of harm: the stronger of the two, less log 2 for the choice."""
        return max(self.days.log_e_abort, self.rows.log_e_abort) - math.log(2.0)

    def interval(self) -> tuple[float, float]:
        """Return a 95 % confidence sequence of the mean day, loss units; infinite before two."""
        return self.days.interval() if self.days.n >= _LEAST_DAYS else (-math.inf, math.inf)

    def registered(self) -> dict[str, Any]:
        """Return the methods and what was fixed before the first row, for the journal."""
        return {
            "method": "dual e-process on day means, and gross harm by rows",
            "days": self.days.registered(),
            "rows": self.rows.registered(),
            "tolerance": self.tolerance,
            "weight_of_day": "1 / (j (j + 1))",
        }

    def update(self, differences: Floats, times_ns: Ints) -> None:
        """Take in paired differences (n,) in order of prediction, with their times (n,)."""
        self.n += len(differences)
        self.total += float(differences.sum())
        days = np.maximum(times_ns // DAY_NS, self.day)
        for day in np.unique(days).tolist():
            self._add(day, differences[days == day])

    def _add(self, day: int, differences: Floats) -> None:
        if day != self.day and self.day_rows:
            self.days.update(np.array([self.day_total / self.day_rows]))
            self.day_rows, self.day_total = 0, 0.0
            begun = self.days.n + 1
            # All bets of a day that begins are worth its weight.
            weight = -math.log(begun * (begun + 1))
            self.rows.log_abort = np.logaddexp(self.rows.log_abort, weight)
        self.rows.update(differences + self.tolerance)
        self.day = day
        self.day_rows += len(differences)
        self.day_total += float(differences.sum())
