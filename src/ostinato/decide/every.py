"""Learn on a schedule: every so often, or by a cron expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cronsim import CronSim, CronSimError

from ostinato.core.errors import ConfigError
from ostinato.core.records import LossesObserved
from ostinato.core.units import duration_ns, format_time, from_datetime, to_datetime
from ostinato.decide.trigger import Finding, Reference, Seen


@dataclass(frozen=True, slots=True)
class Every:
    """Ask for a new model every period, counted from the last request.

    Parameters
    ----------
    when
        A duration (``"7d"``) or a cron expression in UTC (``"0 3 * * 1"``: Mondays at three).

    Raises
    ------
    ConfigError
        If it is neither.

    Examples
    --------
    >>> Every("7d").name
    'every 7d'
    """

    when: str
    _period_ns: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        if len(self.when.split()) >= 5:
            try:
                CronSim(self.when, to_datetime(0))
            except CronSimError as error:
                raise ConfigError(
                    "Every(...) holds a cron expression that cannot be read",
                    found=f"{self.when!r} ({error})",
                    expected='five fields, for example "0 3 * * 1"',
                ) from error
        else:
            object.__setattr__(self, "_period_ns", duration_ns(self.when, name="Every(...)"))

    @property
    def name(self) -> str:
        return f"every {self.when}"

    def begin(self) -> None:
        return None

    def observe(self, state: Any, losses: LossesObserved, champion: str) -> None:
        """A schedule looks at no losses."""

    def renew(self, state: Any, reference: Reference | None) -> None:
        """A schedule does not depend on the champion."""

    def requested(self, state: Any, now_ns: int) -> None:
        """The next time follows from the last request."""

    def due_ns(self, after_ns: int) -> int:
        """Return the first scheduled time after a moment."""
        if self._period_ns:
            return after_ns + self._period_ns
        return from_datetime(next(CronSim(self.when, to_datetime(after_ns))))

    def look(self, state: Any, seen: Seen) -> Finding:
        due = self.due_ns(seen.last_request_ns)
        evidence = {"last_request": format_time(seen.last_request_ns), "due": format_time(due)}
        if seen.now_ns >= due:
            return Finding(stance="act", reason=f"The schedule ({self.when}) is due.", evidence=evidence)
        return Finding(
            stance="quiet", reason=f"The schedule ({self.when}) is not due yet.", evidence=evidence
        )
