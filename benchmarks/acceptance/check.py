"""What one row reports: a figure, the rule it must keep, and whether it did."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to simulate; `quick` is for the tests: seconds, wider rules where noise asks."""

    quick: bool = False

    def __call__(self, full, quick):
        """Choose between the two sizes of one thing."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure of a row. `passed` is None for figures that only inform (peers, context).

    `teeth` marks a rule about somebody else's method: that it fails on these streams.
    """

    what: str
    value: float
    rule: str = ""
    passed: bool | None = None
    teeth: bool = False


def at_most(what: str, value: float, bound: float, *, teeth: bool = False) -> Check:
    return Check(
        what=what, value=value, rule=f"<= {bound:g}", passed=bool(value <= bound), teeth=teeth
    )


def at_least(what: str, value: float, bound: float, *, teeth: bool = False) -> Check:
    return Check(
        what=what, value=value, rule=f">= {bound:g}", passed=bool(value >= bound), teeth=teeth
    )


def within(what: str, value: float, low: float, high: float) -> Check:
    kept = bool(low <= value <= high)
    return Check(what=what, value=value, rule=f"{low:g} to {high:g}", passed=kept)


def told(what: str, value: float) -> Check:
    """Report a figure without a rule."""
    return Check(what=what, value=float(value))


class Skipped(Exception):  # noqa: N818 - it is an answer, not an error
    """A row that cannot be run here, and why: a package or a data set is not there."""


def binomial_slack(rate: float, trials: int, sigmas: float = 3.0) -> float:
    """How far a measured rate may lie above the true one by chance."""
    return sigmas * math.sqrt(rate * (1.0 - rate) / trials)
