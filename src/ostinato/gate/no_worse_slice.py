"""No slice may become materially worse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import stdtrit

from ostinato.core.errors import ConfigError
from ostinato.gate.compare import POWER
from ostinato.gate.evidence import told
from ostinato.gate.slices import Rows, Slice
from ostinato.gate.verdict import Case, Verdict, Word
from ostinato.gate.words import would_show
from ostinato.stats.confidence import normal_quantile
from ostinato.stats.intervals import benjamini_hochberg
from ostinato.stats.shrink import npmle

_SETS = ("recent", "random")
_WORST_SHOWN: Final = 5
_SHRUNK_SHOWN: Final = 10
_SHRUNK_ROWS: Final = 30
"""Rows a slice needs to be shrunk at all. Fewer: its mean is not about normal yet; more: small
slices stay unheard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorseSlice:
    """Fail when a slice is worse than the margin, with the false discovery rate held at `q`.

    Each slice with enough rows in the recent and random sets together is tested one-sided against
    "no worse than the margin"; Benjamini-Hochberg over the slices decides which are harmed. The
    gate asks that no harm is shown: it passes where nothing can be told, and says what it would
    have seen.

    Beside the verdict stand shrunken estimates of all slices with 30 rows, small ones too: the
    expected relative gain and the chance that the slice is worse than the margin, in the light of
    all other slices. They do not decide. The prior has no shape of its own, so that one bad slice
    among many good ones is not pulled back into the crowd.

    Parameters
    ----------
    margin
        Rise of a slice's loss that is tolerated, relative to the champion's loss on it; > 0.
    q
        False discovery rate, in (0, 1).
    min_rows
        Slices with fewer rows are not tested, only estimated; >= 2.

    Source
    ------
    Benjamini and Hochberg 1995, JRSS B 57, section 3; Koenker and Mizera 2014 (shrinkage).
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
        rows = Rows.of(case, [name for name in _SETS if name in case.gains])
        if not len(rows.times):
            reason = would_show("There are no rows to compare on", math.inf, 0.0)
            return Verdict(verdict="inconclusive", reason=reason)
        found = rows.by_slice(case.group_names, least=1)
        tested = [name for name, each in found.items() if each.gain.rows >= self.min_rows]
        pvalues = np.array([found[name].p_worse(self.margin) for name in tested])
        rejected = benjamini_hochberg(pvalues, self.q).tolist()
        harmed = [name for name, bad in zip(tested, rejected, strict=True) if bad]
        visible = {name: self._visible(found[name], len(tested)) for name in tested}
        fresh = Rows.of(case, [n for n in _SETS if n in case.gains and n not in case.withheld])
        told_of = fresh.by_slice(case.group_names, least=2)
        evidence = {
            "tested": len(tested),
            "too_small": len(found) - len(tested),
            "margin": self.margin,
            "q": self.q,
            "worst": self._worst(found, told_of, visible, harmed),
            "shrunken": self._shrunken(told_of),
            "sets": {name: told(case, name, {"rows": len(case.sets[name])}) for name in rows.names},
        }
        if harmed:
            evidence["harmed"] = harmed
        word: Word = "fail" if harmed else "pass"
        return Verdict(verdict=word, reason=_reason(found, visible, harmed), evidence=evidence)

    def _visible(self, each: Slice, tests: int) -> float:
        """Return the rise of the loss that shows with 80 % chance where it is the only one."""
        if not math.isfinite(each.gain.se):
            return math.inf
        quantile = -float(stdtrit(each.gain.clusters - 1, min(self.q / tests, 0.5)))
        return self.margin * each.base + (quantile + normal_quantile(POWER)) * each.gain.se

    def _worst(
        self,
        found: Mapping[str, Slice],
        told_of: Mapping[str, Slice],
        visible: Mapping[str, float],
        harmed: list[str],
    ) -> dict[str, dict[str, Any]]:
        by_gain = sorted((name for name in visible if name in told_of), key=_gain_of(told_of))
        shown = [*dict.fromkeys([*harmed, *by_gain])][:_WORST_SHOWN]
        return {
            name: {
                "rows": found[name].gain.rows,
                "bar": -self.margin * found[name].base,
                "smallest_visible": visible[name],
                "harmed": name in harmed,
                **_estimates(told_of.get(name)),
            }
            for name in shown
        }

    def _shrunken(self, told_of: Mapping[str, Slice]) -> dict[str, dict[str, Any]]:
        """Return the slices that are most likely worse than the margin, with that chance."""
        usable = {
            name: each
            for name, each in told_of.items()
            if each.gain.rows >= _SHRUNK_ROWS and 0 < each.gain.se < math.inf and each.base > 0
        }
        if not usable:
            return {}
        gains = np.array([each.gain.mean / each.base for each in usable.values()])
        errors = np.array([each.gain.se / each.base for each in usable.values()])
        shrunk = npmle(gains, errors)
        means, worse = shrunk.means, shrunk.below(-self.margin)
        names = list(usable)
        order = np.lexsort((gains, -worse))[:_SHRUNK_SHOWN].tolist()
        return {
            names[i]: {
                "rows": usable[names[i]].gain.rows,
                "relative_gain": float(means[i]),
                "chance_of_harm": float(worse[i]),
            }
            for i in order
        }


def _gain_of(found: Mapping[str, Slice]) -> Any:
    return lambda name: found[name].gain.mean


def _estimates(each: Slice | None) -> dict[str, Any]:
    """Return what rows that were not judged on before say of a slice."""
    if each is None:
        return {}
    gain = each.gain
    return {"fresh_rows": gain.rows, "gain": gain.mean, "low": gain.low, "high": gain.high}


def _reason(found: Mapping[str, Slice], visible: Mapping[str, float], harmed: list[str]) -> str:
    if not visible:
        return would_show("No slice is large enough to test", math.inf, 0.0)
    shares = {name: effect / (found[name].base or math.inf) for name, effect in visible.items()}
    clear, dim = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    text = f"None of {len(visible)} slices is worse"
    if harmed:
        text = "Worse than the margin on " + ", ".join(harmed[:_WORST_SHOWN])
    if len(visible) > 1:
        text = would_show(text, visible[clear], found[clear].base, where=f"on {clear}")[:-1]
    return would_show(text, visible[dim], found[dim].base, where=f"on {dim}")
