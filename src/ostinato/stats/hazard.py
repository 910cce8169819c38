"""An alarm that does not wait for late labels: outcomes by age against what their age allows.

In: per day and age, how many rows were still without an outcome and how many turned out bad. Out:
the evidence that outcomes come in worse than they used to, and the day it began. State: a dozen
components, O(bets x ages) memory. Rows count from the day of their prediction and not only when
they are mature, without any bias from bad outcomes that are known sooner or later than good ones.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtr

from ostinato.stats.arrays import FloatArray, IntArray, as_floats
from ostinato.stats.edetector import CAP, WARN_SHARE

RISES = (0.05, 4.0)
"""Smallest and largest relative rise of the hazard that a component bets on. Smaller ones see
less and wait longer; larger ones are quicker for a disaster and useless otherwise."""

LEAST = 1e-12
"""Smallest allowed hazard. It only has to be above 0: one bad outcome counts (1 + rise) at most."""


@dataclass(slots=True)
class HazardDetector:
    """E-detector of "outcomes of the bad kind come in faster than their age allows".

    Every row without an outcome is one trial per day: revealed bad today, or not. While the
    chance of each trial, given all before it, is at most the hazard of its age, the expected
    number of days to the alarm is at least ``arl``, for any delay and any traffic. It suffices
    that this holds for the bet-weighted sum over the ages of each day. Rows of one day must be
    independent given the past: a duplicated row counts twice.

    Outcomes that come faster look like more outcomes; run a second detector on the good ones and
    ask ``label_pipeline_changed``.

    Parameters
    ----------
    arl
        alarm threshold, and lower bound of the average run length in days; > 1.
    hazards
        (a,), largest allowed chance that a row without outcome turns out bad on the day it has
        this age; 1 where nothing is known, such ages are left out.
    rises
        (k,), relative rise of the hazard each component bets on.
    log_bad, log_other
        (k, a), log factor of a trial that turned out bad, and of one that did not.
    log_sr, log_cu
        (k,), log(1 + M) of each Shiryaev-Roberts statistic M, and log of each CUSUM statistic,
        floored at 0.
    low_at
        (k,), day at which each CUSUM statistic was last at most 1.
    n
        days seen, never reset.
    log_e, log_e_max, n_at_max
        log of the evidence now (0 before the first day), its maximum since the last reset (at
        least 0) and the day of that maximum.
    crossed_at
        day count at which the evidence first reached ``arl`` since the last reset, or -1.
    low_at_crossing
        change-point estimate made at that day, or -1.

    Source: discrete hazards, Cox 1972, section 6 (the increments are those of a log-rank test);
    M_d = (M_{d-1} + 1) prod_rows (1 + lam (x - h(age))), alarm when the mean over components
    >= arl: Shin, Ramdas, Rinaldo 2023, "E-detectors", NEJSDS, sections 2 and 3.

    Examples
    --------
    >>> detector = HazardDetector.begin(np.array([0.02, 0.01]), arl=1000.0)
    >>> for _ in range(5):
    ...     detector.day(np.array([0, 1]), np.array([500, 480]), np.array([20, 10]))
    >>> detector.crossed_at, detector.change_point
    (2, 0)
    """

    arl: float
    hazards: FloatArray
    rises: FloatArray
    log_bad: FloatArray
    log_other: FloatArray
    log_sr: FloatArray
    log_cu: FloatArray
    low_at: IntArray
    n: int = 0
    log_e: float = 0.0
    log_e_max: float = 0.0
    n_at_max: int = 0
    crossed_at: int = -1
    low_at_crossing: int = -1

    @classmethod
    def begin(
        cls, hazards: FloatArray, *, arl: float = 1e4, components: int = 12
    ) -> "HazardDetector":
        """Choose the bets for hazards that rise by 5 % up to fivefold.

        Parameters
        ----------
        hazards
            (a,), allowed hazard per age in days, in (0, 1], see ``fit_hazards``; fixed before the
            first day.
        arl
            average run length that must be kept under no change, in days; > 1.
        components
            number of bets; more cost time and log(components) of evidence.

        Raises
        ------
        ValueError
            when a value is out of its range.

        Source: for small hazards the bet lam = rise makes the factor the likelihood ratio of
        (1 + rise) h against h. It is the same for all ages, so that the promise is about a sum of
        hazards weighted by rows at risk, and capped at .9 / h.
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
            np.log1p(bets * (1.0 - allowed)),
            np.log1p(-bets * allowed),
            nothing,
            nothing.copy(),
            nothing.astype(np.int64),
        )

    @property
    def crossed(self) -> bool:
        """Whether the evidence has reached ``arl`` since the last reset."""
        return self.crossed_at >= 0

    @property
    def warned(self) -> bool:
        """Whether the evidence has reached ``warn`` since the last reset."""
        return self.log_e_max >= math.log(self.warn)

    @property
    def warn(self) -> float:
        """Evidence from which to warn: a hundredth of the alarm level, at least 2."""
        return max(self.arl * WARN_SHARE, 2.0)

    @property
    def change_point(self) -> int:
        """Day count after which the change began: as of the crossing, else as of now."""
        if self.crossed_at >= 0:
            return self.low_at_crossing
        return int(self.low_at[int(np.argmax(self.log_cu))])

    def registered(self) -> dict[str, Any]:
        """Return what was fixed before the first day and carries the promise."""
        return {"arl": self.arl, "hazards": self.hazards.tolist(), "rises": self.rises.tolist()}

    def reset(self) -> None:
        """Forget all evidence (after an alarm was handled); the day count goes on."""
        self.log_sr = np.zeros(self.rises.size)
        self.log_cu = np.zeros(self.rises.size)
        self.low_at = np.full(self.rises.size, self.n, dtype=np.int64)
        self.log_e = self.log_e_max = 0.0
        self.n_at_max = self.n
        self.crossed_at = self.low_at_crossing = -1

    def day(self, ages: npt.ArrayLike, at_risk: npt.ArrayLike, bad: npt.ArrayLike) -> None:
        """Take in one calendar day of all cohorts, as one step of the evidence.

        Parameters
        ----------
        ages
            (c,), age in days of each cohort, in [0, a); an age may occur more than once.
        at_risk
            (c,), its rows that had no outcome of either kind when the day began.
        bad
            (c,), those of them that turned out bad on this day, at most ``at_risk``.

        Raises
        ------
        ValueError
            when shapes differ or a value is out of range.
        """
        aged, risk, found = np.asarray(ages), as_floats(at_risk), as_floats(bad)
        if not aged.shape == risk.shape == found.shape or aged.ndim != 1:
            raise ValueError(f"shapes must agree: {aged.shape}, {risk.shape}, {found.shape}")
        a = self.hazards.size
        if aged.size and not (aged.min() >= 0 and aged.max() < a):
            raise ValueError(f"ages must be in [0, {a}): {aged.min()} to {aged.max()}")
        if not ((found >= 0.0) & (found <= risk)).all():
            raise ValueError("bad must be between 0 and at_risk for every cohort")
        whole = aged.astype(np.int64)
        by_age = np.bincount(whole, weights=found, minlength=a)
        other = np.bincount(whole, weights=risk - found, minlength=a)
        self._step(self.log_bad @ by_age + self.log_other @ other)

    def _step(self, gain: FloatArray) -> None:
        log_m = self.log_sr + gain
        self.log_sr = np.logaddexp(0.0, log_m)
        self.log_cu = np.maximum(self.log_cu, 0.0) + gain
        self.n += 1
        self.low_at = np.where(self.log_cu <= 0.0, self.n, self.low_at)
        top = float(log_m.max())
        self.log_e = top + math.log(float(np.exp(log_m - top).mean()))
        if self.crossed_at < 0 and self.log_e >= math.log(self.arl):
            self.low_at_crossing = int(self.low_at[int(np.argmax(self.log_cu))])
            self.crossed_at = self.n
        if self.log_e > self.log_e_max:
            self.log_e_max, self.n_at_max = self.log_e, self.n


