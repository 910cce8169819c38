"""Learn when the champion is estimated to fail, before labels come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ostinato.decide.on_alarms import AsksOnAlarms, found_in
from ostinato.decide.standing_alarm import Standing
from ostinato.decide.trigger import Finding, Seen, Stance


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedDegradation(AsksOnAlarms):
    """Ask for a new model when the champion's estimated loss has risen, while labels are late.

    The loss is estimated from the scores (`Monitors`, family ``"estimate"``). That sees inputs move
    to where the model is unsure; it is blind to a world in which the same inputs have other labels.
    A model that is trained before those labels come learns nothing of them: this pays where enough
    labels of the new inputs are known already, and holds for what a candidate is compared by, too.

    Parameters
    ----------
    after
        How long an alarm must have stood; None: not at all.
    again
        After how long since the last request an alarm that still stands asks once more: what was
        learnt too soon may not have shipped. None: never.

    Raises
    ------
    ConfigError
        If one is no duration.

    Examples
    --------
    >>> EstimatedDegradation(after="2d").name
    'estimated degradation (after 2d)'
    """

    def __post_init__(self) -> None:
        self.check_durations(again=self.again)

    @property
    def name(self) -> str:
        suffix = self.suffix().removeprefix(", ")
        return f"estimated degradation ({suffix})" if suffix else "estimated degradation"

    def concerns(self, alarm: Standing) -> bool:
        return alarm.family == "estimate" and not alarm.version and alarm.side > 0

    def look(self, state: Any, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        return "act" if self.unanswered(seen) else "quiet"

    def explain(self, state: Any, seen: Seen) -> Finding:  # noqa: ARG002 - as above
        return found_in(self.unanswered(seen), otherwise="The estimated loss has not risen.")
