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
    """

    rollout: Rollout
    paired: bool
    task: str
    metric: str
