"""Learn when what the champion loses adds up to what a training costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.records import DECISION_COST, Floats, Ints, LossesObserved
from ostinato.core.units import DAY_NS, duration_ns, format_time
from ostinato.decide.charts import check_arl
from ostinato.decide.losing import Due, Losing
from ostinato.decide.trigger import Early, Finding, Reference, Seen, Stance
from ostinato.decide.watching import SEASONS
from ostinato.stats.ski_rental import ShadowPrice, SkiRental


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The prices that a trigger counts in.

    Parameters
    ----------
    value
        Money per unit of the row loss; 1 where rows are priced by the cost matrix.
    by_matrix
        Whether rows are priced by the cost matrix.
    train_hour
        Price of an hour of training.
    alarm
        Price of a training that does not ship, beside its cost.
    currency
        How amounts are called.
    """

    value: float = 1.0
    by_matrix: bool = False
    train_hour: float = 1.0
    alarm: float = 0.0
    currency: str = "units"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessLoss:
    """Ask for a new model when the value lost since the last training reaches its cost.

    The value lost is what the champion loses above what it achieved when it was proved, by season,
    at the loop's `Prices`: per unit of the metric, or by the cost matrix. Paying this rent until it
    equals the price of a new model costs at most twice the best schedule chosen in hindsight, with
    nothing to tune. A jump, seen by an e-detector, is answered at once when it would cost more than
    a training over `ahead`; once for each champion, then the rent decides again. Warns at half the
    way.

    Trainings that do not ship raise the bar: the value lost must reach the cost divided by the
    estimated chance that a training ships, which is (1 + s) / (1 + s + m) after s that shipped
    (at most 4 count) and m that since then did not. A promotion takes the bar down again.

    The cost is declared and not measured: what a stopwatch said differs from run to run, and may
    not steer decisions.

    Parameters
    ----------
    cost
        What a retraining costs, all in: computing, checks, labels, risk; in the currency of
        `Prices`, > 0. The price of an alarm that comes to nothing (`Prices(alarm=...)`) is added by
        its chance.
    train_hours
        Instead of `cost`: processor hours of a training, at `Prices(train_hour=...)`.
    spend_averse
        Whether to wait until the lower 90 % bound of the value lost reaches the cost.
    budget, per
        What may be spent on trainings in each period; trainings grow dearer as it is overspent.
        ``None``: no limit.
    ahead
        How long a better model is expected to pay, for jumps.
    season
        ``"none"``, ``"hour_of_day"``, ``"day_of_week"`` or ``"hour_of_week"`` (UTC).
    arl, tolerance
        Of the chart that sees jumps, as for `Degradation`.
    reference_rows
        With fewer validation rows than this, what can be achieved is learnt from as many live
        ones; >= 50.
    money
        The loop's prices; the plan puts them here.

    Source
    ------
    Rent or buy: Karlin, Manasse, Rudolph, Sleator 1988; for retraining: Mahadevan and Mathioudakis
    2024, "Cost-aware retraining for machine learning".

    Raises
    ------
    ConfigError
        If a value is out of its range, or not just one of the two costs is given.

    Examples
    --------
    >>> ExcessLoss(cost=50).name
    'excess loss (cost 50)'
    """

    cost: float | None = None
    train_hours: float | None = None
    spend_averse: bool = False
    budget: float | None = None
    per: str = "30d"
    ahead: str = "30d"
    season: str = "hour_of_day"
    arl: float = 1e6
    tolerance: float = 0.05
    reference_rows: int = 500
    money: Money = field(default_factory=Money)

    def __post_init__(self) -> None:
        if (self.cost is None) == (self.train_hours is None):
            raise ConfigError(
                "ExcessLoss(cost=..., train_hours=...) must be given one of them",
                found=f"cost={self.cost}, train_hours={self.train_hours}",
                expected="what a retraining costs, or how many processor hours it takes",
            )
        for name in ("cost", "train_hours", "budget"):
            amount = getattr(self, name)
            if amount is not None and not 0 < amount < float("inf"):
                raise ConfigError(
                    f"ExcessLoss({name}=...) is not positive", found=repr(amount), expected="> 0"
                )
        if self.season not in SEASONS:
            raise ConfigError(
                "ExcessLoss(season=...) is unknown",
                found=repr(self.season),
                expected=", ".join(SEASONS),
            )
        if not (self.tolerance >= 0 and self.arl > 1 and self.reference_rows >= 50):
            raise ConfigError(
                "ExcessLoss(...) holds a value out of range",
                found=f"tolerance={self.tolerance}, arl={self.arl}, "
                f"reference_rows={self.reference_rows}",
                expected="tolerance >= 0, arl > 1, reference_rows >= 50",
            )
        check_arl("e", self.arl)
        for name in ("per", "ahead"):
            duration_ns(getattr(self, name), name=f"ExcessLoss({name}=...)")

    @property
    def name(self) -> str:
        if self.cost is not None:
            return f"excess loss (cost {self.cost:g})"
        return f"excess loss ({self.train_hours:g} h of training)"

    @property
    def price(self) -> float:
        """What a training costs, at the loop's prices."""
        if self.cost is not None:
            return self.cost
        assert self.train_hours is not None, "one of the two is given"
        return self.train_hours * self.money.train_hour

    def begin(self) -> Losing:
        price = None
        if self.budget is not None:
            price = ShadowPrice.begin(self.budget, duration_ns(self.per) / DAY_NS)
        return Losing(SkiRental.begin(self.price, spend_averse=self.spend_averse), price)

    def observe(self, state: Losing, losses: LossesObserved, champion: str) -> None:
        if champion not in losses.losses:
            return
        values = losses.losses[champion]
        known = np.isfinite(values)
        if self.money.by_matrix:
            values = losses.guards[DECISION_COST][champion]
        values, times = values[known], losses.times_ns[known]
        if state.watching.baseline is None:
            values, times = self._collect(state, values, times)
        if len(values):
            state.take(times, values, season=self.season, value=self.money.value)

    def foresee(self, state: Losing, early: Early, champion: str) -> None:
        """Money is counted on mature rows."""

    def advance(self, state: Losing, now_ns: int) -> None:
        if state.price is not None and state.advanced_ns is not None:
            state.price.advance((now_ns - state.advanced_ns) / DAY_NS)
        state.advanced_ns = now_ns
        if state.watching.baseline is not None and not state.due:
            ahead = self._ahead(state)
            if state.rental.due(self._surcharge(state), ahead=ahead):
                state.due = Due(self._lost(state), ahead, self._bar(state))

    def renew(self, state: Losing, reference: Reference | None) -> None:
        state.renew()
        if reference is None or len(reference.losses) < self.reference_rows:
            return
        losses = reference.costs if self.money.by_matrix else reference.losses
        assert losses is not None, "costs are known where a trigger counts in them"
        self._adopt(state, reference.times_ns, losses)

    def requested(self, state: Losing, now_ns: int) -> None:
        state.paid(now_ns, self.price)

    def kept(self, state: Losing, candidate: Reference | None) -> None:  # noqa: ARG002 - one signature for all triggers
        state.kept()

    def registered(self, state: Losing) -> Mapping[str, Any] | None:
        chart = state.watching.registered()
        if chart is None:
            return None
        return {
            "method": "ski rental on excess loss",
            "rental": {
                **state.rental.registered(),
                "value": self.money.value,
                "alarm": self.money.alarm,
            },
            "budget": None if state.price is None else state.price.registered(),
            "chart": {**chart, "tolerance": self.tolerance},
            "trainings": state.trainings,
        }

    def look(self, state: Losing, seen: Seen) -> Stance:  # noqa: ARG002 - as above
        if state.due:
            return "act"
        if state.watching.baseline is None:
            return "quiet"
        return "warn" if self._lost(state) >= self._bar(state) / 2 else "quiet"

    def explain(self, state: Losing, seen: Seen) -> Finding:
        if state.watching.baseline is None:
            return Finding(
                reason="What can be achieved is not known yet.",
                evidence={
                    "rows": len(state.watching.pending),
                    "wanted": self.reference_rows,
                },
            )
        change_ns = state.watching.change_ns() if state.watching.alarmed else None
        evidence = self._evidence(state)
        if change_ns is not None:
            evidence["change"] = format_time(change_ns)
        return Finding(
            reason=self._reason(state, self.look(state, seen)),
            evidence=evidence,
            change_ns=change_ns,
        )

    def _reason(self, state: Losing, stance: Stance) -> str:
        missed = ""
        if state.missed:
            last = "training" if state.missed == 1 else f"{state.missed} trainings"
            missed = f" The last {last} did not ship, which raises the bar."
        due = state.due
        if stance == "act" and due is not None and due.lost < due.bar:
            ahead = f"{self.ahead} of it would cost {self._amount(due.ahead)}"
            return f"The loss jumped: {ahead}, over {self._amount(due.bar)}.{missed}"
        lost, bar = (due.lost, due.bar) if due else (self._lost(state), self._bar(state))
        how = {"act": "has reached", "warn": "is over half of"}.get(stance, "is under half of")
        since = f"The value lost since the last training, {self._amount(lost)}"
        return f"{since}, {how} {self._amount(bar)}.{missed}"

    def _evidence(self, state: Losing) -> dict[str, Any]:
        return {
            "lost": state.rental.total,
            "lost_low": state.rental.lower,
            "bar": self._bar(state),
            "cost": self.price,
            "shadow_price": 0.0 if state.price is None else state.price.price,
            "chance_to_ship": state.chance,
            "ahead": self._ahead(state),
            "rows": float(state.seen.sum()),
        }

    def _amount(self, money: float) -> str:
        return f"{money:,.2f} {self.money.currency}"

    def _lost(self, state: Losing) -> float:
        return state.rental.lower if self.spend_averse else state.rental.total

    def _bar(self, state: Losing) -> float:
        return self.price * (1.0 + self._surcharge(state))

    def _surcharge(self, state: Losing) -> float:
        """Share by which a training must pay more than its cost."""
        price = 1.0 if state.price is None else 1.0 + state.price.price
        in_vain = self.money.alarm * (1.0 - state.chance)
        return price * (self.price + in_vain) / (self.price * state.chance) - 1.0

    def _ahead(self, state: Losing) -> float:
        return state.ahead(duration_ns(self.ahead) / DAY_NS, self.money.value)

    def _collect(self, state: Losing, values: Floats, times: Ints) -> tuple[Floats, Ints]:
        watching = state.watching
        taken = watching.collect(times, values, self.reference_rows)
        if len(watching.pending) >= self.reference_rows:
            pending = np.array(watching.pending_times, dtype=np.int64), np.array(watching.pending)
            watching.pending, watching.pending_times = [], []
            self._adopt(state, *pending)
        return values[taken:], times[taken:]

    def _adopt(self, state: Losing, times_ns: Ints, losses: Floats) -> None:
        state.adopt(
            times_ns,
            losses,
            season=self.season,
            tolerance=self.tolerance,
            arl=self.arl,
        )
