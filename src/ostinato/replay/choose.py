"""Pick a policy from what was known at a moment: the best, or the simplest that is hardly worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ostinato.replay.race import Race

ONE_ERROR: Final = 0.8413
"""Chance that a normal variable is less than one standard error above its mean. Larger picks
simpler policies more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What was picked.

    Parameters
    ----------
    name
        The policy: the leader, or the simplest one within one standard error of it; static is the
        simplest of all.
    best
        The best policy that learns, as measured; static where none was run.
    sure
        In which share of the histories drawn anew `name` is the best.
    finalists
        Who was still running, without static.
    """

    name: str
    best: str
    sure: float
    finalists: tuple[str, ...]


def pick(race: Race) -> Pick:
    """Pick from the finalists of a race by what its last rung knew.

    The best as measured leads, unless nothing is left of its value after shrinkage: then static
    does. Among those within one standard error of the leader, the one that asked for the fewest
    models is picked. As savings are skewed, that is counted: the leader is ahead in fewer than 84 %
    of the drawn histories (the same ones for both, so that what both lived through cancels), each
    policy's draws moved to its shrunken value: the leader of many has its luck in the draws as
    well. A policy that learns must be hardly behind as measured, too (`Race.slack`): where much is
    at stake, the better estimate decides. Static needs only the first: that learning pays at all is
    what must be shown.

    Source: the one-standard-error rule, Breiman, Friedman, Olshen, Stone 1984, section 3.4.3.
    """
    static, names = race.static.name, tuple(race.going)
    standing = race.standing
    if standing is None or not names:
        return Pick(
            name=static,
            best=names[0] if names else static,
            sure=0.0 if names else 1.0,
            finalists=names,
        )
    best = standing.leader(names)
    value = {name: float(standing.measured(name)) for name in names} | {static: 0.0}
    top = best if float(standing.believed(best)) > 0.0 else static
    near = [
        name
        for name in (static, *names)
        if float((standing.believable(top) > standing.believable(name)).mean()) < ONE_ERROR
        and (name == static or value[top] - value[name] <= race.slack)
    ]
    chosen = simplest(near, race, value)
    return Pick(
        name=chosen,
        best=best,
        sure=standing.sure(chosen, names),
        finalists=names,
    )


def simplest(names: Sequence[str], race: Race, value: dict[str, float]) -> str:
    """Return who asked for the fewest models; static before all, then the better one."""
    return min(
        names,
        key=lambda name: (name != race.static.name, race.requests.get(name, 0), -value[name]),
    )
