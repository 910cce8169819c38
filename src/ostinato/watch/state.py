"""What watching remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.watch.config import WatchConfig

Sums = BinarySums | MulticlassSums | RegressionSums


@dataclass(slots=True)
class WatchState:
    """Open buckets, oldest first: start of bucket to version to summaries.

    `seen` counts matured rows per bucket (labelled or not), for the label coverage.
    """

    buckets: dict[int, dict[str, Sums]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    config_: WatchConfig | None = None