def label_pipeline_changed(bad: HazardDetector, benign: HazardDetector) -> bool:
    """Say whether outcomes of both kinds come in faster, so that the labels are what changed.

    Parameters
    ----------
    bad, benign
        detectors on the bad and on the good outcome of the same rows, begun on the same day.

    Returns
    -------
    bool
        True when one has crossed and the other has at least warned: a model that got worse
        makes bad outcomes more frequent and good ones rarer, only a faster pipeline makes both
        more frequent.
    """
    return (bad.crossed and benign.warned) or (benign.crossed and bad.warned)


def count_by_age(
    ages: npt.ArrayLike, bad: npt.ArrayLike, n_total: int, n_buckets: int
) -> tuple[FloatArray, FloatArray]:
    """Count bad outcomes and rows still without outcome, per age, over matured rows.

    Parameters
    ----------
    ages
        (m,), age in days at which each known outcome came, >= 0; later than the last age is the
        same as never.
    bad
        (m,), whether it was the bad one.
    n_total
        matured rows, with an outcome or without; >= m.
    n_buckets
        ages that are told apart, >= 1.

    Returns
    -------
    tuple
        bad outcomes (a,) and rows at risk (a,), float64.

    Raises
    ------
    ValueError
        when lengths differ, an age is negative or there are more outcomes than rows.
    """
    aged, worse = np.asarray(ages, dtype=np.int64), np.asarray(bad, dtype=np.bool_)
    if aged.shape != worse.shape or aged.ndim != 1 or n_buckets < 1 or n_total < aged.size:
        raise ValueError(
            f"need one age per outcome, at most n_total = {n_total} of them, and an age to tell "
            f"apart: {aged.shape} ages, {worse.shape} outcomes, {n_buckets} buckets"
        )
    if aged.size and aged.min() < 0:
        raise ValueError(f"ages must be at least 0, the smallest was {aged.min()}")
    inside = aged < n_buckets
    revealed = np.bincount(aged[inside], minlength=n_buckets)
    found = np.bincount(aged[inside & worse], minlength=n_buckets)
    at_risk = n_total - np.cumsum(revealed) + revealed
    return found.astype(np.float64), at_risk.astype(np.float64)


