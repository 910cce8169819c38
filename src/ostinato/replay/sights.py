"""What monitors need to know of the data beforehand: read off the history before the start.

A replay and a live service of the same history see the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ostinato.core.records import Ints
from ostinato.core.units import DAY_NS, HOUR_NS, duration_ns
from ostinato.loop.loop import Loop
from ostinato.loop.monitors import AUTO, Monitors
from ostinato.loop.watching import Sights
from ostinato.replay.history import History
from ostinato.replay.label_sights import label_sights
from ostinato.watch.cells import Grid
from ostinato.watch.grid import fit_grid
from ostinato.watch.summarise import chosen_groups

_MINUTE_NS: Final = HOUR_NS // 60
LENGTHS_NS: Final = (
    _MINUTE_NS,
    5 * _MINUTE_NS,
    15 * _MINUTE_NS,
    HOUR_NS,
    6 * HOUR_NS,
    DAY_NS,
    7 * DAY_NS,
    28 * DAY_NS,
)
"""Lengths that long windows can have unless one is given."""

DAYS: Final = 10
"""Days of history from which on a day is the long window, as most seasons are of a day. Fewer days:
its spread would be known from too few windows."""

DAY_ROWS: Final = 100
"""Rows of a day that are enough for it. Fewer: shares of a day are so inexact that longer windows
find small moves as soon."""

LONG_ROWS: Final = 200
SHORT_ROWS: Final = 50
"""Rows that long and short windows shall have. Smaller: windows say little by themselves; larger:
they end later, and with them comes the alarm."""

WINDOWS: Final = 8
"""Long windows that the history shall have for a reference."""


def sights_of(loop: Loop, history: History) -> Sights | None:
    """Return what monitors need to know beforehand; None where nothing is watched."""
    if loop.monitors is None:
        return None
    fast_ns, slow_ns = windows_of(loop.monitors, history.times_ns[: history.first])
    labels = label_sights(loop, history, slow_ns)
    if not INPUT_FAMILIES & set(loop.monitors.families):
        return Sights(fast_ns=fast_ns, slow_ns=slow_ns, labels=labels)
    grid, groups = _grid(loop, history)
    return Sights(fast_ns=fast_ns, slow_ns=slow_ns, labels=labels, grid=grid, slice_groups=groups)


INPUT_FAMILIES: Final = frozenset({"drift", "quality"})
"""Families of monitors that look at inputs."""


def _grid(loop: Loop, history: History) -> tuple[Grid, tuple[int, ...]]:
    """Return the cells of the features and the slice groups that are counted; fitted once."""
    if "grid" not in history.prepared:
        before = slice(0, history.first)
        grid = fit_grid(history.frame[before], loop.feature_names)
        history.prepared["grid"] = grid, chosen_groups(history.groups[before], grid)
    found: tuple[Grid, tuple[int, ...]] = history.prepared["grid"]
    return found


def windows_of(monitors: Monitors, times_ns: Ints) -> tuple[int, int]:
    """Return the lengths of short and long windows.

    Parameters
    ----------
    monitors
        What was declared; a length of ``"auto"`` is chosen here.
    times_ns
        (n,), times of the requests before the start, ascending, n >= 1.
    """
    fast_ns = None if monitors.fast == AUTO else duration_ns(monitors.fast)
    if monitors.window == AUTO:
        slow_ns = _long(times_ns, fast_ns or 1)
    else:
        slow_ns = duration_ns(monitors.window)
    return fast_ns or _short(times_ns, slow_ns), slow_ns


def _long(times_ns: Ints, unit_ns: int) -> int:
    """Choose a length that is a whole number of units."""
    lengths = [each for each in LENGTHS_NS if each % unit_ns == 0] or [24 * unit_ns]
    span_ns = int(times_ns[-1] - times_ns[0])
    daily = DAY_NS in lengths and span_ns >= DAYS * DAY_NS
    if daily and _median_rows(times_ns, DAY_NS) >= DAY_ROWS:
        return DAY_NS
    several = [each for each in lengths if span_ns >= WINDOWS * each]
    for each in several:
        if _median_rows(times_ns, each) >= LONG_ROWS:
            return each
    # The history is short or thin: rather enough windows than enough rows.
    return several[-1] if several else lengths[0]


def _short(times_ns: Ints, slow_ns: int) -> int:
    """Choose a part of a long window that has enough rows, else all of it."""
    parts = [slow_ns // DAY_NS] if slow_ns > DAY_NS and slow_ns % DAY_NS == 0 else [24, 6]
    for part in parts:
        length_ns, left = divmod(slow_ns, part)
        if not left and _median_rows(times_ns, length_ns) >= SHORT_ROWS:
            return length_ns
    return slow_ns


def _median_rows(times_ns: Ints, length_ns: int) -> float:
    """Return the rows of the median window that has some."""
    _, rows = np.unique(times_ns // length_ns, return_counts=True)
    return float(np.median(rows))
