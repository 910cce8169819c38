"""The alarm for late labels that begins with the predictions: cohorts whose outcomes are too bad.

In: per day and cohort, the log factors of what the day revealed. Out: the evidence that predictions
made since some day turn out worse than they used to, and that day. State: a dozen numbers per
cohort that is still open.

A sum over the day from which on *all* outcomes are bad would wait: a model that got worse makes bad
predictions from a day on, while older ones go on to turn out as they used to, and these are most of
what comes in for weeks. So the sum is over the first bad cohort, and older cohorts stay out: with
labels a week late on average a rise by half is seen in half the time.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray, IntArray, as_floats
from ostinato.stats.edetector import CAP, WARN_SHARE
from ostinato.stats.hazard import RISES


@dataclass(slots=True)
class CohortDetector:
    """E-detector of "predictions made since some day reveal more loss than their age allows".

    Each row without an outcome is one trial per day, of the loss in [0, 1] that it reveals. While
    the mean of each trial, given all before it, is at most the hazard of its place, the expected
    number of cohorts opened before the alarm, from the begin or from a reset on, is at least
    ``arl``, for any delay and any traffic: at most one is opened per day. Rows of one day must be
    independent given the past.

    Parameters
    ----------
    arl
        alarm threshold, and lower bound of the average run length in cohorts (days); > 1.
    hazards
        (a,), largest allowed mean loss that a row without outcome reveals on a day at this place
        (its age, or age and weekday); 1 where nothing is known, such places are left out.
    rises
        (k,), relative rise of the hazard each component bets on.
    bets
        (k, a), bet of each component at each place.
    days, gains
        (c,), the day of each cohort that is open, rising; (c, k), log factor of it so far.
    log_sr, log_cu, low_at
        (k,), log(1 + M), log of the CUSUM statistic floored at 0, and the day of the last cohort at
        which that was at most 1: over the cohorts that are closed.
    n
        cohorts seen, never reset.
    log_e
        log of the evidence now; 0 before the first cohort.
    crossed_at, low_at_crossing
        cohort count at which the evidence first reached ``arl`` since the last reset, and the day
        before the change as of then; -1.

    Source: M_t = sum over first cohorts v of prod over cohorts c >= v of the factors of c up to t,
    alarm when the mean over components >= arl: Shin, Ramdas, Rinaldo 2023, "E-detectors", NEJSDS,
    section 2 (each term is an e-process from v on); factors as in a log-rank test, Cox 1972.

    Examples
    --------
    >>> detector = CohortDetector.begin(np.array([0.02, 0.01]), arl=1000.0)
    >>> for day in range(4):
    ...     detector.open(day)
    ...     bad = detector.revealed(np.zeros(25, int), np.ones(25)).sum(axis=0)
    ...     detector.step(np.array([day]), [bad + detector.others([475, 0])])
    >>> detector.crossed_at, detector.change_day
    (2, 0)
    """

    arl: float
    hazards: FloatArray
    rises: FloatArray
    bets: FloatArray
    days: IntArray
    gains: FloatArray
    log_sr: FloatArray
    log_cu: FloatArray
    low_at: IntArray
    n: int = 0
    log_e: float = 0.0
    crossed_at: int = -1
    low_at_crossing: int = -1

    @classmethod
    def begin(
        cls, hazards: npt.ArrayLike, *, arl: float = 1e4, components: int = 12
    ) -> "CohortDetector":
        """Choose the bets for hazards that rise by 5 % up to fivefold.

        Parameters
        ----------
        hazards
            (a,), allowed hazard per place, in (0, 1], see ``fit_hazards``; fixed before the first
            day.
        arl
            average run length that must be kept under no change, in days; > 1.
        components
            number of bets; more cost time and log(components) of evidence.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        allowed = as_floats(hazards)
        if allowed.ndim != 1 or not allowed.size or not ((allowed > 0.0) & (allowed <= 1.0)).all():
            raise ValueError(f"hazards must be one-dimensional, in (0, 1]: {allowed}")
        if not arl > 1.0 or components < 1:
            raise ValueError(f"arl must be above 1 and components at least 1: {arl}, {components}")
        rises = np.geomspace(*RISES, components)
        bets = np.minimum(rises[:, None], CAP / allowed) * (allowed < 1.0)
        nothing = np.zeros(components)
        return cls(
            float(arl),
            allowed.copy(),
            rises,
            bets,
            np.zeros(0, dtype=np.int64),
            np.zeros((0, components)),
            nothing,
            nothing.copy(),
            np.full(components, -1, dtype=np.int64),
        )

    @property
    def crossed(self) -> bool:
        """Whether the evidence has reached ``arl`` since the last reset."""
        return self.crossed_at >= 0

    @property
    def warns(self) -> bool:
        """Whether the evidence is at ``warn`` now."""
        return self.log_e >= math.log(self.warn)

    @property
    def warn(self) -> float:
        """Evidence from which to warn: a hundredth of the alarm level, at least the open cohorts.

        Each of these is a term of the sum, which is near 1 while little is known of it: below
        their number is no news. Never above the alarm level.
        """
        return min(max(self.arl * WARN_SHARE, 2.0, float(self.days.size)), self.arl)

    @property
    def change_day(self) -> int:
        """First day whose predictions turn out worse: as of the crossing, else as of now."""
        return 1 + (self.low_at_crossing if self.crossed else self._low())

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first day, for the journal."""
        return {
            "method": "age-hazard e-detector over cohorts",
            "arl": self.arl,
            "warn_least": max(self.arl * WARN_SHARE, 2.0),
            "hazards": self.hazards.tolist(),
            "rises": self.rises.tolist(),
        }

    def reset(self) -> None:
        """Forget all evidence (after an alarm was handled), and close the cohorts that are open.

        Were they kept, each would be a possible first bad cohort at once, and the sum would begin
        at their number instead of at nothing.
        """
        before = self.days[-1] if self.days.size else self.low_at.max()
        self.days, self.gains = self.days[:0], self.gains[:0]
        self.log_sr, self.log_cu = np.zeros(self.rises.size), np.zeros(self.rises.size)
        self.low_at = np.full(self.rises.size, before, dtype=np.int64)
        self.log_e = 0.0
        self.crossed_at = self.low_at_crossing = -1

    def revealed(self, places: npt.ArrayLike, losses: npt.ArrayLike) -> FloatArray:
        """Return the log factor (m, k) of each row whose outcome came.

        Parameters
        ----------
        places, losses
            (m,), place and loss in [0, 1] of each row.

        Raises
        ------
        ValueError
            when shapes differ or a loss is out of range.
        """
        where, found = np.asarray(places, dtype=np.int64), as_floats(losses)
        if where.shape != found.shape or where.ndim != 1:
            raise ValueError(f"shapes must agree: {where.shape}, {found.shape}")
        if not ((found >= 0.0) & (found <= 1.0)).all():
            raise ValueError("losses must be in [0, 1]")
        factors = 1.0 + self.bets[:, where] * (found - self.hazards[where])
        logs: FloatArray = np.log(factors).T
        return logs

    def others(self, at_risk: npt.ArrayLike) -> FloatArray:
        """Return the log factor (..., k) of rows (..., a) by place whose outcome did not come."""
        total: FloatArray = as_floats(at_risk) @ np.log1p(-self.bets * self.hazards).T
        return total

    def open(self, day: int) -> None:
        """Begin the cohort of a day, later than all others."""
        if self.days.size and day <= self.days[-1]:
            raise ValueError(f"cohorts open in order: {day} after {self.days[-1]}")
        if not self.n:
            self.low_at[:] = day - 1
        self.days = np.append(self.days, day)
        self.gains = np.vstack([self.gains, np.zeros((1, self.rises.size))])
        self.n += 1

    def step(self, days: npt.ArrayLike, gains: npt.ArrayLike) -> None:
        """Take in one calendar day.

        Parameters
        ----------
        days, gains
            (m,), the day of each cohort something is known of, each once; (m, k), the sum of what
            was ``revealed`` of it and of its ``others``. Cohorts that are not open are left out.
        """
        asked = np.asarray(days, dtype=np.int64)
        where = np.searchsorted(self.days, asked)
        known = where < self.days.size
        known[known] = self.days[where[known]] == asked[known]
        self.gains[where[known]] += as_floats(gains)[known]
        self.log_e = self._evidence()
        if self.crossed_at < 0 and self.days.size and self.log_e >= math.log(self.arl):
            self.crossed_at, self.low_at_crossing = self.n, self._low()

    def close(self, before: int) -> None:
        """Close the cohorts of the days before one: nothing more is revealed of them."""
        while self.days.size and self.days[0] < before:
            self.log_sr = np.logaddexp(0.0, self.log_sr + self.gains[0])
            self.log_cu = np.maximum(self.log_cu, 0.0) + self.gains[0]
            self.low_at = np.where(self.log_cu <= 0.0, self.days[0], self.low_at)
            self.days, self.gains = self.days[1:], self.gains[1:]

    def _sums(self) -> FloatArray:
        # (c, k) log factor of all cohorts from each open one on; the first one with what is closed
        # still to be added.
        sums: FloatArray = np.cumsum(self.gains[::-1], axis=0)[::-1]
        return sums

    def _evidence(self) -> float:
        if not self.days.size:
            return self.log_e
        terms = self._sums()
        terms[0] += self.log_sr
        top = float(terms.max())
        return top + math.log(float(np.exp(terms - top).sum()) / self.rises.size)

    def _low(self) -> int:
        # Day of the last cohort at which the largest CUSUM statistic was at most 0.
        if not self.days.size:
            return int(self.low_at[int(np.argmax(self.log_cu))])
        sums = self._sums()
        sums[0] += np.maximum(self.log_cu, 0.0)
        first, component = np.unravel_index(int(sums.argmax()), sums.shape)
        if sums[first, component] <= 0.0:
            return int(self.days[-1])
        return int(self.days[first - 1] if first else self.low_at[component])
