"""How often a validation set was used: who is judged on the same rows again may fit them by luck.

A candidate that passes becomes the champion the next ones are measured against, so verdicts on
fixed rows leak into what is judged next. Three things keep that small: of a set that was used
before only the verdict leaves the gate; every use is counted; and a set that has had its share of
promotions is retired, so that only rows from then on count.

Golden rows stand outside of this: they are a set of their own (`ostinato.gate.case`), which is
never retired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Ints, ValidationSet
from ostinato.stats.confidence import normal_quantile

FIXED: Final = ("random", "hard")
"""Sets whose rows stay from one candidate to the next; the recent set renews itself."""
GOLDEN: Final = "golden"
"""The rows that people named: as public as their names, so that no use of them is counted."""
SHARED: Final = 0.1
"""Share of the present rows that makes an earlier judgment one on the same rows. Smaller: judgments
that saw hardly a row count in full; larger: what leaks by parts is not counted."""
MOSTLY: Final = 0.5
"""Share of the present rows above which a set counts as used before. Smaller: numbers are withheld
of sets that are nearly fresh; larger: numbers are told of rows that will be judged on again."""
KEPT: Final = 100
"""Uses of a set that are kept one by one; older ones are counted together. Fewer: rows that only
one of those saw count as seen by all, and a candidate that is promoted later than so many others
were judged is no promotion; more: a longer walk for each judgment."""
_ROWS_PER_PROMOTION: Final = 10.0
_COUNTED: Final = 1e300  # more transcripts are no longer told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Judgments on a validation set, whose rows were predicted in [from_ns, to_ns].

    One, of the candidate `version`; or many older ones together, and then `version` is empty.
    `passes` and `promotions` of the `uses` candidates passed all gates and became champion.
    """

    version: str
    from_ns: int
    to_ns: int
    uses: int = 1
    passes: int = 0
    promotions: int = 0

    def with_(self, other: Use) -> Use:
        """Count two together: rows between them count as seen by all, which retires no later."""
        return Use(
            version="",
            from_ns=min(self.from_ns, other.from_ns),
            to_ns=max(self.to_ns, other.to_ns),
            uses=self.uses + other.uses,
            passes=self.passes + other.passes,
            promotions=self.promotions + other.promotions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the present rows of a set have been through before.

    Parameters
    ----------
    uses, passes, promotions
        Earlier judgments that shared rows with the present ones; how many of these candidates
        passed all gates, and how many became champion.
    seen
        Share of the present rows that at least one of them saw, 0..1.
    retired_to_ns
        Rows up to here no longer count; None: the set was never retired.
    """

    uses: int
    passes: int
    promotions: int
    seen: float
    retired_to_ns: int | None

    @property
    def transcripts(self) -> float:
        """Number of histories of verdicts that could have led here, as many as decided anything.

        Of k judgments p passed; whoever sees the verdicts alone is in one of
        sum_{j <= min(p, k - p)} C(k, j) places (the rarer of the two words is counted).

        Source: Karlas et al. 2020, "Building continuous integration services for machine
        learning" (ease.ml/ci), the hybrid scenario between one and 2^k places.
        """
        total = places = 1.0
        for j in range(1, min(self.passes, self.uses - self.passes) + 1):
            places *= (self.uses - j + 1) / j
            total += places
            if total > _COUNTED:
                return _COUNTED
        return total

    def facts(self) -> dict[str, Any]:
        """What stands in the evidence of each verdict on the set."""
        return {
            "uses": self.uses,
            "passes": self.passes,
            "promotions": self.promotions,
            "transcripts": self.transcripts,
            "retired_to_ns": self.retired_to_ns,
        }


FRESH: Final = Usage(uses=0, passes=0, promotions=0, seen=0.0, retired_to_ns=None)


@dataclass(slots=True)
class Ledger:
    """Judgments per validation set, the last `KEPT` one by one; up to where a set is retired."""

    uses: dict[str, list[Use]] = field(default_factory=dict)
    retired_to_ns: dict[str, int] = field(default_factory=dict)

    def usage(self, name: str, times_ns: Ints) -> Usage:
        """Say what rows of a set, predicted at these moments, have been through."""
        rows = len(times_ns)
        seen = np.zeros(rows, dtype=np.bool_)
        shared: list[Use] = []
        for use in self.uses.get(name, []):
            inside = (times_ns >= use.from_ns) & (times_ns <= use.to_ns)
            seen |= inside
            if inside.sum() >= max(SHARED * rows, 1.0):
                shared.append(use)
        return Usage(
            uses=sum(use.uses for use in shared),
            passes=sum(use.passes for use in shared),
            promotions=sum(use.promotions for use in shared),
            seen=float(seen.mean()) if rows else 0.0,
            retired_to_ns=self.retired_to_ns.get(name),
        )

    def counting(self, validation: ValidationSet) -> NDArray[np.bool_]:
        """Say which rows of a set still count: (n,) bool."""
        retired = self.retired_to_ns.get(validation.name)
        if retired is None:
            return np.ones(len(validation), dtype=np.bool_)
        counts: NDArray[np.bool_] = validation.times_ns > retired
        return counts

    def note(self, sets: Mapping[str, ValidationSet], version: str, *, passed: bool) -> None:
        """Write down that a candidate was judged on these sets."""
        for name, validation in sets.items():
            if name == GOLDEN:
                continue
            first, last = int(validation.times_ns.min()), int(validation.times_ns.max())
            use = Use(version=version, from_ns=first, to_ns=last, passes=int(passed))
            # The recent set moves on: what ended before its rows begin shares none with later ones.
            kept = [old for old in self.uses.get(name, []) if name in FIXED or old.to_ns >= first]
            self.uses[name] = _folded([*kept, use])

    def promoted(self, version: str) -> None:
        """Write down that a judged candidate became champion."""
        for name, uses in self.uses.items():
            self.uses[name] = [
                replace(use, promotions=1) if use.version == version else use for use in uses
            ]

    def retire(self, name: str, to_ns: int) -> None:
        """Let only rows predicted after a moment count from now on."""
        self.retired_to_ns[name] = max(to_ns, self.retired_to_ns.get(name, to_ns))
        self.uses[name] = [use for use in self.uses.get(name, []) if use.to_ns > to_ns]


def _folded(uses: list[Use]) -> list[Use]:
    """Count the oldest together, so that no more than `KEPT` are left."""
    if len(uses) <= KEPT:
        return uses
    return [uses[0].with_(uses[1]), *uses[2:]]


def spent(usage: Usage, rows: int) -> bool:
    """Say whether a fixed set has had its promotions: sqrt(n) / 10 of them, and at least one.

    Each promotion picks a champion that suits the rows by up to about one standard error, and s
    standard errors of a mean over n rows are s / sqrt(n): the budget holds what all of them add up
    to below a tenth of the spread of a row.
    """
    return usage.promotions >= max(math.sqrt(rows) / _ROWS_PER_PROMOTION, 1.0)


def reuse_bound(se: float, alpha: float, transcripts: float) -> float:
    """Say by how much re-use can have moved a bound, in units of the loss.

    So much further a one-sided bound at error `alpha` would have to lie, to hold in every place
    that the verdicts before could have led to: (z(alpha / T) - z(alpha)) se.

    Parameters
    ----------
    se
        Standard error of the mean gain.
    alpha
        Error of the bound, in (0, 0.5).
    transcripts
        T, places the verdicts can have led to, >= 1; see `Usage.transcripts`.

    Source: union bound over the transcripts, Karlas et al. 2020 (ease.ml/ci); Dwork et al. 2015,
    "Preserving statistical validity in adaptive data analysis" (description length).
    """
    if transcripts <= 1.0 or not math.isfinite(se):
        return 0.0
    return (normal_quantile(alpha) - normal_quantile(alpha / transcripts)) * se
