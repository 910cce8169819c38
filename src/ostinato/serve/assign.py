"""Sticky, monotone assignment of units to versions, and how probable each assignment was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import place
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
    explore, canary, holdback = _shares(routes)
    if not (explore or canary or holdback):
        return None
    found = np.zeros(len(ROLES))
    found[HOLDBACK] = holdback
    found[CANARY] = (1.0 - holdback) * canary
    found[EXPLORE] = (1.0 - holdback) * (1.0 - canary) * explore
    found[CHAMPION] = (1.0 - holdback) * (1.0 - canary) * (1.0 - explore)
    return found


def _shares(routes: Routes) -> tuple[float, float, float]:
    """Shares of explored units, canary and holdback; 0 for a version that is not named."""
    canary = routes.canary_share if routes.canary is not None else 0.0
    holdback = routes.holdback_share if routes.holdback is not None else 0.0
    return routes.explore_share, canary, holdback
