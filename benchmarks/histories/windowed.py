"""The twenty windowed means that all contenders compute: a key and a window each."""

from __future__ import annotations

WINDOWS = {
    "carrier": ("1h", "3h", "6h", "12h", "1d", "7d", "30d"),
    "product": ("1h", "3h", "6h", "1d", "7d", "30d"),
    "customer": ("1h", "6h", "1d", "3d", "7d", "14d", "30d"),
}
"""Windows by key."""

_SECONDS = {"h": 3_600, "d": 86_400}


def seconds(window: str) -> int:
    """Return how long a window is."""
    return int(window[:-1]) * _SECONDS[window[-1]]
