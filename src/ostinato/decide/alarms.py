"""Alarms of monitors: raised when evidence exceeds the budget, resolved when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """By what alarms are raised.

    Parameters
    ----------
    shares
        By monitor: how many false alarms it may raise within the budget's time on average, > 0.
    fast_windows, slow_windows
        Short and long windows within the budget's time, > 0.
    """

    shares: Mapping[str, float]
    fast_windows: float
    slow_windows: float
