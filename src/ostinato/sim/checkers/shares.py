"""Every request is answered by a version in the routes, in the shares that were set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import ROLES, PredictionsMade, Routes, RoutesChanged
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "shares"

_SIGMAS: Final = 6.0
"""How far the units of a role may be off their share. Smaller: sound runs fail by chance once in
some thousand; larger: leaks must be larger to be seen."""


@dataclass(slots=True)
class _Epoch:
    """Which role each unit had under one set of routes."""

    routes: Routes
    roles: dict[int, int] = field(default_factory=dict)
    chances: dict[int, float] = field(default_factory=dict)


def check(evidence: Evidence) -> Iterator[Finding]:
    """Routes hold from the tick after they are made; a unit keeps its role while they hold."""
    epoch = _Epoch(Routes())
    canaries: dict[str, set[int]] = {}
    tick = 0
    for step in evidence.steps:
        tick = step.tick
        for record in step.made:
            if isinstance(record, PredictionsMade):
                yield from _answered(record, epoch, tick)
        for record in step.made:
            if isinstance(record, RoutesChanged):
                yield from _closed(epoch, canaries, tick)
                yield from _changed(epoch.routes, record.routes, tick)
                epoch = _Epoch(record.routes)
    yield from _closed(epoch, canaries, tick)


def _answered(made: PredictionsMade, epoch: _Epoch, tick: int) -> Iterator[Finding]:
    routes = epoch.routes
    if made.epoch != routes.epoch:
        yield _finding(tick, f"answered under epoch {made.epoch}, in force is {routes.epoch}")
    named = {routes.champion, routes.canary, routes.holdback, *routes.shadows}
    if not named.issuperset(made.versions):
        yield _finding(tick, f"{sorted(made.versions)} scored; the routes do not name all of them")
    right = {
        "champion": routes.champion,
        "canary": routes.canary,
        "holdback": routes.holdback,
        "explore": routes.champion,
    }
    answers = made.answers().reshape(len(made), -1)
    stacked = np.stack([made.scores[version].reshape(len(made), -1) for version in made.versions])
    answerable = np.isfinite(stacked).all(axis=2).any(axis=0)
    silent = answerable & ~np.isfinite(answers).all(axis=1)
    if silent.any():
        yield _finding(tick, f"{int(silent.sum())} requests without a number for an answer")
    for row, (place, role) in enumerate(
        zip(made.answered.tolist(), made.roles.tolist(), strict=True)
    ):
        name, version = ROLES[role], made.versions[place]
        if name != "fallback" and version != right[name]:
            yield _finding(tick, f"{version} answered as {name}, the routes say {right[name]}")
            return
        if name == "fallback":
            continue
        unit = int(made.unit_hashes[row])
        if epoch.roles.setdefault(unit, role) != role:
            yield _finding(tick, f"unit {unit} changed its role within epoch {routes.epoch}")
            return
        if made.propensities is not None:
            epoch.chances[role] = float(made.propensities[row])


def _changed(before: Routes, after: Routes, tick: int) -> Iterator[Finding]:
    if after.epoch != before.epoch + 1:
        yield _finding(tick, f"epoch {after.epoch} follows {before.epoch}")
    if after.champion is None:
        yield _finding(tick, f"epoch {after.epoch} has no champion")
    for share, version in (
        (after.canary_share, after.canary),
        (after.holdback_share, after.holdback),
    ):
        if not 0.0 <= share <= 1.0 or (share > 0) != (version is not None):
            yield _finding(tick, f"epoch {after.epoch} gives {share} to {version}")


def _closed(epoch: _Epoch, canaries: dict[str, set[int]], tick: int) -> Iterator[Finding]:
    """At the end of an epoch, count the units of each role against the shares."""
    routes, units = epoch.routes, len(epoch.roles)
    if routes.champion is None or not units:
        return
    counts = np.bincount(list(epoch.roles.values()), minlength=len(ROLES)).tolist()
    canary_share = (1 - routes.holdback_share) * routes.canary_share
    rest = 1 - canary_share - routes.holdback_share
    wanted = {
        "canary": canary_share,
        "holdback": routes.holdback_share,
        "champion": rest * (1 - routes.explore_share),
        "explore": rest * routes.explore_share,
    }
    for name, share in wanted.items():
        spread = math.sqrt(units * share * (1 - share))
        if abs(counts[ROLES.index(name)] - units * share) > _SIGMAS * spread + 1:
            text = f"{counts[ROLES.index(name)]} of {units} units as {name}, set was {share:.3f}"
            yield _finding(tick, f"epoch {routes.epoch}: {text}")
    if sum(epoch.chances.values()) > 1 + 1e-9:
        yield _finding(tick, f"epoch {routes.epoch}: propensities sum to more than 1")
    if routes.canary is not None:
        yield from _grown(epoch, canaries, routes.canary, tick)


def _grown(
    epoch: _Epoch, canaries: dict[str, set[int]], version: str, tick: int
) -> Iterator[Finding]:
    """Units of a canary stay its units while its share grows."""
    others = (ROLES.index("champion"), ROLES.index("explore"))
    gone = [u for u in sorted(canaries.get(version, set())) if epoch.roles.get(u) in others]
    if gone:
        yield _finding(tick, f"{len(gone)} units left the canary {version} while it grew")
    now = {unit for unit, held in epoch.roles.items() if held == ROLES.index("canary")}
    canaries[version] = canaries.get(version, set()) | now


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)
