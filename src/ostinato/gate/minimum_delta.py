"""The candidate must beat the champion by a minimum, beyond doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.gate.verdict import Case, Verdict, compare


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumDelta:
    """Lower confidence bound of the paired gain above a delta; no worse elsewhere.

    On each set of `better_on` the one-sided lower bound of (champion's loss - candidate's loss)
    must be above `delta`; on each set of `no_worse_on` it must be above -`margin`. Both are
    relative to the champion's mean loss on the set.

    Parameters
    ----------
    delta
        Least relative gain worth a release, >= 0.
    margin
        Relative loss that still counts as no worse, > 0.
    alpha
        One-sided error of each bound, in (0, 0.5).
    better_on, no_worse_on
        Names of validation sets: ``"recent"``, ``"random"``, ``"hard"``.
    min_rows
        With fewer rows a set of `better_on` is inconclusive and one of `no_worse_on` is passed by.
    """

    delta: float = 0.0
    margin: float = 0.02
    alpha: float = 0.05
    better_on: tuple[str, ...] = ("recent",)
    no_worse_on: tuple[str, ...] = ("random", "hard")
    min_rows: int = 200

    def __post_init__(self) -> None:
        if self.delta < 0 or self.margin <= 0 or not 0 < self.alpha < 0.5:
            raise ConfigError(
                "MinimumDelta(...) holds a value out of range",
                found=f"delta={self.delta}, margin={self.margin}, alpha={self.alpha}",
                expected="delta >= 0, margin > 0, 0 < alpha < 0.5",
            )
        unknown = sorted({*self.better_on, *self.no_worse_on} - {"recent", "random", "hard"})
        if unknown:
            raise ConfigError(
                "MinimumDelta(...) names unknown validation sets",
                found=", ".join(unknown),
                expected="recent, random, hard",
            )

    @property
    def name(self) -> str:
        return "minimum delta"

    def judge(self, case: Case) -> Verdict:
        evidence: dict[str, Any] = {}
        worst, reason = "pass", "Better on " + " and ".join(self.better_on) + ", no worse elsewhere."
        for name in (*self.better_on, *self.no_worse_on):
            strict = name in self.better_on
            verdict, text, facts = self._set(case, name, strict=strict)
            evidence[name] = facts
            if _RANK[verdict] > _RANK[worst]:
                worst, reason = verdict, text
        return Verdict(verdict=worst, reason=reason, evidence=evidence)

    def _set(self, case: Case, name: str, *, strict: bool) -> tuple[str, str, dict[str, Any]]:
        gains = case.gains.get(name)
        rows = 0 if gains is None else len(gains)
        if gains is None or rows < self.min_rows:
            verdict = "inconclusive" if strict else "pass"
            return verdict, f"Only {rows} rows in the {name} set.", {"rows": rows}
        result = compare(case.sets[name].times_ns, gains, self.alpha)
        base = case.champion_loss[name]
        bar = self.delta * base if strict else -self.margin * base
        facts = {
            "rows": rows,
            "gain": result.mean,
            "low": result.low,
            "high": result.high,
            "bar": bar,
            "champion_loss": base,
            "smallest_visible": result.smallest_visible,
        }
        if result.low > bar:
            return "pass", f"Gain on the {name} set is above the bar.", facts
        if result.high < bar:
            return "fail", f"Gain on the {name} set is below the bar.", facts
        return "inconclusive", f"Gain on the {name} set cannot be told from the bar.", facts


_RANK = {"pass": 0, "inconclusive": 1, "fail": 2}
