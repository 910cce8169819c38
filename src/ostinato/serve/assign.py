"""Sticky, monotone assignment of units to versions, and how probable each assignment was."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import place, place_one
from ostinato.core.records import ROLES, Floats, Routes

CHAMPION, CANARY, HOLDBACK, FALLBACK, EXPLORE = (ROLES.index(role) for role in ROLES)


def assign(routes: Routes, unit_hashes: NDArray[np.uint64], *, loop: str) -> NDArray[np.int8]:
    """Say in which role each request is answered.

    A unit keeps its place under each salt, so the units of a 1 % canary are among those of the 5 %
    canary. Each canary draws its own units; the holdback and the explored units are drawn once for
    the loop. Of the units that a canary or the holdback has, none is explored.

    Parameters
    ----------
    routes
        The routes in force.
    unit_hashes
        (n,) hashed units (`ostinato.core.ids.hash_keys`).
    loop
        Name of the loop.

    Returns
    -------
    ndarray
        (n,) int8, index into `ostinato.core.records.ROLES`.
    """
    roles = np.full(len(unit_hashes), CHAMPION, dtype=np.int8)
    explore, canary, holdback = _shares(routes)
    if explore:
        roles[explored(unit_hashes, loop=loop, share=explore)] = EXPLORE
    if canary:
        roles[place(unit_hashes, f"{loop}/canary/{routes.canary}") < canary] = CANARY
    if holdback:
        roles[place(unit_hashes, f"{loop}/holdback") < holdback] = HOLDBACK
    return roles


def explored(unit_hashes: NDArray[np.uint64], *, loop: str, share: float) -> NDArray[np.bool_]:
    """Say which units chance chose: (n,) bool; a canary or the holdback may have some of them."""
    return place(unit_hashes, f"{loop}/explore") < share


def assign_one(routes: Routes, unit_hash: int, *, loop: str) -> int:
    """Say in which role one request is answered, as `assign` does, without arrays.

    Parameters
    ----------
    routes
        The routes in force.
    unit_hash
        The hashed unit (`ostinato.core.ids.hash_unit`, or `hash_key` of the prediction's id).
    loop
        Name of the loop.

    Returns
    -------
    int
        Index into `ostinato.core.records.ROLES`.
    """
    explore, canary, holdback = _shares(routes)
    if holdback and place_one(unit_hash, f"{loop}/holdback") < holdback:
        return HOLDBACK
    if canary and place_one(unit_hash, f"{loop}/canary/{routes.canary}") < canary:
        return CANARY
    if explore and place_one(unit_hash, f"{loop}/explore") < explore:
        return EXPLORE
    return CHAMPION


def propensity(routes: Routes, role: int) -> float:
    """Say how probable a role is, as `probabilities` does; 0 for a fallback."""
    explore, canary, holdback = _shares(routes)
    if role == HOLDBACK:
        return holdback
    if role == CANARY:
        return (1.0 - holdback) * canary
    if role == EXPLORE:
        return (1.0 - holdback) * (1.0 - canary) * explore
    if role == CHAMPION:
        return (1.0 - holdback) * (1.0 - canary) * (1.0 - explore)
    return 0.0


def fallback_propensity(routes: Routes, failed: Collection[str]) -> float:
    """Say how probable it is that a row falls back: chance led to one of the versions that failed.

    Parameters
    ----------
    routes
        The routes in force.
    failed
        The versions that have no score for the row.
    """
    total = 0.0
    for version in versions_of(routes):
        if version in failed:
            total += chosen(routes, version)
    return total


def chosen(routes: Routes, version: str) -> float:
    """Say how probable it is that a version is the one to answer, whatever its role."""
    total = 0.0
    for role in range(len(ROLES)):
        if owner(routes, role) == version:
            total += propensity(routes, role)
    return total


def versions_of(routes: Routes) -> tuple[str, ...]:
    """Return the versions that score a request, the one that is fallen back to first: champion."""
    named = (routes.champion, routes.canary, routes.holdback, *routes.shadows)
    return tuple(dict.fromkeys(version for version in named if version is not None))


def owner(routes: Routes, role: int) -> str | None:
    """Return the version of a role: the champion, unless another is named."""
    if role == CANARY and routes.canary is not None:
        return routes.canary
    if role == HOLDBACK and routes.holdback is not None:
        return routes.holdback
    return routes.champion


def probabilities(routes: Routes) -> Floats | None:
    """Say how probable each role is for a unit of which nothing is known.

    The places of a unit under different salts are independent, so the shares multiply.

    Parameters
    ----------
    routes
        The routes in force.

    Returns
    -------
    ndarray or None
        (roles,) float64, sums to 1; None where the champion answers every unit.
    """
    if not any(_shares(routes)):
        return None
    return np.array([propensity(routes, role) for role in range(len(ROLES))])


def _shares(routes: Routes) -> tuple[float, float, float]:
    """Shares of explored units, canary and holdback; 0 for a version that is not named."""
    canary = routes.canary_share if routes.canary is not None else 0.0
    holdback = routes.holdback_share if routes.holdback is not None else 0.0
    return routes.explore_share, canary, holdback
