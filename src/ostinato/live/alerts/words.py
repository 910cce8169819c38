"""How sure an alarm is, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def how_sure(evidence: Mapping[str, Any]) -> str:
    """Say how much evidence there is, and how much was needed; empty where that is not told.

    >>> how_sure({"log10_e": 9.12, "threshold": 5.4})
    'evidence 10^9.1, needed 10^5.4'
    """
    found, needed = evidence.get("log10_e"), evidence.get("threshold")
    if not isinstance(found, int | float) or not isinstance(needed, int | float):
        return ""
    return f"evidence 10^{found:.1f}, needed 10^{needed:.1f}"
