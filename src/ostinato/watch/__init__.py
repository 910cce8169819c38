"""Watch: matured rows in, evidence out.

In: `RowsMatured`, `RowsLabelled`. Out: `LossesObserved`, `OutcomesRevealed`, `BucketClosed`. State
kept: mergeable summaries per (time bucket, version, slice) of the buckets that a revision can still
change.
"""

from ostinato.watch.config import WatchConfig
from ostinato.watch.performance import ANSWERS, tables
from ostinato.watch.stage import STAGE

__all__ = ["ANSWERS", "STAGE", "WatchConfig", "tables"]
