"""Learner's settings that follow from how often a line of models has been updated."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.learn.suitability import cloned

FLOOR: Final = 20.0
"""A falling value ends at this part of its start. Smaller: it stays restless; larger: it can no
longer follow the world."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A setting of the learner that falls or rises with the number of updates.

    A falling one is ``start / sqrt(1 + updates / falls_over)``, for step sizes: what has learned
    long moves in smaller steps. A rising one is ``start * (1 + updates / rises_over)``, for
    regularisation: what has learned long is held tighter to where it stands.

    Updates are the trainings that the champion has behind it in its line: its own, its
    predecessor's, and so on. A rollback brings back the count of the version that serves again. A
    training that was asked for because the world changed (its moment is known) counts from 0 again,
    so that the learner can move. The first champion of all is learned with the learner's own
    settings, like that of every other policy. Models must go on from each other
    (``Policy(warm_start=True)``): one that learns from scratch has no steps to make smaller.

    Parameters
    ----------
    start
        Value at no updates, > 0; default: what the learner says.
    falls_over
        Updates after which a falling value is down to 71 %, > 0.
    rises_over
        Updates after which a rising value has doubled, > 0.
    limit
        The value never passes it. Default: a twentieth of the start for a falling one, so that the
        learner keeps tracking; none for a rising one.

    Raises
    ------
    ConfigError
        If a value is out of range, or not exactly one of `falls_over` and `rises_over` is given.

    Source
    ------
    Robbins and Monro 1951 and, for steps as 1 / sqrt(t), Zinkevich 2003; a proximal term that
    grows with the number of steps as in follow-the-regularised-leader, McMahan 2011.

    Examples
    --------
    >>> rate = Schedule(start=0.1, falls_over=4)
    >>> [round(rate.value(updates), 4) for updates in (0, 4, 12, 10_000)]
    [0.1, 0.0707, 0.05, 0.005]
    >>> Schedule(start=1.0, rises_over=10).value(5)
    1.5
    """

    start: float | None = None
    falls_over: float | None = None
    rises_over: float | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        given = (self.start, self.falls_over, self.rises_over, self.limit)
        fits = all(each is None or (math.isfinite(each) and each > 0) for each in given)
        if not fits or (self.falls_over is None) == (self.rises_over is None):
            raise ConfigError(
                "Schedule(...) does not say one way to go",
                found=f"start={self.start}, falls_over={self.falls_over}, "
                f"rises_over={self.rises_over}, limit={self.limit}",
                expected="one of falls_over and rises_over, and numbers above 0",
            )
        if self.start is not None and self.limit is not None:
            behind = self.limit > self.start if self.falls_over else self.limit < self.start
            if behind:
                raise ConfigError(
                    "Schedule(limit=...) lies behind Schedule(start=...)",
                    found=f"start={self.start}, limit={self.limit}",
                    expected="a limit on the side the value moves to",
                )

    def value(self, updates: int) -> float:
        """Return the setting after so many updates; `start` is known."""
        assert self.start is not None, "a plan fills in the learner's own value"
        if self.falls_over is not None:
            floor = self.start / FLOOR if self.limit is None else self.limit
            return max(self.start / math.sqrt(1.0 + updates / self.falls_over), floor)
        assert self.rises_over is not None, "a schedule falls or rises"
        ceiling = math.inf if self.limit is None else self.limit
        return min(self.start * (1.0 + updates / self.rises_over), ceiling)


def resolved(learner: Any, schedules: Mapping[str, Schedule]) -> dict[str, Schedule]:
    """Check that the learner has the parameters, and fill in the starts it gives itself.

    Parameters
    ----------
    learner
        A scikit-learn estimator or pipeline.
    schedules
        By parameter, as in `set_params`: ``"alpha"``, or ``"model__alpha"`` inside a pipeline.

    Raises
    ------
    ConfigError
        If a parameter is unknown, or has no start and is no positive number in the learner.
    """
    parameters: Mapping[str, Any] = learner.get_params(deep=True)
    return {
        name: _resolved(learner, parameters, name, schedules[name]) for name in sorted(schedules)
    }


def _resolved(
    learner: Any, parameters: Mapping[str, Any], name: str, schedule: Schedule
) -> Schedule:
    kind = type(learner).__qualname__
    if name not in parameters:
        raise ConfigError(
            f"Policy(schedules=...) names a parameter that {kind} lacks",
            found=name,
            expected=", ".join(sorted(parameters)),
            hint='A step of a pipeline is reached as "step__parameter".',
        )
    if schedule.start is not None:
        return schedule
    own = parameters[name]
    number = isinstance(own, int | float) and not isinstance(own, bool)
    if not number or not (math.isfinite(own) and own > 0):
        raise ConfigError(
            f"Schedule(start=...) of {name} is missing, and {kind} has no positive number there",
            found=repr(own),
            expected="a start",
            hint=f"Write Schedule(start=..., ...) or give {kind}({name}=...).",
        )
    return replace(schedule, start=float(own))


def with_parameters(learner: Any, parameters: Mapping[str, float]) -> Any:
    """Return the learner with these settings; it is copied first, and only if there are any."""
    if not parameters:
        return learner
    changed = cloned(learner)
    changed.set_params(**dict(parameters))
    return changed


def set_now(estimator: Any, parameters: Mapping[str, float]) -> Any:
    """Return a fitted estimator with these settings for its next step; the earlier one stays."""
    if not parameters:
        return estimator
    further = copy.deepcopy(estimator)
    further.set_params(**dict(parameters))
    return further
