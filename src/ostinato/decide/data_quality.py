"""Learn nothing while the data are broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.units import duration_ns
from ostinato.decide.compose import AnyOf
from ostinato.decide.on_alarms import OnAlarms, check_severity, checked_names, found_in, named
from ostinato.decide.standing_alarm import Standing
from ostinato.decide.trigger import Finding, Seen, Stance, Trigger

_SHARES: Final = ("", "arrived")
"""Measures of a label that say how its classes are spread, in matured rows and as labels come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality(OnAlarms):
    """Hold learning back while alarms on the quality of data stand; it never asks for a model.

    A model that learns from a column that is empty by mistake is worse when the column is back.
    While such an alarm stands no trigger gets a model trained, the first one included; what is
    under way goes on. A person gets one who has acknowledged the alarms. Put it beside the other
    triggers, or inside `any_of`.

    Parameters
    ----------
    columns
        Which columns count, the label's among them; None: all.
    severity
        ``"critical"``: alarms on more than three times the share that `Monitors(quality_floor=...)`
        lets pass, unless of values that are only new or out of range; ``"warning"``: all alarms.
    labels
        Whether alarms on how labels come (missing, late, contradicting, all the same) count too.
        That the classes have other shares is no fault, and does not.
    at_most
        How long an alarm holds learning back; None: as long as it stands. After that the data are
        taken to be as they are now: a range that the world has left for good would keep the loop
        from ever learning what it is like there.
    after
        How long an alarm must have stood; None: not at all.

    Raises
    ------
    ConfigError
        If a value is unknown.

    Examples
    --------
    >>> DataQuality(columns=["temp"]).name
    'data quality (critical, temp)'
    """

    columns: Sequence[str] | None = None
    severity: str = "critical"
    labels: bool = True
    at_most: str | None = "30d"

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", checked_names("DataQuality(columns=...)", self.columns))
        check_severity("DataQuality(severity=...)", self.severity)
        self.check_durations(at_most=self.at_most)

    @property
    def name(self) -> str:
        which = "" if self.columns is None else f", {', '.join(self.columns)}"
        labels = "" if self.labels else ", labels apart"
        return f"data quality ({self.severity}{which}{labels}{self.suffix()})"

    def concerns(self, alarm: Standing) -> bool:
        broken = alarm.family == "quality" or (
            alarm.family == "label" and self.labels and alarm.measure not in _SHARES
        )
        return (
            broken
            and alarm.is_at_least(self.severity)
            and (self.columns is None or any(alarm.is_about(each) for each in self.columns))
        )

    def look(self, state: Any, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        return "held" if self.holding(seen.alarms, seen.now_ns) else "quiet"

    def explain(self, state: Any, seen: Seen) -> Finding:  # noqa: ARG002 - as above
        holding = self.holding(seen.alarms, seen.now_ns)
        finding = found_in(
            holding, otherwise="No alarm on the quality of data holds learning back."
        )
        if not holding:
            return finding
        reason = f"Nothing is learnt while the data are broken. {finding.reason}"
        return Finding(reason=reason, evidence=finding.evidence)

    def holding(self, alarms: Iterable[Standing], now_ns: int) -> tuple[Standing, ...]:
        """Return the alarms for which learning is held back, answered or not."""
        return tuple(
            each
            for each in alarms
            if self.concerns(each) and self.stood(each, now_ns) and not self._lasts(each, now_ns)
        )

    def _lasts(self, alarm: Standing, now_ns: int) -> bool:
        most = self.at_most
        return most is not None and now_ns - alarm.raised_ns >= duration_ns(most)


def quality_holds(triggers: Sequence[Trigger]) -> Iterator[DataQuality]:
    """Yield what holds learning back among triggers, inside `any_of` too."""
    for each in triggers:
        if isinstance(each, DataQuality):
            yield each
        elif isinstance(each, AnyOf):
            yield from quality_holds(each.triggers)


def broken_data(triggers: Sequence[Trigger], alarms: Iterable[Standing], now_ns: int) -> str:
    """Say which alarms keep the loop from learning; "" when none does."""
    standing = tuple(alarms)
    if not standing:
        return ""
    found = [each for hold in quality_holds(triggers) for each in hold.holding(standing, now_ns)]
    over = tuple(dict.fromkeys(found))
    return f"the data are broken ({named(over)})" if over else ""
