"""Time limits of many connections by one timer.

A timer for each would be made and cancelled with every request. Here a connection writes down when
it is due, which costs an assignment, and is looked at every other second. It sits in the slot of
its next look: that of the moment it is due where that is near, else the one furthest ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import ceil
from typing import Final, Protocol

TICK_S: Final = 0.25
"""Seconds between two slots. Smaller: more turns of the loop for nothing; larger: limits are kept
less exactly."""

AHEAD: Final = 8
"""Slots to the next look, at most: how late a limit is noticed that has become shorter."""

NEVER: Final = 1 << 62


class Timed(Protocol):
    """What has time limits: `due` is a tick of the wheel, or `NEVER`."""

    due: int

    def overdue(self) -> None:
        """Do what is to be done when time is up, and set `due` anew."""
        ...


class Deadlines:
    """Looks after what has time limits.

    Parameters
    ----------
    loop
        Whose timer turns the wheel.
    each_tick
        Called at every tick.

    Attributes
    ----------
    now
        The tick it is; limits are set as ``due = deadlines.now + ticks(seconds)``.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, each_tick: Callable[[], None] | None = None
    ) -> None:
        self.now = 0
        self._loop, self._each_tick = loop, each_tick
        self._watched: set[Timed] = set()
        self._slots: list[list[Timed]] = [[] for _ in range(AHEAD)]
        self._timer = loop.call_later(TICK_S, self._turn)

    def watch(self, timed: Timed) -> None:
        """Look after something from now on, until `forget`."""
        self._watched.add(timed)
        self._slots[(self.now + 1) % AHEAD].append(timed)

    def forget(self, timed: Timed) -> None:
        """Look after something no more."""
        self._watched.discard(timed)  # it leaves its slot at the next look

    def close(self) -> None:
        """Stop the wheel."""
        self._timer.cancel()

    def _turn(self) -> None:
        # One tick a turn: a loop that was held up could not read what was sent in time.
        self._timer = self._loop.call_later(TICK_S, self._turn)
        if self._each_tick is not None:
            self._each_tick()
        self.tick()

    def tick(self) -> None:
        """Let one tick pass."""
        self.now += 1
        place = self.now % AHEAD
        slot, self._slots[place] = self._slots[place], []
        for timed in slot:
            if timed in self._watched and timed.due <= self.now:
                timed.overdue()
            if timed in self._watched:
                ahead = min(max(timed.due - self.now, 1), AHEAD - 1)
                self._slots[(self.now + ahead) % AHEAD].append(timed)


def ticks(seconds: float) -> int:
    """Return how many ticks a time limit is, at least one.

    >>> ticks(2), ticks(0.1)
    (8, 1)
    """
    return max(ceil(seconds / TICK_S), 1)
