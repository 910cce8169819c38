"""No slice may become materially worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats, Ints
from ostinato.gate.compare import compare
from ostinato.gate.verdict import Case, Verdict
from ostinato.stats.intervals import benjamini_hochberg

_SETS = ("recent", "random")
_WORST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorseSlice:
    """Fail when a slice is worse than the margin, with the false discovery rate held at `q`.

    Each slice with enough rows in the recent and random sets together is tested one-sided against
    "no worse than the margin"; Benjamini-Hochberg over the slices decides which are harmed. The
    gate asks that no harm is shown: it passes where nothing can be told, and says what it would
    have seen.

    Parameters
    ----------
    margin
        Rise of a slice's loss that is tolerated, relative to the champion's loss on it; > 0.
    q
        False discovery rate, in (0, 1).
    min_rows
        Slices with fewer rows are counted and not tested; >= 2.

    Source
    ------
    Benjamini and Hochberg 1995, JRSS B 57, section 3.
    """

    margin: float = 0.05
    q: float = 0.1
    min_rows: int = 200

    def __post_init__(self) -> None:
        if not (self.margin > 0 and 0 < self.q < 1 and self.min_rows >= 2):
            raise ConfigError(
                "NoWorseSlice(...) holds a value out of range",
                found=f"margin={self.margin}, q={self.q}, min_rows={self.min_rows}",
                expected="margin > 0, 0 < q < 1, min_rows >= 2",
            )

    @property
    def name(self) -> str:
        return "no worse slice"

    def judge(self, case: Case) -> Verdict:
        names = [name for name in _SETS if name in case.gains]
        if not names:
            return Verdict(verdict="inconclusive", reason="There are no rows to compare on.")
        times = np.concatenate([case.sets[name].times_ns for name in names])
        gains = np.concatenate([case.gains[name] for name in names])
        losses = np.concatenate([case.champion_losses[name] for name in names])
        groups = np.concatenate([case.sets[name].groups for name in names])
        pvalues: dict[str, float] = {}
        facts: dict[str, dict[str, Any]] = {}
        too_small = 0
        for code, label in enumerate(case.group_names):
            rows = np.flatnonzero((groups == code).any(axis=1))
            if len(rows) < self.min_rows:
                too_small += len(rows) > 0
                continue
            pvalues[label], facts[label] = self._slice(times[rows], gains[rows], losses[rows])
        return self._verdict(pvalues, facts, too_small)

    def _slice(self, times: Ints, gains: Floats, losses: Floats) -> tuple[float, dict[str, Any]]:
        gain = compare(times, gains, 0.05)
        bar = -self.margin * float(losses.mean())
        return gain.p_below(bar), {
            "rows": gain.rows,
            "gain": gain.mean,
            "low": gain.low,
            "high": gain.high,
            "bar": bar,
            "smallest_visible": gain.smallest_visible,
        }

    def _verdict(
        self, pvalues: dict[str, float], facts: dict[str, dict[str, Any]], too_small: int
    ) -> Verdict:
        tested = list(pvalues)
        summary = {
            "tested": len(tested),
            "too_small": too_small,
            "margin": self.margin,
            "q": self.q,
        }
        if not tested:
            return Verdict(
                verdict="pass", reason="No slice is large enough to test.", evidence=summary
            )
        worst = sorted(tested, key=lambda label: facts[label]["gain"])[:_WORST_SHOWN]
        evidence = {**summary, "worst": {label: facts[label] for label in worst}}
        rejected = benjamini_hochberg(np.array(list(pvalues.values())), self.q).tolist()
        harmed = [label for label, bad in zip(tested, rejected, strict=True) if bad]
        if harmed:
            return Verdict(
                verdict="fail",
                reason="Worse than the margin on " + ", ".join(harmed[:_WORST_SHOWN]) + ".",
                evidence={**evidence, "harmed": harmed},
            )
        return Verdict(
            verdict="pass", reason=f"None of {len(tested)} slices is worse.", evidence=evidence
        )
