"""What share of the awaited outcomes may come in, and how bad, by the age of the prediction.

A tally counts predictions without a label, day by day, by their age and the weekday, and what was
revealed of them. Allowed hazards are fitted to it. Both the champion's validation rows and live
cohorts can be tallied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.decide.trigger import Reference
from ostinato.stats.hazard import LEAST, fit_hazards

WEEK: Final = 7

STEPS: Final = 30
"""Ages after the day of the prediction itself are told apart in so many steps of the horizon. Fewer
blur when outcomes come; more have too few outcomes each."""


SURE: Final = 2.0
LEAST_BOUND: Final = 0.5
"""Standard errors that allowed hazards lie above their estimate, most and least. More is slower:
with 20,000 validation rows and 2 % of loss, 2 instead of 1 takes half as long again."""


@dataclass(slots=True)
class Tally:
    """Awaited predictions and what was revealed of them.

    `at_risk`, `revealed`, `losses` (7, ages): by weekday (UTC, Monday is 0) and age in days, how
    often a prediction had no label when a day began, how many got one on it, and the losses, scaled
    to [0, 1], that they revealed. `overdue_rows` and `overdue_losses` are about labels that are
    overdue and mean no. `days` counts the days tallied.
    """

    at_risk: Floats
    revealed: Floats
    losses: Floats
    overdue_rows: float = 0.0
    overdue_losses: float = 0.0
    days: int = 0

    @classmethod
    def empty(cls, ages: int) -> Tally:
        """Begin with nothing."""
        nothing = np.zeros((WEEK, ages))
        return cls(nothing, nothing.copy(), nothing.copy())

    @property
    def rows(self) -> float:
        """Predictions that got a label."""
        return float(self.revealed.sum()) + self.overdue_rows

    @property
    def complete(self) -> tuple[float, float]:
        """Share of predictions that get a label in time, and the scaled loss that these reveal.

        Both per prediction. Most live cohorts are young: of them only the labels that come soon are
        counted. So each age is weighted by the share of a cohort that is still waiting then, as if
        all cohorts were complete.

        Source: cumulative incidence from hazards by cause, Aalen and Johansen 1978.
        """
        risk = np.maximum(self.at_risk.sum(axis=0), 1.0)
        came, lost = self.revealed.sum(axis=0) / risk, self.losses.sum(axis=0) / risk
        waiting = np.append(1.0, np.cumprod(1.0 - np.minimum(came, 1.0)))
        share, loss = float(waiting[:-1] @ came), float(waiting[:-1] @ lost)
        if self.overdue_rows:  # whoever waits to the end is known then, too
            share += waiting[-1]
            loss += waiting[-1] * self.overdue_losses / self.overdue_rows
        return share, loss

    @property
    def mean_loss(self) -> float:
        """Mean scaled loss of the labelled predictions of complete cohorts; NaN without any."""
        share, loss = self.complete
        return loss / share if share else float("nan")

    @property
    def rows_per_day(self) -> float:
        """Predictions of a day that get a label; 0 before a day was tallied."""
        asked = float(self.at_risk[:, 0].sum())
        return self.complete[0] * asked / self.days if self.days else 0.0

    def add_day(self, day: int, at_risk: Floats, revealed: Floats, losses: Floats) -> None:
        """Count a calendar day: (ages,) predictions without a label, labels, scaled losses."""
        weekday = weekday_of(day)
        self.at_risk[weekday] += at_risk
        self.revealed[weekday] += revealed
        self.losses[weekday] += losses
        self.days += 1


@dataclass(frozen=True, slots=True)
class Level:
    """The scaled mean loss that counts as normal, and from how many rows it is known."""

    mean: float
    rows: int

    def factors(self, tallied: float, tolerance: float) -> tuple[float, float]:
        """Return by what the losses of a tally with this mean are to be multiplied: low, high.

        They lie two standard errors of the level apart on either side, less what the tolerance
        covers; losses in [0, 1] vary at most as 0/1 ones of the same mean do.
        """
        error = math.sqrt(self.mean * (1.0 - self.mean) / self.rows)
        doubt = max(SURE * error - tolerance * self.mean, 0.0)
        scale = max(tallied, 1e-12)
        return max(self.mean - doubt, 0.0) / scale, (self.mean + doubt) / scale


@dataclass(frozen=True, slots=True)
class Allowed:
    """Largest hazards that count as normal, (7 * ages + 1,) each: see `place_of`.

    `worse` is about the loss that a day reveals, `better` about what the loss leaves to 1.
    """

    worse: Floats
    better: Floats


def weekday_of(day: int) -> int:
    """Return the weekday of a day counted from 1970; Monday is 0."""
    return (day + 3) % WEEK


def place_of(day: int, ages: Ints, n_ages: int) -> Ints:
    """Return where the hazards of a calendar day stand for predictions of these ages."""
    return weekday_of(day) * n_ages + ages


def overdue_place(n_ages: int) -> int:
    """Return where the hazard of overdue labels that mean no stands."""
    return WEEK * n_ages


def tally_of(reference: Reference, losses: Floats, n_ages: int, horizon_ns: int | None) -> Tally:
    """Tally the validation rows of a version.

    Parameters
    ----------
    reference
        With the times of its labels; its rows without a label are spread over its days.
    losses
        (n,) its losses, scaled to [0, 1].
    n_ages
        Number of ages in days.
    horizon_ns
        The horizon if overdue labels mean no, else None.
    """
    assert reference.label_times_ns is not None, "ages need the times of the labels"
    waited = reference.label_times_ns - reference.times_ns
    made = reference.times_ns // DAY_NS
    ages = np.maximum(reference.label_times_ns // DAY_NS - made, 0)
    overdue = np.zeros(len(ages), dtype=np.bool_) if horizon_ns is None else waited >= horizon_ns
    days, which = np.unique(made, return_inverse=True)
    inside = ages < n_ages

    def cohorts(rows: NDArray[np.bool_], weights: Floats) -> Floats:
        places = which[rows] * n_ages + ages[rows]
        found = np.bincount(places, weights[rows], minlength=len(days) * n_ages)
        return found.astype(np.float64).reshape(len(days), n_ages)

    ones = np.ones(len(ages))
    gone = cohorts(inside, ones)
    asked = np.bincount(which) * (1.0 + reference.unlabelled / len(ages))
    at_risk = asked[:, None] - np.cumsum(gone, axis=1) + gone
    tally = Tally.empty(n_ages)
    where = (days[:, None] + np.arange(n_ages) + 3) % WEEK, np.arange(n_ages)[None, :]
    np.add.at(tally.at_risk, where, at_risk)
    np.add.at(tally.revealed, where, cohorts(inside & ~overdue, ones))
    np.add.at(tally.losses, where, cohorts(inside & ~overdue, losses))
    tally.overdue_rows = float(overdue.sum())
    tally.overdue_losses = float(losses[overdue].sum())
    tally.days = len(days)
    return tally


def allowed_hazards(
    tally: Tally, *, tolerance: float, season: Floats, level: Level | None
) -> Allowed:
    """Fit what is normal: by age, times the week's pattern, times the season of the predictions.

    Parameters
    ----------
    tally
        What was counted.
    tolerance
        Relative rise that is not worth an alarm.
    season
        (7,) relative loss of predictions made on each weekday.
    level
        Loss that counts as normal; None: that of the tally. With it a tally of live rows says when
        outcomes come and not how bad they may be.
    """
    n_ages = tally.at_risk.shape[1]
    low, high = (1.0, 1.0) if level is None else level.factors(tally.mean_loss, tolerance)
    pattern = _pattern(tally)
    weekday, age = np.indices((WEEK, n_ages))
    made = season[(weekday - age) % WEEK]
    bad = np.minimum(tally.losses * high, tally.revealed)
    good = tally.revealed - np.minimum(tally.losses * low, tally.revealed)
    worse = _table(_by_age(bad, tally.at_risk, tolerance), pattern * made)
    better = _table(_by_age(good, tally.at_risk, tolerance), pattern)
    rows = tally.overdue_rows
    late_bad = min(tally.overdue_losses * high, rows)
    late_good = rows - min(tally.overdue_losses * low, rows)
    return Allowed(
        np.append(worse, _overdue(late_bad, rows, tolerance)),
        np.append(better, _overdue(late_good, rows, tolerance)),
    )


def _by_age(found: Floats, at_risk: Floats, tolerance: float) -> Floats:
    """Allowed hazard per age (ages,), the same for the ages of one step."""
    n_ages = at_risk.shape[1]
    steps = _steps(n_ages)
    risk = np.bincount(steps, at_risk.sum(axis=0))
    seen = np.minimum(np.bincount(steps, found.sum(axis=0)), risk)
    z = _bound(float(seen.sum()), tolerance)
    hazards = fit_hazards(seen, risk, spans=np.bincount(steps), tolerance=tolerance, z=z)
    by_age: Floats = hazards[steps]
    return by_age


def _bound(events: float, tolerance: float) -> float:
    """Normal quantile of the bound of a hazard estimated from so many events.

    Two standard errors, less what the tolerance covers of them: without any change the bound holds
    in 97.7 % of references; a lasting rise of just the tolerance may be called in some.
    """
    return max(SURE - tolerance * math.sqrt(max(events, 1.0)), LEAST_BOUND)


def _table(by_age: Floats, factors: Floats) -> Floats:
    """Hazards per weekday and age (7 * ages,); ages of which nothing is known stay at 1."""
    table = np.clip(by_age * factors, LEAST, 1.0)
    return np.where(by_age < 1.0, table, 1.0).ravel()


def _steps(n_ages: int) -> Ints:
    """Step of each age: the day of the prediction, then equal steps of the horizon."""
    ages = np.arange(n_ages)
    later = np.maximum(ages - 1, 0) * min(STEPS, n_ages - 1) // max(n_ages - 1, 1)
    return np.where(ages == 0, 0, 1 + later)


def _pattern(tally: Tally) -> Floats:
    """Relative rate of labels by weekday and age (7, ages), shrunk to 1 as far as chance explains.

    Labels that are entered on working days alone come by the weekday of the day and of the
    prediction.

    Source: Poisson counts with gamma-distributed rates of mean 1 and variance 1 / k, k by the
    method of moments: posterior mean (observed + k) / (expected + k) (Clayton and Kaldor 1987).
    """
    risk, revealed = tally.at_risk.sum(axis=0), tally.revealed.sum(axis=0)
    hazard = np.divide(revealed, risk, out=np.zeros_like(risk), where=risk > 0)
    expected = tally.at_risk * hazard
    spread = np.square(tally.revealed - expected) - expected
    variance = float(spread.sum()) / max(float(np.square(expected).sum()), 1.0)
    if variance <= 0.0:
        return np.ones_like(expected)
    rates: Floats = (tally.revealed + 1.0 / variance) / (expected + 1.0 / variance)
    return rates


def _overdue(found: float, rows: float, tolerance: float) -> float:
    z = _bound(found, tolerance)
    return float(fit_hazards(np.array([found]), np.array([rows]), tolerance=tolerance, z=z)[0])
