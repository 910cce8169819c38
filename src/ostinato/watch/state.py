"""What watching remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.watch.config import WatchConfig

Sums = BinarySums | MulticlassSums | RegressionSums


@dataclass(slots=True)
class WatchState:
    """Open buckets, oldest first: start of bucket to version to summaries.

    `seen` counts matured rows per bucket (labelled or not), for the label coverage. Buckets that
    begin before `open_from_ns` are closed; `left_out` counts rows that came for them since.
    """

    buckets: dict[int, dict[str, Sums]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    open_from_ns: int | None = None
    left_out: int = 0
    config_: WatchConfig | None = None
