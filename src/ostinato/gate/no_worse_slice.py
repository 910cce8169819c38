"""No slice may become materially worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.gate.verdict import Case, Verdict, compare
from ostinato.stats.intervals import benjamini_hochberg, one_sided_p


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorseSlice:
    """Fail when a slice is worse than the margin, with the false discovery rate held at `q`.

    Each slice with enough rows in the recent and random sets together is tested one-sided against
    "no worse than the margin"; Benjamini-Hochberg over the slices decides which are harmed.

    Parameters
    ----------
    margin
        Relative rise of a slice's loss that is tolerated, > 0.
    q
        False discovery rate, in (0, 1).
    min_rows
        Slices with fewer rows are reported and not tested.

    Source
    ------
    Benjamini and Hochberg 1995, JRSS B 57, section 3.
    """

    margin: float = 0.05
    q: float = 0.1
    min_rows: int = 200

    def __post_init__(self) -> None:
        if self.margin <= 0 or not 0 < self.q < 1:
            raise ConfigError(
                "NoWorseSlice(...) holds a value out of range",
                found=f"margin={self.margin}, q={self.q}",
                expected="margin > 0, 0 < q < 1",
            )

    @property
    def name(self) -> str:
        return "no worse slice"

    def judge(self, case: Case) -> Verdict:
        names = [name for name in ("recent", "random") if name in case.gains]
        if not names:
            return Verdict(verdict="inconclusive", reason="There are no rows to compare on.")
        gains = np.concatenate([case.gains[name] for name in names])
        groups = np.concatenate([case.sets[name].groups for name in names])
        times = np.concatenate([case.sets[name].times_ns for name in names])
        base = float(np.mean([case.champion_loss[name] for name in names]))
        tested, pvalues, facts = [], [], {}
        untested = 0
        for group, label in enumerate(case.group_names):
            rows = (groups == group).any(axis=1) if groups.size else np.zeros(len(gains), dtype=bool)
            count = int(rows.sum())
            if count < self.min_rows:
                untested += count > 0
                continue
            result = compare(times[rows], gains[rows], 0.05)
            tested.append(label)
            pvalues.append(one_sided_p(-(result.mean + self.margin * base), result.se))
            facts[label] = {"rows": count, "gain": result.mean, "smallest_visible": result.smallest_visible}
        return self._verdict(tested, pvalues, facts, untested)

    def _verdict(
        self, tested: list[str], pvalues: list[float], facts: dict[str, Any], untested: int
    ) -> Verdict:
        summary = {"tested": len(tested), "too_small": untested, "margin": self.margin, "q": self.q}
        if not tested:
            return Verdict(verdict="pass", reason="No slice is large enough to test.", evidence=summary)
        harmed = benjamini_hochberg(np.array(pvalues), self.q)
        worst = sorted(tested, key=lambda label: facts[label]["gain"])[:5]
        evidence = {**summary, "worst": {label: facts[label] for label in worst}}
        if harmed.any():
            named = [label for label, bad in zip(tested, harmed.tolist(), strict=True) if bad]
            return Verdict(
                verdict="fail",
                reason="Worse than the margin on " + ", ".join(named[:5]) + ".",
                evidence={**evidence, "harmed": named},
            )
        return Verdict(
            verdict="pass", reason=f"None of {len(tested)} slices is worse.", evidence=evidence
        )
