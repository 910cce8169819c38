"""The alarm: evidence that more rows differ than is tolerated, or no more of them again.

In: per feature, rows compared and rows that differ. Out: the evidence of each feature, who crossed
and since when. State: four logs per feature. Counts are all it takes in: those of several workers
are added up first, and a tick is one step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from scipy.special import logsumexp

from ostinato.core.errors import ConfigError
from ostinato.stats.arrays import BoolArray, FloatArray, IntArray

TOLERATED: Final = 1e-3
"""Share of rows that may differ. Smaller: clocks that are a little apart alarm. Larger: faults of
half a percent need more rows (five times the tolerated share is what the bets look for)."""

ARL: Final = 1e6
"""Sampled rows per false alarm, all features together. Ten times more costs some 500 rows."""

ARL_RESTORED: Final = 1e5
"""Rows compared per false "restored" of features that go on differing. Smaller says so sooner."""

BETS: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "above": ((2.0, 5.0, 25.0, 250.0), (0.1, 0.7, 0.1, 0.1)),
    "below": ((0.5, 0.2, 0.02), (0.2, 0.3, 0.5)),
}
"""Shares that are looked for, as multiples of the tolerated one, and the weight of each. Five times
has most of it: half a percent of the rows is the fault that must not be missed. The others find
what is small, what is frequent and what is everywhere, for ln(10) of evidence or less."""

_LARGEST: Final = 0.9  # share looked for: at 1, a single row that agrees would ruin the bet

Side = Literal["above", "below"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareEvidence:
    """Shiryaev-Roberts e-detectors of "the share is above (below) the tolerated one", per feature.

    While P(differs | past) <= tolerated (>= for the other side) holds for every row of every
    feature, the expected number of rows until any feature crosses is at least ``arl``, however rows
    and features hang together. The budget is shared: feature j alarms at arl / budget_j.

    Parameters
    ----------
    side
        which deviation is looked for.
    tolerated
        share of rows that may differ, in (0, .5).
    arl
        rows until a false alarm, on average, at least; > 1.
    budget
        (features,), part of the false alarms that each feature may have; sums to 1.
    log_sr
        (features, k), log of the Shiryaev-Roberts statistic of each bet; -inf at the start.
    log_cu
        (features, k), log of the CUSUM statistic of each bet, floored at 0.
    low_ns
        (features, k), time up to which nothing spoke for the bet.

    Source: Shin, Ramdas, Rinaldo 2023, "E-detectors", NEJSDS. A tick of n rows, of which c differ,
    is one step, M <- (M + n) (q / m)^c ((1 - q) / (1 - m))^(n - c) for the bet on share q against
    m: the starts at all n rows are put at the first of them, so that M - rows still falls on
    average and the bound in rows stands. A tick of one row is the usual recursion.

    Examples
    --------
    >>> evidence = ShareEvidence.begin(2)
    >>> for tick in range(40):
    ...     evidence = evidence.updated(np.array([50, 50]), np.array([1, 0]), at_ns=tick)
    >>> evidence.crossed
    array([ True, False])
    """

    side: Side
    tolerated: float
    arl: float
    budget: FloatArray
    log_sr: FloatArray
    log_cu: FloatArray
    low_ns: IntArray

    @classmethod
    def begin(
        cls,
        features: int,
        *,
        side: Side = "above",
        tolerated: float = TOLERATED,
        arl: float = ARL,
        importance: FloatArray | None = None,
        now_ns: int = 0,
    ) -> ShareEvidence:
        """Start with no row seen.

        Parameters
        ----------
        features
            number of features, >= 1.
        side, tolerated, arl
            as above.
        importance
            (features,), > 0: how much of the budget each gets, relative to the others; equal when
            left out. It must be fixed before the first row.
        now_ns
            time of the start.

        Raises
        ------
        ConfigError
            when a value is out of its range.
        """
        weights = np.ones(features) if importance is None else importance
        if not (0.0 < tolerated < 0.5 and arl > 1.0 and features >= 1):
            raise ConfigError(
                "Parity cannot be watched with these values",
                found=f"{features} features, tolerated {tolerated}, arl {arl}",
                expected="features from 1, tolerated in (0, .5), arl above 1",
            )
        if weights.shape != (features,) or not (weights > 0.0).all():
            raise ConfigError(
                "The importance of features is not usable",
                found=repr(weights.tolist()),
                expected=f"{features} numbers above 0",
            )
        shape = (features, len(BETS[side][0]))
        return cls(
            side=side,
            tolerated=float(tolerated),
            arl=float(arl),
            budget=weights / weights.sum(),
            log_sr=np.full(shape, -np.inf),
            log_cu=np.zeros(shape),
            low_ns=np.full(shape, now_ns, dtype=np.int64),
        )

    def updated(self, rows: IntArray, mismatches: IntArray, *, at_ns: int) -> ShareEvidence:
        """Return the evidence after one tick.

        Parameters
        ----------
        rows, mismatches
            (features,), rows compared in this tick and those that differ; 0 <= mismatches <= rows.
        at_ns
            time of the tick.
        """
        assert rows.shape == mismatches.shape == self.budget.shape
        assert (mismatches >= 0).all()
        assert (mismatches <= rows).all()
        looked_for = self._shares()
        differs = np.log(looked_for / self.tolerated)
        agrees = np.log1p(-looked_for) - math.log1p(-self.tolerated)
        c, n = mismatches[:, None].astype(np.float64), rows[:, None].astype(np.float64)
        step = c * differs + (n - c) * agrees
        with np.errstate(divide="ignore"):
            log_sr = np.logaddexp(self.log_sr, np.log(n)) + step
        grown = self.log_cu + step
        return replace(
            self,
            log_sr=log_sr,
            log_cu=np.maximum(grown, 0.0),
            low_ns=np.where(grown <= 0.0, at_ns, self.low_ns),
        )

    def restarted(self, features: BoolArray, *, at_ns: int) -> ShareEvidence:
        """Return the evidence with that of some features, (features,), forgotten."""
        chosen = features[:, None]
        return replace(
            self,
            log_sr=np.where(chosen, -np.inf, self.log_sr),
            log_cu=np.where(chosen, 0.0, self.log_cu),
            low_ns=np.where(chosen, at_ns, self.low_ns),
        )

    @property
    def log_e(self) -> FloatArray:
        """Log of the evidence of each feature, its share of the budget included, (features,)."""
        weights = np.array(BETS[self.side][1])
        mixed = logsumexp(self.log_sr, axis=1, b=weights[None])
        return np.asarray(mixed + np.log(self.budget), dtype=np.float64)

    @property
    def crossed(self) -> BoolArray:
        """Whether the evidence of each feature is enough for an alarm now, (features,)."""
        enough: BoolArray = self.log_e >= math.log(self.arl)
        return enough

    @property
    def quiet(self) -> BoolArray:
        """Whether nothing speaks for a change of each feature, (features,)."""
        nothing: BoolArray = self.log_cu.max(axis=1) <= 0.0
        return nothing

    @property
    def began_ns(self) -> IntArray:
        """Return the last time at which nothing spoke for a change, (features,)."""
        best = self.log_cu.argmax(axis=1)
        began: IntArray = self.low_ns[np.arange(best.size), best]
        return began

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first row, for the journal."""
        return {
            "method": "mixture Shiryaev-Roberts e-detectors of shares",
            "side": self.side,
            "tolerated": self.tolerated,
            "arl": self.arl,
            "budget": self.budget.tolist(),
            "shares": self._shares().tolist(),
            "weights": list(BETS[self.side][1]),
        }

    def _shares(self) -> FloatArray:
        return np.minimum(self.tolerated * np.array(BETS[self.side][0]), _LARGEST)
