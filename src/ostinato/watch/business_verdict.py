"""Whether metric and business agree after a promotion: changes with intervals, and words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from scipy.special import stdtrit

from ostinato.core.records import Floats

FEWEST_WINDOWS: Final = 3
"""Windows on each side that a change needs. Fewer have no spread to speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A relative change of a mean, in shares of what it was before, with a 95 % interval.

    `before` is the mean before, in its own unit; `windows` how many stand behind what came after.
    """

    before: float
    value: float
    low: float
    high: float
    windows: int

    def turned(self) -> Change:
        """Return the change with the other sign: of something that is better when it is less."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)


def change_of(before: Floats, after: Floats, *, paired: bool) -> Change | None:
    """Compare means of windows; None where there are too few, or nothing was there before.

    Parameters
    ----------
    before, after
        (n,) and (m,) means of windows; `paired`: of the same ones.

    Source: Student 1908 (pairs); Welch 1947, Biometrika 34 (two samples), over windows, so that
    what varies from window to window is in the interval.
    """
    if min(len(before), len(after)) < FEWEST_WINDOWS:
        return None
    level = float(before.mean())
    if not level:
        return None
    if paired:
        gaps = after - before
        error, freedom = float(gaps.std(ddof=1)) / math.sqrt(len(gaps)), len(gaps) - 1.0
    else:
        one, other = before.var(ddof=1) / len(before), after.var(ddof=1) / len(after)
        error, freedom = math.sqrt(one + other), len(before) + len(after) - 2.0
        if error > 0:
            of_one, of_other = one**2 / (len(before) - 1), other**2 / (len(after) - 1)
            freedom = float((one + other) ** 2 / (of_one + of_other))
    value = (float(after.mean()) - level) / abs(level)
    reach = float(stdtrit(freedom, 0.975)) * error / abs(level)
    return Change(
        before=level, value=value, low=value - reach, high=value + reach, windows=len(after)
    )


def judge(
    metric: Change | None, outcome: Change | None, *, metric_name: str, outcome_name: str
) -> dict[str, float | str]:
    """Say whether loss and outcome agree on the present champion.

    Parameters
    ----------
    metric
        Change of the loss: below zero is better.
    outcome
        Change of the outcome, turned so that above zero is better.
    """
    if metric is None or outcome is None:
        return {
            "verdict": "unknown",
            "text": f"Too few windows yet to compare this champion with the one before by "
            f"{metric_name} and {outcome_name}.",
            "action": "Wait.",
        }
    told = (
        f"The loss ({metric_name}) changed by {_percent(metric)}, and {outcome_name} by "
        f"{_percent(outcome)}, above zero being better."
    )
    facts = {
        "metric_change": metric.value,
        "metric_low": metric.low,
        "metric_high": metric.high,
        "outcome_change": outcome.value,
        "outcome_low": outcome.low,
        "outcome_high": outcome.high,
        "windows": float(outcome.windows),
    }
    verdict, action = "agrees", "Nothing to do."
    if outcome.high < 0:
        verdict, action = "worse", "Both tell of a worse champion. Go back to the one before."
    if metric.high < 0 and outcome.high < 0:
        verdict = "diverges"
        action = (
            f"The metric improves, the business does not: {metric_name} does not measure what "
            f"{outcome_name} comes from. Go back to the champion before, and look for a metric or "
            "prices (ost.Prices) that rise and fall with it."
        )
    return {"verdict": verdict, "text": told, "action": action, **facts}


def _percent(change: Change) -> str:
    return f"{change.value:+.1%} ({change.low:+.1%} to {change.high:+.1%})"
