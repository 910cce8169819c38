"""Sticky, monotone assignment of units to versions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import place
from ostinato.core.records import ROLES, Routes

CHAMPION, CANARY, HOLDBACK, FALLBACK, EXPLORE = (ROLES.index(role) for role in ROLES)


def assign(routes: Routes, unit_hashes: NDArray[np.uint64], *, loop: str) -> NDArray[np.int8]:
    """Say in which role each request is answered.

    A unit keeps its place under each salt, so the units of a 1 % canary are among those of the 5 %
    canary. Each canary draws its own units; the holdback draws its units once for the loop.

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
    if routes.canary is not None and routes.canary_share > 0:
        roles[place(unit_hashes, f"{loop}/canary/{routes.canary}") < routes.canary_share] = CANARY
    if routes.holdback is not None and routes.holdback_share > 0:
        roles[place(unit_hashes, f"{loop}/holdback") < routes.holdback_share] = HOLDBACK
    return roles
