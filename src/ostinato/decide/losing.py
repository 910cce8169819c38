"""What is lost against what could be achieved, in money, and whether a training pays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.decide.watching import SEASONS, Watching, season_bins
from ostinato.stats.ski_rental import CAUTION, ShadowPrice, SkiRental

DAYS_KEPT: Final = 60
"""Excess is kept by day for so long: for what a change costs per day, and how many rows a day has.
Fewer know less of a slow change; more dilute a quick one."""

_SHIPPED_KEPT: Final = 4
"""Trainings that shipped are remembered up to this number. More forgive more misses in a row."""


@dataclass(frozen=True, slots=True)
class Due:
    """Why a training became due: the value lost, or the one to be lost ahead, was at the bar."""

    lost: float
    ahead: float
    bar: float


@dataclass(slots=True)
class Losing:
    """What an excess-loss trigger holds while one champion serves, and over several.

    `watching` is the baseline of what can be achieved, and the chart that sees a jump. `rental`
    adds up the value lost since the last training, `seen` (bins,) its rows by season bin. `days`
    maps a day of prediction to [rows, excess loss]. `row_variance` is that of one row's loss.
    `price` holds spending to the budget, up to `advanced_ns`. `shipped` and `missed` count the
    latest trainings that did and, since then, did not ship; `asked` says that one is under way.
    `due` stands from when a training pays until one is asked for, with the figures of then;
    `trainings` counts them.
    """

    rental: SkiRental
    price: ShadowPrice | None = None
    watching: Watching = field(default_factory=Watching)
    seen: Floats = field(default_factory=lambda: np.zeros(1))
    row_variance: float = 0.0
    days: dict[int, list[float]] = field(default_factory=dict)
    advanced_ns: int | None = None
    shipped: int = 0
    missed: int = 0
    asked: bool = False
    due: Due | None = None
    trainings: int = 0

    @property
    def chance(self) -> float:
        """Estimated probability that a training ships, in (0, 1]: 1 after one that did."""
        return (1.0 + self.shipped) / (1.0 + self.shipped + self.missed)

    def adopt(
        self, times_ns: Ints, losses: Floats, *, season: str, tolerance: float, arl: float
    ) -> None:
        """Take (n,) finite reference losses for what can be achieved."""
        self.watching.adopt(
            times_ns, losses, season=season, tolerance=tolerance, chart="e", arl=arl
        )
        self.seen = np.zeros(SEASONS[season])
        self.row_variance = float(losses.var())

    def take(self, times_ns: Ints, losses: Floats, *, season: str, value: float) -> None:
        """Add (n,) losses of mature rows, n >= 1; `value` is money per unit of loss."""
        baseline = self.watching.baseline
        assert baseline is not None, "losses are compared with what can be achieved"
        bins = season_bins(times_ns, season)
        excess = losses - baseline.expected_at(bins) * self.watching.scale
        before = self._variance()
        self.seen += np.bincount(bins, minlength=self.seen.size)
        added = (self._variance() - before) * value * value
        self.rental.add(float(excess.sum()) * value, max(added, 0.0))
        self._keep(times_ns // DAY_NS, excess)
        self.watching.take(times_ns, losses, season=season)

    def _variance(self) -> float:
        """Variance of the excess added up: of the rows, and of the baseline they share."""
        baseline = self.watching.baseline
        assert baseline is not None, "losses are compared with what can be achieved"
        shared = self.seen * baseline.standard_error * self.watching.scale
        return float(self.seen.sum()) * self.row_variance + float(np.square(shared).sum())

    def _keep(self, made: Ints, excess: Floats) -> None:
        days, which = np.unique(made, return_inverse=True)
        rows, sums = np.bincount(which), np.bincount(which, excess)
        for day, n, total in zip(days.tolist(), rows.tolist(), sums.tolist(), strict=True):
            kept = self.days.setdefault(day, [0.0, 0.0])
            kept[0] += n
            kept[1] += total
        for day in sorted(self.days)[:-DAYS_KEPT]:
            del self.days[day]

    def ahead(self, days: float, value: float) -> float:
        """Return the value that a jump would cost over so many days.

        0 while the chart does not alarm, and after the champion's first jump was answered: trained
        again on the same few rows, a model would be no better.
        """
        if not self.watching.alarmed or self.watching.first_change_ns is not None:
            return 0.0
        since = self.watching.change_ns() // DAY_NS
        recent = [kept for day, kept in self.days.items() if day >= since]
        rows, excess = sum(kept[0] for kept in recent), sum(kept[1] for kept in recent)
        every = sum(kept[0] for kept in self.days.values())
        if not rows:
            return 0.0
        doubt = CAUTION * math.sqrt(self.row_variance / rows) if self.rental.spend_averse else 0.0
        per_day = every / (max(self.days) - min(self.days) + 1)
        return value * per_day * (excess / rows - doubt) * days

    def paid(self, now_ns: int, cost: float) -> None:
        """A training was asked for, by this trigger or another one."""
        self.rental.paid()
        self.seen = np.zeros(self.seen.size)
        self.due, self.asked = None, True
        self.trainings += 1
        if self.price is not None:
            self.price.spend(cost)
        if self.watching.alarmed:
            self.watching.answered(now_ns)

    def kept(self) -> None:
        """The training did not ship."""
        self.missed += 1
        self.asked, self.due = False, None

    def renew(self) -> None:
        """Another champion serves: begin anew, but for the budget and the chance to ship."""
        if self.asked:
            self.shipped, self.missed = min(self.shipped + 1, _SHIPPED_KEPT), 0
        self.rental.paid()
        self.watching, self.days = Watching(), {}
        self.asked, self.due = False, None
