"""Parity: are features served as they are computed for training, and if not, why?

In: features as served, the same features recomputed, and a way to recompute them under other
assumptions. Out: what differs, by how much and what it does to the score; the cause. State kept:
none, `ostinato.decide.parity` judges and remembers. How features are computed is the caller's
affair.
"""

from ostinato.features.parity.causes import Cause, find_cause
from ostinato.features.parity.compare import Comparison, FeatureComparison, compare
from ostinato.features.parity.differ import Measure, measure_for
from ostinato.features.parity.scan import Scan
from ostinato.features.parity.totals import FeatureTotals
from ostinato.features.parity.variants import (
    Keyed,
    Late,
    Recompute,
    Refreshed,
    Shifted,
    Stale,
    Subset,
    Variant,
    Version,
)
from ostinato.stats.share_detectors import ShareEvidence

__all__ = [
    "Cause",
    "Comparison",
    "FeatureComparison",
    "FeatureTotals",
    "Keyed",
    "Late",
    "Measure",
    "Recompute",
    "Refreshed",
    "Scan",
    "ShareEvidence",
    "Shifted",
    "Stale",
    "Subset",
    "Variant",
    "Version",
    "compare",
    "find_cause",
    "measure_for",
]