def hazards_from_outcomes(
    ages: npt.ArrayLike,
    bad: npt.ArrayLike,
    n_total: int,
    n_buckets: int,
    *,
    tolerance: float = 0.05,
    z: float = 2.0,
) -> FloatArray:
    """Return allowed hazards (a,) from matured rows: ``count_by_age``, then ``fit_hazards``."""
    found, at_risk = count_by_age(ages, bad, n_total, n_buckets)
    return fit_hazards(found, at_risk, tolerance=tolerance, z=z)


def fit_hazards(
    bad_by_age: npt.ArrayLike,
    at_risk_by_age: npt.ArrayLike,
    *,
    spans: npt.ArrayLike | None = None,
    tolerance: float = 0.05,
    z: float = 2.0,
) -> FloatArray:
    """Return the allowed hazard per age: what was seen, its uncertainty and a tolerance.

    The allowed hazards up to each age add up to an upper bound of the cumulative hazard to that
    age. A bound per age would add up to far more (the errors of the ages are independent) and
    cost most of the power: with 60 days of 5,000 rows a rise of a quarter is seen after 17 days
    instead of 55. The detector needs the sum alone, weighted by the rows at risk: bounds for all
    sums to an age cover every mix in which older rows are no more than younger ones, a young
    system included.

    Parameters
    ----------
    bad_by_age
        (a,), rows that turned out bad at this age, of matured cohorts alone.
    at_risk_by_age
        (a,), rows without an outcome when this age began; 0 where nothing is known.
    spans
        (a,), how many ages of one hazard each entry adds up, >= 1; None: one each. The sums that
        are bounded are over the ages, so that such an entry counts so many times.
    tolerance
        relative rise nobody wants to be called for, >= 0; 0 relies on the bound alone.
    z
        normal quantile of the bound, > 0; 2 keeps 97.7 % of references valid without tolerance.

    Returns
    -------
    FloatArray
        (a,), in (0, 1]; 1 where nothing is known.

    Raises
    ------
    ValueError
        when shapes differ or a value is out of range.

    Source: cumulative hazard of Nelson 1969 and Aalen 1978; bound of a weighted sum of Poisson
    counts from the gamma distribution, Fay and Feuer 1997, section 3, which holds for few events.
    """
    found, risk = as_floats(bad_by_age), as_floats(at_risk_by_age)
    if found.shape != risk.shape or found.ndim != 1 or not ((found >= 0.0) & (found <= risk)).all():
        raise ValueError("bad_by_age and at_risk_by_age must agree, and 0 <= bad <= at risk")
    if not (tolerance >= 0.0 and z > 0.0):
        raise ValueError(f"tolerance must be at least 0 and z above 0: {tolerance}, {z}")
    span = np.ones(found.size) if spans is None else as_floats(spans)
    if span.shape != found.shape or not (span >= 1.0).all():
        raise ValueError(f"spans must be one per age, at least 1: {span}")
    known = risk > 0.0
    allowed = np.ones(found.size)
    hazard, weight, ages = found[known] / risk[known], span[known] / risk[known], span[known]
    bound = _upper_sums(ages * hazard, weight, float(ndtr(z)))
    step = np.maximum(np.diff(bound, prepend=0.0) / ages, np.maximum(hazard, LEAST))
    allowed[known] = np.minimum(step + tolerance * hazard, 1.0)
    return allowed


def _upper_sums(hazard: FloatArray, weight: FloatArray, level: float) -> FloatArray:
    # Upper bounds of the sums to each age, from the sums and their variances.
    largest = np.maximum.accumulate(weight)
    mean = np.cumsum(hazard) + largest
    variance = np.cumsum(hazard * weight) + np.square(largest)
    bound: FloatArray = variance / mean * gammaincinv(np.square(mean) / variance, level)
    return bound
