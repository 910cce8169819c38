"""Learn when the inputs have moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS
from ostinato.decide.on_alarms import AsksOnAlarms, checked_names, found_in
from ostinato.decide.standing_alarm import Standing, subject_of
from ostinato.decide.trigger import Finding, Seen, Stance

PATIENCE_NS: Final = DAY_NS
"""So long an examination that is under way is waited for. Shorter: models are asked for on account
of columns that do not matter; longer: a runtime that never answers keeps the loop from learning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(AsksOnAlarms):
    """Ask for a new model when inputs have drifted: alarms of that stand on enough columns.

    Drift of a column is no harm by itself. After an alarm the loop examines the rows
    (`Monitors`): columns whose move changed the champion's loss by nothing that can be told are not
    counted, as far as that is known.

    Parameters
    ----------
    columns
        Which columns count; None: all features.
    least
        On how many of them alarms must stand, >= 1.
    share
        The same as a share of them, in (0, 1], instead of `least`.
    relevant
        Whether columns that an examination found not to matter are left out; it is waited for, a
        day at most.
    after
        How long an alarm must have stood; None: not at all.
    again
        After how long since the last request an alarm that still stands asks once more: what was
        learnt too soon may not have shipped. None: never.

    Raises
    ------
    ConfigError
        If a value is out of its range.

    Examples
    --------
    >>> Drift(columns=["temp", "wind"], least=1).name
    'drift (1 of temp, wind)'
    """

    columns: Sequence[str] | None = None
    least: int = 2
    share: float | None = None
    relevant: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", checked_names("Drift(columns=...)", self.columns))
        number = isinstance(self.least, int) and not isinstance(self.least, bool)
        if not (number and self.least >= 1):
            raise ConfigError(
                "Drift(least=...) is not a positive whole number",
                found=repr(self.least),
                expected="at least 1",
            )
        if self.share is not None and not (_number(self.share) and 0.0 < self.share <= 1.0):
            raise ConfigError(
                "Drift(share=...) is out of range",
                found=repr(self.share),
                expected="(0, 1], or None",
            )
        if self.columns is not None and self.share is None and self.least > len(self.columns):
            raise ConfigError(
                "Drift(least=...) contradicts Drift(columns=...)",
                found=f"least={self.least}, {len(self.columns)} columns",
                expected="no more than there are columns",
            )
        self.check_durations(again=self.again)

    @property
    def name(self) -> str:
        wanted = f"{self.least}" if self.share is None else f"{self.share:.0%}"
        of = "columns" if self.columns is None else f"of {', '.join(self.columns)}"
        whatever = "" if self.relevant else ", relevant or not"
        return f"drift ({wanted} {of}{whatever}{self.suffix()})"

    def concerns(self, alarm: Standing) -> bool:
        return (
            alarm.family == "drift"
            and alarm.is_at_least("warning")  # else it is the season's
            and (alarm.told or not alarm.group)  # else its column has alarmed, and may be answered
            and (self.columns is None or any(alarm.is_about(each) for each in self.columns))
        )

    def look(self, state: Any, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        if len(self._columns(self.counted(seen))) < self.least:
            return "quiet"
        return "warn" if self._waits(seen) else "act"

    def explain(self, state: Any, seen: Seen) -> Finding:  # noqa: ARG002 - as above
        counted = self.counted(seen)
        columns = self._columns(counted)
        finding = found_in(counted, otherwise="No column that matters has drifted.")
        if not counted:
            return finding
        enough = f"{len(columns)} of the {self.least} columns that it takes"
        reason = f"{finding.reason} That is {enough}."
        if self._waits(seen) and len(columns) >= self.least:
            reason += " What they do to the loss is being examined."
        return Finding(reason=reason, evidence=finding.evidence, change_ns=finding.change_ns)

    def counted(self, seen: Seen) -> tuple[Standing, ...]:
        """Return the unanswered alarms, without columns that were found not to matter."""
        alarms = self.unanswered(seen)
        diagnosis = seen.diagnosis
        if not self.relevant or diagnosis is None:
            return alarms
        return tuple(
            each
            for each in alarms
            if diagnosis.made_ns < each.raised_ns
            or not any(each.is_about(column) for column in diagnosis.harmless)
        )

    def _columns(self, alarms: Sequence[Standing]) -> set[str]:
        if self.columns is None:
            return {subject_of(each.name) for each in alarms}
        return {column for column in self.columns for each in alarms if each.is_about(column)}

    def _waits(self, seen: Seen) -> bool:
        since_ns = seen.examining_since_ns
        return self.relevant and since_ns is not None and seen.now_ns - since_ns < PATIENCE_NS


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
