"""What releasing needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.release.plans import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseConfig:
    """Configuration of the release stage.

    Parameters
    ----------
    rollout
        The plan.
    paired
        Whether champion and challenger may be compared on the same rows, because the label does
        not depend on the prediction. Otherwise only rows each of them answered count.
    task, metric
        For the losses on the validation rows.
    horizon_ns
        How long a label may take; the rows of that long before the cap of time come too late.
    explore
        Share of the champion's units that chance marks for exploration.
    explored
        Whether versions are compared on explored rows alone, because labels come only where the
        answer lets them.
    """

    rollout: Rollout
    paired: bool
    task: str
    metric: str
    horizon_ns: int = 0
    explore: float = 0.0
    explored: bool = False
