"""The clock. The one file that reads the machine's time.

`WallClock` runs live, `VirtualClock` runs over history; whoever needs the time is handed one of
them. `SteadyClock` measures how long something lasts. `Stopwatch` measures what work costs; what it
reads never enters a decision's hash.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Self

from ostinato.core.ports import Clock


class WallClock:
    """The machine's clock in UTC."""

    def now_ns(self) -> int:
        return time.time_ns()


def elapsed_ns() -> int:
    """Count nanoseconds from an unknown moment, never going back: for paces and time limits."""
    return time.monotonic_ns()


class SteadyClock:
    """`elapsed_ns` where a `Clock` is asked for."""

    def now_ns(self) -> int:
        return elapsed_ns()


@dataclass(slots=True)
class ForwardClock:
    """A clock that stands still where the one below it goes back.

    Parameters
    ----------
    below
        The clock to follow.
    """

    below: Clock
    _last: int = field(default=0, repr=False)

    def now_ns(self) -> int:
        self._last = max(self._last, self.below.now_ns())
        return self._last


@dataclass(slots=True)
class VirtualClock:
    """A clock that stands still until it is told to move, and only ever forward.

    Parameters
    ----------
    current_ns
        Where it starts, nanoseconds since 1970.

    Examples
    --------
    >>> clock = VirtualClock(5)
    >>> clock.advance_to(9)
    >>> clock.now_ns()
    9
    """

    current_ns: int = 0

    def now_ns(self) -> int:
        return self.current_ns

    def advance_to(self, moment_ns: int) -> None:
        """Move to a later moment (an earlier one is a bug in the caller)."""
        assert moment_ns >= self.current_ns, "a virtual clock never goes back"
        self.current_ns = moment_ns


@dataclass(slots=True)
class Stopwatch:
    """Adds up the wall and processor seconds spent inside ``with`` blocks.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch:
    ...     _ = sum(range(10))
    >>> watch.wall_seconds >= 0 and watch.cpu_seconds >= 0
    True
    """

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    _wall_start: float = field(default=0.0, repr=False)
    _cpu_start: float = field(default=0.0, repr=False)

    def __enter__(self) -> Self:
        self._wall_start, self._cpu_start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc: object) -> None:
        self.wall_seconds += time.perf_counter() - self._wall_start
        self.cpu_seconds += time.process_time() - self._cpu_start


__all__ = [
    "Clock",
    "ForwardClock",
    "SteadyClock",
    "Stopwatch",
    "VirtualClock",
    "WallClock",
    "elapsed_ns",
]
