"""The candidate must beat the champion by a minimum, beyond doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.gate.compare import Gain, compare
from ostinato.gate.evidence import told
from ostinato.gate.ledger import FRESH, reuse_bound
from ostinato.gate.verdict import SEVERITY, Case, Verdict, Word
from ostinato.gate.words import would_show


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
        Least relative gain worth a release, >= 0. It should be the larger of two shares of the
        champion's loss: what a switch costs, divided by what the gain is worth on the traffic until
        the next one; and twice what churn costs (people and systems that have to get used to other
        answers). Smaller: releases that change little, and the luckiest of many candidates get
        through; larger: real gains wait. Of 200 candidates in a row with true gains of
        -0.1 +- 0.3 points (20,000 rows, error rate 20 %), 3.9 % of the promoted ones were harmful
        with 0, and none of 624 with 0.01; at an error rate of 10 % it were 0.9 %.
    margin
        Relative loss that still counts as no worse, > 0.
    alpha
        One-sided error of each bound, in (0, 0.5).
    better_on, no_worse_on, no_harm_on
        Names of validation sets: ``"recent"``, ``"random"``, ``"hard"``; each in one list at most.
    min_rows
        With fewer rows a set of `better_on` is inconclusive and one of the others is passed by.
    """

    delta: float = 0.01
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
        found = {name: self._set(case, name) for name in self._named()}
        # The first of the worst decides; the first of all speaks for a pass.
        decided = min(found, key=lambda name: -SEVERITY[found[name].verdict])
        worst = found[decided]
        passed = worst.verdict == "pass"
        text, where = (self._passed(), f"on {decided}") if passed else (worst.text, "")
        return Verdict(
            verdict=worst.verdict,
            reason=would_show(text, worst.visible, worst.base, where=where),
            evidence={name: told(case, name, each.facts) for name, each in found.items()},
            spent=tuple(name for name, each in found.items() if each.spent),
        )

    def _passed(self) -> str:
        better = f"better on {' and '.join(self.better_on)}" if self.better_on else ""
        no_worse = f"no worse on {' and '.join(self.no_worse_on)}" if self.no_worse_on else ""
        no_harm = "no harm elsewhere" if self.no_harm_on else ""
        parts = ", ".join(part for part in (better, no_worse, no_harm) if part)
        return parts.capitalize()

    def _set(self, case: Case, name: str) -> _Found:
        strict = name in self.better_on
        gains = case.gains.get(name)
        if gains is None or len(gains) < self.min_rows:
            rows = 0 if gains is None else len(gains)
            word: Word = "inconclusive" if strict else "pass"
            few = {"rows": rows, "wanted": self.min_rows, "verdict": word}
            return _Found(verdict=word, text=f"Only {rows} rows in the {name} set", facts=few)
        gain = compare(case.sets[name].times_ns, gains, self.alpha)
        base = float(case.champion_losses[name].mean())
        bar = self.delta * base if strict else -self.margin * base
        word, text = self._word(gain, bar, name)
        bound = reuse_bound(gain.se, self.alpha, case.usage.get(name, FRESH).transcripts)
        visible = abs(bar) + gain.smallest_visible
        facts = {
            "rows": gain.rows,
            "clusters": gain.clusters,
            "gain": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "bar": bar,
            "champion_loss": base,
            "smallest_visible": visible,
            "verdict": word,
            "reuse_bound": bound,
        }
        # Spent is a set on which luck could hide as much again as it can show. Half of that was
        # measured too: it starves promotions and lets no fewer harmful ones through.
        limit = max(abs(bar), gain.smallest_visible)
        return _Found(
            verdict=word, text=text, facts=facts, visible=visible, base=base, spent=bound > limit
        )

    def _word(self, gain: Gain, bar: float, name: str) -> tuple[Word, str]:
        if gain.low > bar:
            return "pass", f"Gain on the {name} set is above the bar"
        if gain.high < bar:
            return "fail", f"Gain on the {name} set is below the bar"
        if name in self.no_harm_on:
            return "pass", f"No harm can be shown on the {name} set"
        return "inconclusive", f"Gain on the {name} set cannot be told from the bar"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one set says: the sentence, the facts, and what of either may be too much by now."""

    verdict: Word
    text: str
    facts: dict[str, Any]
    visible: float = math.inf
    base: float = 0.0
    spent: bool = False


_SETS = ("recent", "random", "hard")
