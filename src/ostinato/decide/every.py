"""Learn on a schedule: every so often, or by a cron expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from cronsim import CronSim, CronSimError

from ostinato.core.errors import ConfigError
from ostinato.core.records import LossesObserved
from ostinato.core.units import duration_ns, format_time, from_datetime, to_datetime
from ostinato.decide.trigger import Early, Finding, Reference, Seen, Stance

_CRON_FIELDS: Final = 5
_TIMES_COMPARED: Final = 50  # covers each weekday and month of the usual expressions


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

    def __post_init__(self) -> None:
        if isinstance(self.when, str) and len(self.when.split()) >= _CRON_FIELDS:
            _check_cron(self.when)
        else:
            duration_ns(self.when, name="Every(...)")

    @property
    def name(self) -> str:
        return f"every {self.when}"

    @property
    def period_ns(self) -> int:
        """Nanoseconds between two scheduled times; for a cron expression the least."""
        return _period_ns(self.when)

    def begin(self) -> None:
        return None

    def observe(self, state: Any, losses: LossesObserved, champion: str) -> None:
        """A schedule looks at no losses."""

    def renew(self, state: Any, reference: Reference | None) -> None:
        """A schedule does not depend on the champion."""

    def foresee(self, state: Any, early: Early, champion: str) -> None:
        """A schedule looks at no losses."""

    def advance(self, state: Any, now_ns: int) -> None:
        """A schedule looks at the time when it is asked."""

    def kept(self, state: Any, candidate: Reference | None) -> None:
        """A schedule does not depend on candidates."""

    def registered(self, state: Any) -> Mapping[str, Any] | None:  # noqa: ARG002 - one signature for all triggers
        return None

    def requested(self, state: Any, now_ns: int) -> None:
        """The next time follows from the last request."""

    def due_ns(self, after_ns: int) -> int:
        """Return the first scheduled time after a moment."""
        return _due_ns(self.when, after_ns)

    def look(self, state: Any, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        return "act" if seen.now_ns >= _due_ns(self.when, seen.last_request_ns) else "quiet"

    def explain(self, state: Any, seen: Seen) -> Finding:
        due = self.due_ns(seen.last_request_ns)
        how = "is due" if self.look(state, seen) == "act" else "is not due yet"
        return Finding(
            reason=f"The schedule ({self.when}) {how}.",
            evidence={"last_request": format_time(seen.last_request_ns), "due": format_time(due)},
        )


def _check_cron(when: str) -> None:
    fields = len(when.split())
    try:
        next(CronSim(when, to_datetime(0)))
        problem = "" if fields == _CRON_FIELDS else f"{fields} fields"
    except (CronSimError, StopIteration) as error:
        problem = str(error) or "no such time"
    if problem:
        raise ConfigError(
            "Every(...) holds a cron expression that cannot be read",
            found=f"{when!r} ({problem})",
            expected='five fields, for example "0 3 * * 1"',
        )


@lru_cache(maxsize=1024)  # looked at every tick, and the same between two requests
def _due_ns(when: str, after_ns: int) -> int:
    if len(when.split()) < _CRON_FIELDS:
        return after_ns + duration_ns(when)
    return from_datetime(next(CronSim(when, to_datetime(after_ns))))


@lru_cache(maxsize=256)
def _period_ns(when: str) -> int:
    if len(when.split()) < _CRON_FIELDS:
        return duration_ns(when)
    times = CronSim(when, to_datetime(0))
    moments = [from_datetime(next(times)) for _ in range(_TIMES_COMPARED)]
    return min(later - earlier for earlier, later in pairwise(moments))
