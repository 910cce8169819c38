"""What watching needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.watch.monitor import Monitor


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """Configuration of the watch stage.

    Parameters
    ----------
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    metric
        Name of the loop's metric (`ostinato.stats.metrics.METRICS`).
    classes
        Number of classes, 0 for regression.
    groups
        Number of slice groups known so far; summaries grow when more appear.
    bucket_ns
        Width of a time bucket. Too small costs memory per bucket and version; too large blurs when
        something changed.
    settle_ns
        How long a bucket stays open after it matured, for revisions.
    guards
        Names of the further metrics that guardrails look at.
    costs
        Price of a false positive and of a false negative, if what answers cost is to be told beside
        the losses, as `DECISION_COST` among the guards.
    monitors
        What else is watched, by name; none: only performance.
    fast_ns, slow_ns
        Short windows, in which gross faults are found, and long ones, whole numbers of short ones
        and of seasons, in which evidence gathers.
    """

    task: str
    metric: str
    classes: int
    groups: int
    bucket_ns: int
    settle_ns: int
    guards: tuple[str, ...] = ()
    costs: tuple[float, float] | None = None
    monitors: tuple[Monitor, ...] = ()
    fast_ns: int = HOUR_NS
    slow_ns: int = DAY_NS
