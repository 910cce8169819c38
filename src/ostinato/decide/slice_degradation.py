"""Learn when the champion fails on a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.decide.on_alarms import AsksOnAlarms, check_severity, checked_names, found_in
from ostinato.decide.standing_alarm import Standing
from ostinato.decide.trigger import Finding, Seen, Stance


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceDegradation(AsksOnAlarms):
    """Ask for a new model when the champion's loss on a slice has risen, by an alarm of `Monitors`.

    It sees a small group fail under a loss of all rows that is steady. `Degradation(by_slice=True)`
    looks at the same slices with run lengths of its own; here they share the budget of all
    monitors, pairs of slices are looked at too, and each slice is judged by days, not rows.

    Parameters
    ----------
    slices
        Which slices count: columns (``"origin"``: all its values) or single ones
        (``"origin=JFK"``); None: all.
    severity
        ``"warning"``: the loss rose by more than `Monitors(loss_tolerance=...)`; ``"critical"``:
        by more than three times that.
    after
        How long an alarm must have stood; None: not at all.
    again
        After how long since the last request an alarm that still stands asks once more: what was
        learnt too soon may not have shipped. None: never.

    Raises
    ------
    ConfigError
        If a value is unknown.

    Examples
    --------
    >>> SliceDegradation(slices=["origin"]).name
    'slice degradation (origin)'
    """

    slices: Sequence[str] | None = None
    severity: str = "warning"

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "slices", checked_names("SliceDegradation(slices=...)", self.slices)
        )
        check_severity("SliceDegradation(severity=...)", self.severity)
        self.check_durations(again=self.again)

    @property
    def name(self) -> str:
        which = "all slices" if self.slices is None else ", ".join(self.slices)
        severe = "" if self.severity == "warning" else f", {self.severity}"
        return f"slice degradation ({which}{severe}{self.suffix()})"

    def concerns(self, alarm: Standing) -> bool:
        return (
            alarm.family == "performance"
            and bool(alarm.group)
            and not alarm.version  # a challenger's loss is no fault of the champion
            and not alarm.measure  # nor are labels that do not come
            and alarm.side > 0
            and alarm.is_at_least(self.severity)
            and (self.slices is None or any(_is_in(alarm.group, each) for each in self.slices))
        )

    def look(self, state: Any, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        return "act" if self.unanswered(seen) else "quiet"

    def explain(self, state: Any, seen: Seen) -> Finding:  # noqa: ARG002 - as above
        return found_in(self.unanswered(seen), otherwise="The loss of no slice has risen.")


def _is_in(group: str, wanted: str) -> bool:
    """Say whether a group is one of a column, or one value of it; alone or in a pair."""
    sign = "" if "=" in wanted else "="
    told, piece = f", {group}, ", f", {wanted}{sign}"
    return piece in told if sign else f"{piece}, " in told
