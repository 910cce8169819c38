"""What deciding needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.decide.alarms import AlarmRule
from ostinato.decide.parity import ParityRule
from ostinato.decide.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideConfig:
    """Configuration of the decide stage.

    Parameters
    ----------
    triggers
        Each can ask for a new model by itself.
    cooldown_ns
        Least time between two requests.
    max_requests, per_ns
        The retrain budget: at most this many requests within any such period.
    task, metric
        For the reference losses of candidates.
    paired
        Whether the champion's loss counts on rows that another version answered, because the
        label does not depend on the prediction.
    explored
        Whether only explored rows count, because labels come only where the answer lets them.
    costs
        Price of a false positive and of a false negative, where the loop has them: a trigger that
        counts in them may come with another policy.
    parity
        By what features as served are judged; None: none are compared.
    alarms
        By what alarms of monitors are raised; None: nothing else is watched.
    """

    triggers: tuple[Trigger, ...]
    cooldown_ns: int
    max_requests: int
    per_ns: int
    task: str
    metric: str
    paired: bool = True
    explored: bool = False
    costs: tuple[float, float] | None = None
    parity: ParityRule | None = None
    alarms: AlarmRule | None = None
