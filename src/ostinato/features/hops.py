"""By how much the far edge of a window moves, unless it is said."""

from __future__ import annotations

from typing import Final

from ostinato.core.units import DAY_NS, HOUR_NS, SECOND_NS

_MINUTE: Final = 60 * SECOND_NS
HOPS: Final = (
    SECOND_NS,
    5 * SECOND_NS,
    15 * SECOND_NS,
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    HOUR_NS,
    6 * HOUR_NS,
    DAY_NS,
)
"""Hops to choose from; few, so that windows share tiles."""

FINENESS: Final = 48
"""Hops in a window at least. Smaller: the far edge of windows is coarser; larger: more tiles."""


def default_hop(window_ns: int) -> int:
    """Return the hop of a window: the largest of `HOPS` that has room `FINENESS` times.

    >>> from ostinato.core.units import duration_ns
    >>> [default_hop(duration_ns(w)) // SECOND_NS for w in ("10s", "1h", "24h", "7d", "365d")]
    [1, 60, 900, 3600, 86400]
    """
    fitting = [hop for hop in HOPS if hop * FINENESS <= window_ns]
    return fitting[-1] if fitting else min(HOPS[0], window_ns)
