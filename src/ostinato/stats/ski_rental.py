"""When a training pays: the loss it would have saved so far against what it costs.

In: per tick, the value a fresh model would have saved, with its variance; what was spent. Out:
whether a training is due, and the price on trainings that keeps spending within its budget. State:
a few numbers. Nothing is tuned: rent (excess loss) is paid until it adds up to the price of a new
model, which costs at most twice the best schedule chosen in hindsight when nothing is noisy.
"""

import math
from dataclasses import dataclass
from typing import Any

CAUTION = 1.2816
"""Standard errors taken off the saving when spending is averse: the 90 % lower bound. Smaller
trains on noise, larger waits until there is no doubt."""


@dataclass(slots=True)
class SkiRental:
    """Value lost since the last training, and whether it has reached the cost of the next.

    Parameters
    ----------
    cost
        what a training costs, all in (compute, labels, checks, risk), > 0; the unit is the
        caller's, the same as that of ``saved``.
    spend_averse
        whether to wait until the lower bound of the loss reaches the cost.
    total
        value lost since the last training, in the unit of ``cost``; may be negative.
    variance
        variance of ``total``, squared unit.
    n
        estimates added since the last training.

    Source: rent-or-buy, Karlin, Manasse, Rudolph, Sleator 1988: buying when the rent paid equals
    the price is 2-competitive; as a rule for retraining Mahadevan and Mathioudakis 2024
    (the cumulative threshold of CARA).

    Examples
    --------
    >>> rule = SkiRental.begin(100.0)
    >>> for day in range(5):
    ...     rule.add(12.0 * day, variance=25.0)
    >>> rule.total, rule.due(), rule.due(shadow_price=0.5)
    (120.0, True, False)
    """

    cost: float
    spend_averse: bool = False
    total: float = 0.0
    variance: float = 0.0
    n: int = 0

    @classmethod
    def begin(cls, cost: float, *, spend_averse: bool = False) -> "SkiRental":
        """Start with nothing lost.

        Raises
        ------
        ValueError
            when the cost is not above 0 and finite.
        """
        if not 0.0 < cost < math.inf:
            raise ValueError(f"cost must be above 0 and finite, it was {cost}")
        return cls(float(cost), bool(spend_averse))

    @property
    def lower(self) -> float:
        """Lower bound of the value lost: 90 % at one look, not at all of them."""
        return self.total - CAUTION * math.sqrt(self.variance)

    def registered(self) -> dict[str, Any]:
        """Return what was fixed before the first estimate."""
        return {"cost": self.cost, "spend_averse": self.spend_averse}

    def add(self, saved: float, variance: float) -> None:
        """Take in what a fresh model would have saved over one tick.

        Parameters
        ----------
        saved
            value per unit of loss x events x estimated excess loss; negative where the
            estimate is. Do not cut it at 0: noise would add up to a training.
        variance
            of that estimate, >= 0; errors of different ticks must be independent.

        Raises
        ------
        ValueError
            when a number is not finite or the variance negative.
        """
        if not (math.isfinite(saved) and 0.0 <= variance < math.inf):
            raise ValueError(f"saved must be finite and variance at least 0: {saved}, {variance}")
        self.total += saved
        self.variance += variance
        self.n += 1

    def due(self, shadow_price: float = 0.0, *, ahead: float = 0.0) -> bool:
        """Say whether to train now.

        Parameters
        ----------
        shadow_price
            share by which the budget makes trainings dearer, >= 0, see ``ShadowPrice``.
        ahead
            after an alarm: the value that would be lost over the time to plan for, value per
            unit of loss x events per day x excess loss since the change x days. At the price of
            a training it makes one due at once, without the loss having been paid first.
        """
        asked = self.cost * (1.0 + shadow_price)
        lost = self.lower if self.spend_averse else self.total
        return lost >= asked or ahead >= asked

    def paid(self) -> None:
        """Begin anew: a training was bought."""
        self.total = self.variance = 0.0
        self.n = 0


@dataclass(slots=True)
class ShadowPrice:
    """Price on trainings that holds their spending to a budget per period.

    It is 0 while spending keeps to the budget. Otherwise the threshold of every purchase grows
    exponentially with what is overspent: the integral of overspending removes a lasting excess,
    the recent rate answers to a burst.

    Parameters
    ----------
    budget
        what may be spent per period, in the unit of the cost, > 0.
    period
        length of the period, any unit of time (days, ticks), > 0.
    gain, gain_rate
        growth of log(1 + price) per budget overspent, and per recent rate of spending above the
        allowed one in budgets per period. Smaller gains overspend more before they bind, larger
        ones swing.
    balance
        spending above the budget so far, in budgets; at least -1, so that no more than one
        period's budget is ever saved up.
    rate
        recent spending, budgets per period, smoothed over half a period.

    Source: proportional-integral control with clamping against wind-up, Astrom and Murray 2008,
    "Feedback Systems", sections 10.1 and 10.4; the price as Lagrange multiplier of the budget.
    """

    budget: float
    period: float
    gain: float
    gain_rate: float
    balance: float = 0.0
    rate: float = 0.0

    @classmethod
    def begin(
        cls, budget: float, period: float, *, gain: float = 3.0, gain_rate: float = 0.5
    ) -> "ShadowPrice":
        """Start with nothing spent and nothing saved up.

        Raises
        ------
        ValueError
            when budget or period is not above 0, or a gain is negative.
        """
        if not (0.0 < budget < math.inf and 0.0 < period < math.inf):
            raise ValueError(f"budget and period must be above 0 and finite: {budget}, {period}")
        if not (gain >= 0.0 and gain_rate >= 0.0):
            raise ValueError(f"gains must be at least 0: {gain}, {gain_rate}")
        return cls(float(budget), float(period), float(gain), float(gain_rate))

    @property
    def price(self) -> float:
        """Share by which trainings are dearer now, >= 0."""
        pressure = self.gain * self.balance + self.gain_rate * max(self.rate - 1.0, 0.0)
        return math.expm1(min(max(pressure, 0.0), 50.0))

    def registered(self) -> dict[str, Any]:
        """Return what was fixed before the first purchase."""
        return {
            "budget": self.budget,
            "period": self.period,
            "gain": self.gain,
            "gain_rate": self.gain_rate,
        }

    def advance(self, elapsed: float) -> None:
        """Let time pass, in the unit of ``period``, >= 0: it earns budget."""
        if not 0.0 <= elapsed < math.inf:
            raise ValueError(f"elapsed must be at least 0 and finite, it was {elapsed}")
        share = elapsed / self.period
        self.balance = max(self.balance - share, -1.0)
        self.rate *= math.exp(-2.0 * share)

    def spend(self, amount: float) -> None:
        """Note a purchase of ``amount`` >= 0, in the unit of ``budget``."""
        if not 0.0 <= amount < math.inf:
            raise ValueError(f"amount must be at least 0 and finite, it was {amount}")
        self.balance += amount / self.budget
        self.rate += 2.0 * amount / self.budget
