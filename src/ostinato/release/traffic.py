"""How many rows come: what a rollout can hope to learn, and what a step can cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import Ints
from ostinato.core.units import DAY_NS, duration_ns
from ostinato.release.config import ReleaseConfig
from ostinato.release.prior import BURN_IN, Prior
from ostinato.release.proof import Proof, rows_per_arm
from ostinato.stats.dual import fixed_sample_size

_DAYS: Final = 7  # a week has all its days; traffic of long ago says little


@dataclass(slots=True)
class Rate:
    """Rows per day over the last week, by the time of their request.

    `days` counts rows by day since 1970, `first_ns` and `last_ns` are the ends of what was seen.
    """

    days: dict[int, int] = field(default_factory=dict)
    first_ns: int = -1
    last_ns: int = -1

    def add(self, times_ns: Ints) -> None:
        """Count rows, (n,), roughly in order of time."""
        if not len(times_ns):
            return
        first, last = int(times_ns.min()), int(times_ns.max())
        self.first_ns = first if self.first_ns < 0 else self.first_ns
        self.last_ns = max(self.last_ns, last)
        counts = {first // DAY_NS: len(times_ns)}
        if first // DAY_NS < last // DAY_NS:
            counts = dict(zip(*np.unique_counts(times_ns // DAY_NS), strict=True))
        for day, count in counts.items():
            self.days[int(day)] = self.days.get(int(day), 0) + int(count)
        oldest = self.last_ns // DAY_NS - _DAYS
        self.days = {day: count for day, count in self.days.items() if day >= oldest}
        self.first_ns = max(self.first_ns, oldest * DAY_NS)

    def per_ns(self) -> float | None:
        """Rows per nanosecond; nothing before a whole day was seen."""
        span = self.last_ns - self.first_ns
        return sum(self.days.values()) / span if span >= DAY_NS else None


def outlook(
    rate: Rate, config: ReleaseConfig, prior: Prior | None, *, now_ns: int
) -> tuple[bool, dict[str, Any]]:
    """Say whether the cap of time brings the rows of a verdict, and what they could show.

    Labels are taken to come as late as they do now: the time since the youngest request whose
    label is in, the horizon at most.

    Returns
    -------
    (bool, dict)
        Whether there will be `min_samples`, True when the traffic is not known yet; and the
        numbers: rows expected, how late their labels are, rows that a verdict of "no worse" takes
        when there is no effect, and the smallest relative harm that could be told from zero by
        then.

    Source: the sample size of a test looked at once, which the e-process takes about as well when
    there is no effect (`ostinato.stats.dual.fixed_sample_size`).
    """
    per_ns, rollout = rate.per_ns(), config.rollout
    if per_ns is None:
        return True, {}
    late_ns = min(max(now_ns - rate.last_ns, 0), config.horizon_ns)
    time_ns = max(duration_ns(rollout.cap) - late_ns, 0)
    rows = max(int(per_ns * time_ns) - (BURN_IN if prior is None else 0), 0)
    facts: dict[str, Any] = {
        "rows_expected": rows,
        "labels_late_ns": late_ns,
        "min_samples": rollout.min_samples,
    }
    if prior is not None and prior.base > 0 and prior.moment > 0:
        facts |= _needed(config, prior)
        if rows:
            facts["smallest_harm"] = rollout.margin * math.sqrt(facts["rows_needed"] / rows)
    return rows >= rollout.min_samples, facts


def _needed(config: ReleaseConfig, prior: Prior) -> dict[str, Any]:
    """Say how many rows, and days where these are asked about, show that there is no harm."""
    rollout, terms = config.rollout, config.rollout.terms
    if not config.paired:
        # The challenger's arm is the slow one: its share of the rows at the last step.
        return {"rows_needed": math.ceil(rows_per_arm(prior, terms) / terms.share)}
    margin = rollout.margin * prior.base
    needed = {"rows_needed": fixed_sample_size(margin, prior.moment, alpha=rollout.alpha)}
    if rollout.null == "daily" and prior.day_variance is not None:
        moment = prior.day_variance + margin**2
        needed["days_needed"] = fixed_sample_size(margin, moment, alpha=rollout.alpha)
    return needed


def exposure(
    rate: Rate, proof: Proof, *, share: float, time_ns: int, budget: float
) -> tuple[bool, dict[str, Any]]:
    """Say whether a step's harm stays within the budget, as far as the evidence can tell.

    Where the interval of the proof holds, and no more requests come than did lately.

    Parameters
    ----------
    rate
        Of requests.
    proof
        Its interval bounds the harm per row.
    share, time_ns
        Of the step: how long it may last.
    budget
        Loss times rows.

    Source: the idea of Li, Mao, Bojinov 2023, "Balancing risk and reward: an automated phased
    release strategy", NeurIPS; here rows times the upper confidence bound of the harm per row.
    """
    per_ns = rate.per_ns()
    if per_ns is None:
        return False, {"harm_budget": budget}
    rows = per_ns * time_ns * share
    worst = max(-proof.interval()[0], 0.0)
    known = math.isfinite(worst)
    facts: dict[str, Any] = {"harm_budget": budget, "rows_expected": int(rows)}
    if known:
        facts |= {"harm_per_row_at_most": worst, "harm_at_most": rows * worst}
    return known and rows * worst <= budget, facts
