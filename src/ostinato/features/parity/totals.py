"""What is known of one feature so far: counts and sums that add up over ticks and workers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.stats.betting import BettingMean


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTotals:
    """Counts and sums of one feature over compared rows; ``plus`` is exact but for float rounding.

    Parameters
    ----------
    rows
        rows compared.
    missing_online, missing_offline, both_differ
        rows without a served value, without a recomputed value, and with two other values.
    gap, size
        sums of |served - recomputed| and of |served| + |recomputed| over the finite numbers that
        differ, in the unit of the feature.
    scored
        rows whose effect on the score is known.
    effect, effect_max
        sum over those, and the largest, of the change of the score if this feature alone were as
        recomputed; in the unit of the score.
    dated, stale
        rows whose newest event is known, and those among them older than the limit.
    """

    rows: int = 0
    missing_online: int = 0
    missing_offline: int = 0
    both_differ: int = 0
    gap: float = 0.0
    size: float = 0.0
    scored: int = 0
    effect: float = 0.0
    effect_max: float = 0.0
    dated: int = 0
    stale: int = 0

    def plus(self, other: FeatureTotals) -> FeatureTotals:
        """Return the totals of both sets of rows together.

        >>> FeatureTotals(rows=2, both_differ=1).plus(FeatureTotals(rows=8)).share
        0.1
        """
        return FeatureTotals(
            rows=self.rows + other.rows,
            missing_online=self.missing_online + other.missing_online,
            missing_offline=self.missing_offline + other.missing_offline,
            both_differ=self.both_differ + other.both_differ,
            gap=self.gap + other.gap,
            size=self.size + other.size,
            scored=self.scored + other.scored,
            effect=self.effect + other.effect,
            effect_max=max(self.effect_max, other.effect_max),
            dated=self.dated + other.dated,
            stale=self.stale + other.stale,
        )

    @property
    def mismatches(self) -> int:
        """Rows that differ, in whichever way."""
        return self.missing_online + self.missing_offline + self.both_differ

    @property
    def share(self) -> float:
        """Share of the rows that differ, in [0, 1]; NaN without rows."""
        return self.mismatches / self.rows if self.rows else float("nan")

    @property
    def smape(self) -> float:
        """Size of the differences, in [0, 1]: |a - b| over |a| + |b|, summed; 0 where none is."""
        return self.gap / self.size if self.size else 0.0

    @property
    def effect_mean(self) -> float:
        """Mean change of the score over all scored rows; NaN where no score is known."""
        return self.effect / self.scored if self.scored else float("nan")

    @property
    def stale_share(self) -> float:
        """Share of dated rows older than the limit, in [0, 1]; NaN without any."""
        return self.stale / self.dated if self.dated else float("nan")

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return low and high of the share that differs; they hold at every look together.

        Parameters
        ----------
        alpha
            error rate over both sides and all looks, in (0, 1).

        Source: Waudby-Smith and Ramdas 2024, JRSSB 86; see `BettingMean`. It sees counts alone, so
        totals may be added up in any order.

        >>> low, high = FeatureTotals(rows=4000, both_differ=20).interval()
        >>> round(low, 4), round(high, 4)
        (0.0021, 0.01)
        """
        counts = np.array([[self.rows - self.mismatches, self.mismatches]], dtype=np.float64)
        low, high = BettingMean(counts).interval(alpha)
        return float(low[0]), float(high[0])
