"""What is watched of predictions that are not mature: who waits, what comes in, is it too bad.

In: predictions that wait for a label, first labels with their losses. Out: the evidence, day by
day, that outcomes are worse than their age allows. State: bounded by the horizon in days.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.decide.hazards import Allowed, Tally, overdue_place, place_of
from ostinato.stats.cohorts import CohortDetector

_NO_LABEL: Final = int(np.iinfo(np.int64).min)  # label time of an overdue label that means no


_DAYS_KEPT: Final = 4
"""Mature rows are counted by day for so many horizons. A change that began earlier is given fewer
rows than there are; more costs memory."""


@dataclass(slots=True)
class Day:
    """What a calendar day reveals, until it is over.

    `counts`, `losses`, `overdue`, `overdue_losses` (ages,): labels that came, their scaled losses,
    rows that left because their label is overdue, and theirs, by the age of the prediction.
    `worse`, `better` (ages, k) are the log factors of the rows that got a label, for the detectors
    begun as number `begun`.
    """

    counts: Floats
    losses: Floats
    overdue: Floats
    overdue_losses: Floats
    worse: Floats
    better: Floats
    begun: int = 0


@dataclass(slots=True)
class Outcomes:
    """Predictions that wait for a label, by the day they were made, and what is known of them.

    Bounded by the horizon. `ages` is the number of ages in days; `scale` turns losses into [0, 1],
    NaN before it is known. Whole days from `first_day` on are followed; `day` is the next one to
    be closed. `at_risk` maps a day of prediction to its predictions without a label. `tally` counts
    cohorts from `tally_from` on while hazards are to be learnt from live rows. `changed_on` is the
    day on which the labels began to come faster, while that is not settled; `better_on` the last
    one on which good outcomes came in faster than allowed. `parameters` is what was fixed at the
    last begin, also while hazards are learnt anew; `answered_on` the day on which the last alarm
    was answered and the evidence begun anew.
    `matured` counts mature rows by day of prediction, of the last days; `wanted` is how many of
    them there must be since a change for a training to learn from.
    """

    ages: int
    scale: float = float("nan")
    first_day: int | None = None
    day: int = 0
    at_risk: dict[int, int] = field(default_factory=dict)
    open: dict[int, Day] = field(default_factory=dict)
    worse: CohortDetector | None = None
    better: CohortDetector | None = None
    begun: int = 0
    tally: Tally | None = None
    tally_from: int = 0
    quiet_until_ns: int | None = None
    first_change_day: int | None = None
    changed_on: int | None = None
    better_on: int | None = None
    parameters: dict[str, Any] | None = None
    answered_on: int | None = None
    matured: dict[int, int] = field(default_factory=dict)
    wanted: int = 0

    @property
    def alarmed(self) -> bool:
        """Whether an alarm waits for an answer."""
        return self.worse is not None and self.worse.crossed

    @property
    def warned(self) -> bool:
        """Whether the evidence is past its warning level now."""
        return self.worse is not None and self.worse.warns

    @property
    def change_day(self) -> int:
        """The day on which outcomes began to be worse."""
        if self.first_change_day is not None:
            return self.first_change_day
        assert self.worse is not None, "only a detector can tell a change"
        return self.worse.change_day

    @property
    def matured_since_change(self) -> int:
        """Mature rows predicted since the change."""
        since = self.change_day
        return sum(count for day, count in self.matured.items() if day >= since)

    @property
    def learnable(self) -> bool:
        """Whether an alarm waits that a training can answer."""
        return self.alarmed and self.matured_since_change >= self.wanted

    # -- what is told

    def mature(self, times_ns: Ints) -> None:
        """Count mature rows, (n,) times of prediction."""
        days, counts = np.unique(times_ns // DAY_NS, return_counts=True)
        for day, count in zip(days.tolist(), counts.tolist(), strict=True):
            self.matured[day] = self.matured.get(day, 0) + count
        for day in sorted(self.matured)[: -_DAYS_KEPT * self.ages]:
            del self.matured[day]

    def expect(self, times_ns: Ints) -> None:
        """Count predictions that wait for a label from now on."""
        if not len(times_ns):
            return
        days, counts = np.unique(times_ns // DAY_NS, return_counts=True)
        if self.first_day is None:
            self.first_day = self.day = self.tally_from = int(days[0]) + 1
        for day, count in zip(days.tolist(), counts.tolist(), strict=True):
            if day >= self.day or day in self.at_risk:
                self.at_risk[day] = self.at_risk.get(day, 0) + count

    def reveal(
        self, times_ns: Ints, label_times_ns: Ints, losses: Floats, *, negative_ns: int | None
    ) -> None:
        """Note first labels: (n,) finite losses. `negative_ns`: the horizon, if overdue means no.

        What is told after its day was closed counts on the day that is open. Labels that come later
        than any age are left out, whether or not their cohort is closed. Rows that ticks of
        more than a day tell to be overdue when their cohort is closed count with the oldest one.
        """
        if self.first_day is None:
            return
        made = times_ns // DAY_NS
        overdue = np.zeros(len(made), dtype=np.bool_)
        if negative_ns is not None:
            due = times_ns + negative_ns
            overdue = (label_times_ns == _NO_LABEL) | (label_times_ns >= due)
            label_times_ns = np.where(overdue, due, label_times_ns)
        followed = np.array([day in self.at_risk for day in made.tolist()], dtype=np.bool_)
        followed |= overdue & (made >= self.first_day) & (self.day - made >= self.ages)
        scaled = np.minimum(losses / self.scale, 1.0)
        days = np.maximum(np.maximum(label_times_ns // DAY_NS, made), self.day)
        followed &= overdue | (days - made < self.ages)  # a label after the horizon is none
        for day in np.unique(days[followed]).tolist():
            rows = followed & (days == day)
            late, usual = rows & overdue, rows & ~overdue
            self._note(day, day - made[usual], scaled[usual])
            self._note_overdue(day, np.minimum(day - made[late], self.ages - 1), scaled[late])

    def _note(self, day: int, ages: Ints, losses: Floats) -> None:
        if not len(ages):
            return
        kept = self._open(day)
        kept.counts += np.bincount(ages, minlength=self.ages)
        kept.losses += np.bincount(ages, losses, minlength=self.ages)
        self._bet(kept, ages, place_of(day, ages, self.ages), losses)

    def _note_overdue(self, day: int, ages: Ints, losses: Floats) -> None:
        if not len(ages):
            return
        kept = self._open(day)
        kept.overdue += np.bincount(ages, minlength=self.ages)
        kept.overdue_losses += np.bincount(ages, losses, minlength=self.ages)
        self._bet(kept, ages, np.full(len(ages), overdue_place(self.ages)), losses)

    def _bet(self, kept: Day, ages: Ints, places: Ints, losses: Floats) -> None:
        if self.worse is None or self.better is None or kept.begun != self.begun:
            return  # a day that had begun before the detectors did is left out
        np.add.at(kept.worse, ages, self.worse.revealed(places, losses))
        np.add.at(kept.better, ages, self.better.revealed(places, 1.0 - losses))

    def _open(self, day: int) -> Day:
        if day not in self.open:
            self.open[day] = _empty_day(self.ages, 0 if self.worse is None else self.begun)
            if self.worse is not None:
                shape = (self.ages, len(self.worse.rises))
                self.open[day].worse, self.open[day].better = np.zeros(shape), np.zeros(shape)
        return self.open[day]

    # -- what a day comes to

    def close_day(self) -> None:
        """Take the evidence of the next day, which is over, and go on to the one after it."""
        day, kept = self.day, self.open.pop(self.day, None) or _empty_day(self.ages, self.begun)
        risk = np.array([self.at_risk.get(day - age, 0) for age in range(self.ages)], dtype=float)
        ends_ns = (day + 1) * DAY_NS
        rests = self.quiet_until_ns is not None and ends_ns <= self.quiet_until_ns
        if self.worse is not None and self.better is not None and risk[0]:
            self.worse.open(day)
            self.better.open(day)
        if self.worse is not None and kept.begun == self.begun and risk.any() and not rests:
            self._step(day, kept, risk)
        if self.tally is not None:
            self._count(day, kept, risk)
        for age in np.flatnonzero(kept.counts + kept.overdue).tolist():
            left = self.at_risk.get(day - age, 0) - int(kept.counts[age] + kept.overdue[age])
            self.at_risk[day - age] = max(left, 0)
        self.at_risk.pop(day - self.ages + 1, None)
        self.day = day + 1

    def _step(self, day: int, kept: Day, risk: Floats) -> None:
        assert self.worse is not None, "both detectors run, or none"
        assert self.better is not None, "both detectors run, or none"
        aged = np.flatnonzero(risk)
        waiting = np.zeros((len(aged), len(self.worse.hazards)))
        places = place_of(day, aged, self.ages)
        waiting[np.arange(len(aged)), places] = np.maximum(risk - kept.counts, 0.0)[aged]
        for detector, told in ((self.worse, kept.worse), (self.better, kept.better)):
            gains = detector.others(waiting)
            detector.step(day - aged, gains + told[aged] if len(told) else gains)
            detector.close(day - self.ages + 2)
        if self.better.crossed:  # begun anew, so that it tells what is so now
            self.better_on = day
            self.better.reset()

    def _count(self, day: int, kept: Day, risk: Floats) -> None:
        assert self.tally is not None, "called while a tally is kept"
        young = day - np.arange(self.ages) >= self.tally_from
        self.tally.add_day(day, risk * young, kept.counts * young, kept.losses * young)
        self.tally.overdue_rows += float(kept.overdue[young].sum())
        self.tally.overdue_losses += float(kept.overdue_losses[young].sum())

    # -- when it begins

    def begin(self, allowed: Allowed, *, arl_days: float) -> None:
        """Begin the detectors with the next day."""
        self.worse = CohortDetector.begin(allowed.worse, arl=arl_days)
        self.better = CohortDetector.begin(allowed.better, arl=arl_days)
        self.begun += 1
        self.tally = self.changed_on = self.better_on = None
        self.parameters = {
            "worse": self.worse.registered(),
            "better": self.better.registered(),
            "scale": self.scale,
        }

    def gather(self, from_day: int) -> None:
        """Stop watching; learn hazards from predictions of a day on."""
        self.worse = self.better = None
        self.tally, self.tally_from = Tally.empty(self.ages), from_day

    def labels_changed(self) -> bool:
        """Say whether good outcomes, too, come in faster than they may.

        That is when their evidence crossed lately, or stands at the square root of the alarm level:
        half the way, in logs. Less is found on healthy days, and would call a worse model a change
        of the labels.
        """
        if self.better is None:
            return False
        recent = self.better_on is not None and self.day - self.better_on <= self.ages
        return recent or (self.better.warns and 2 * self.better.log_e >= math.log(self.better.arl))

    def answered(self, until_ns: int) -> None:
        """Begin anew after an alarm was answered, resting until a moment."""
        assert self.worse is not None, "only a detector can alarm"
        assert self.better is not None, "both detectors run, or none"
        self.first_change_day = self.change_day
        # The next try must have more to learn from than the one that begins now.
        self.wanted = max(self.wanted, 2 * self.matured_since_change)
        self.worse.reset()
        self.better.reset()
        self.quiet_until_ns, self.answered_on = until_ns, self.day


def _empty_day(ages: int, begun: int) -> Day:
    none: NDArray[np.float64] = np.zeros((0, 0))
    zeros = np.zeros(ages)
    return Day(zeros, zeros.copy(), zeros.copy(), zeros.copy(), none, none.copy(), begun=begun)
