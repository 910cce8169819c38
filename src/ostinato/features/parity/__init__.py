"""Parity: are features served as they are computed for training, and if not, why?

In: features as served, the same features recomputed, and a way to recompute them under other
assumptions. Out: what differs, by how much and what it does to the score; alarms with a promise;
the cause. State: counts and logs per feature, and a bounded number of recent rows. Nothing here
reads a clock or a store, and how features are computed is the caller's affair.
"""

from ostinato.features.parity.causes import Cause, find_cause
from ostinato.features.parity.compare import Comparison, FeatureComparison, compare
from ostinato.features.parity.differ import Measure, measure_for
from ostinato.features.parity.kept import KeptRow
from ostinato.features.parity.monitor import (
    CauseFound,
    ParityConfig,
    ParityMonitor,
    RecomputeRows,
)
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
from ostinato.features.parity.watch import ParityChange, ParityWatch
from ostinato.stats.share_detectors import ShareEvidence

__all__ = [
    "Cause",
    "CauseFound",
    "Comparison",
    "FeatureComparison",
    "FeatureTotals",
    "KeptRow",
    "Keyed",
    "Late",
    "Measure",
    "ParityChange",
    "ParityConfig",
    "ParityMonitor",
    "ParityWatch",
    "Recompute",
    "RecomputeRows",
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
