"""Ready-made policies: `static`, `scheduled`, `triggered`.

Each takes any argument of `Policy` to change one thing and keep the rest.
"""

from __future__ import annotations

from typing import Any

from ostinato.core.units import duration_ns
from ostinato.decide.degradation import Degradation
from ostinato.decide.every import Every
from ostinato.loop.policy import Policy


def static() -> Policy:
    """Never learn again: the first champion serves for ever; the yardstick of other policies."""
    return Policy(triggers=())


def scheduled(when: str = "7d", **changes: Any) -> Policy:
    """Learn on a schedule and release by canary.

    Parameters
    ----------
    when
        A period (``"7d"``) or a cron expression.
    **changes
        Any argument of `Policy`.
    """
    every = Every(when)
    if every.period_ns < duration_ns("1d"):
        changes.setdefault("cooldown", f"{every.period_ns}ns")
    # The budget must have room for the schedule that was asked for.
    fits = -(-duration_ns(changes.get("per", "30d")) // every.period_ns)
    changes.setdefault("max_retrains", max(Policy().max_retrains, fits))
    return Policy(**{"triggers": (every,), **changes})


def triggered(tolerance: float = 0.05, **changes: Any) -> Policy:
    """Learn when the champion's loss rises above its baseline, by a false-alarm budget.

    A candidate learns from all matured rows; ``window=SinceChange()`` forgets what came before the
    change, which adapts faster to a new concept and learns from less.

    Parameters
    ----------
    tolerance
        Relative rise of the loss that is not worth an alarm.
    **changes
        Any argument of `Policy`.
    """
    return Policy(**{"triggers": (Degradation(tolerance=tolerance),), **changes})
