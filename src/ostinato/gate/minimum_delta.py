"""The candidate must beat the champion by a minimum, beyond doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.gate.compare import compare
from ostinato.gate.verdict import SEVERITY, Case, Verdict, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumDelta:
    """Lower confidence bound of the paired gain above a delta; no harm elsewhere.

    On each set of `better_on` the one-sided lower bound of (champion's loss - candidate's loss)
    must be above `delta`; on each set of `no_worse_on` it must be above -`margin`; on each set of
    `no_harm_on` it is enough that the upper bound is not below -`margin`, so that a small set
    vetoes what it can show to be harmful and does not stop what it cannot judge. All are relative
    to the champion's mean loss on the set.

    Parameters
    ----------
    delta
        Least relative gain worth a release, >= 0.
    margin
        Relative loss that still counts as no worse, > 0.
    alpha
        One-sided error of each bound, in (0, 0.5).
    better_on, no_worse_on, no_harm_on
        Names of validation sets: ``"recent"``, ``"random"``, ``"hard"``; each in one list at most.
    min_rows
        With fewer rows a set of `better_on` is inconclusive and one of the others is passed by.
    """

    delta: float = 0.0
    margin: float = 0.02
    alpha: float = 0.05
    better_on: tuple[str, ...] = ("recent",)
    no_worse_on: tuple[str, ...] = ()
    no_harm_on: tuple[str, ...] = ("random", "hard")
    min_rows: int = 50

    def __post_init__(self) -> None:
        for name in ("better_on", "no_worse_on", "no_harm_on"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        fits = self.delta >= 0 and self.margin > 0 and 0 < self.alpha < 0.5 and self.min_rows >= 2
        if not fits:
            raise ConfigError(
                "MinimumDelta(...) holds a value out of range",
                found=f"delta={self.delta}, margin={self.margin}, alpha={self.alpha}, "
                f"min_rows={self.min_rows}",
                expected="delta >= 0, margin > 0, 0 < alpha < 0.5, min_rows >= 2",
            )
        named = self._named()
        unknown = [name for name in named if name not in _SETS]
        if unknown:
            raise ConfigError(
                "MinimumDelta(...) names unknown validation sets",
                found=", ".join(unknown),
                expected=", ".join(_SETS),
            )
        if not named or len(set(named)) < len(named):
            raise ConfigError(
                "MinimumDelta(better_on=..., no_worse_on=..., no_harm_on=...) name a set twice or "
                "none",
                found=", ".join(named) or "no set",
                expected="at least one set, none of them twice",
            )

    def _named(self) -> tuple[str, ...]:
        return (*self.better_on, *self.no_worse_on, *self.no_harm_on)

    @property
    def name(self) -> str:
        return "minimum delta"

    def judge(self, case: Case) -> Verdict:
        evidence: dict[str, Any] = {}
        worst: Word = "pass"
        reason = self._passed()
        for name in self._named():
            verdict, text, evidence[name] = self._set(case, name)
            if SEVERITY[verdict] > SEVERITY[worst]:
                worst, reason = verdict, text
        return Verdict(verdict=worst, reason=reason, evidence=evidence)

    def _passed(self) -> str:
        better = f"Better on {' and '.join(self.better_on)}" if self.better_on else ""
        no_worse = f"no worse on {' and '.join(self.no_worse_on)}" if self.no_worse_on else ""
        no_harm = "no harm elsewhere" if self.no_harm_on else ""
        return ", ".join(part for part in (better, no_worse, no_harm) if part).capitalize() + "."

    def _set(self, case: Case, name: str) -> tuple[Word, str, dict[str, Any]]:
        strict = name in self.better_on
        gains = case.gains.get(name)
        if gains is None or len(gains) < self.min_rows:
            rows = 0 if gains is None else len(gains)
            few = f"Only {rows} rows in the {name} set."
            found = {"rows": rows, "wanted": self.min_rows}
            return ("inconclusive" if strict else "pass"), few, found
        gain = compare(case.sets[name].times_ns, gains, self.alpha)
        base = float(case.champion_losses[name].mean())
        bar = self.delta * base if strict else -self.margin * base
        facts = {
            "rows": gain.rows,
            "clusters": gain.clusters,
            "gain": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "bar": bar,
            "champion_loss": base,
            "smallest_visible": gain.smallest_visible,
        }
        if gain.low > bar:
            return "pass", f"Gain on the {name} set is above the bar.", facts
        if gain.high < bar:
            return "fail", f"Gain on the {name} set is below the bar.", facts
        if name in self.no_harm_on:
            return "pass", f"No harm can be shown on the {name} set.", facts
        return "inconclusive", f"Gain on the {name} set cannot be told from the bar.", facts


_SETS = ("recent", "random", "hard")
