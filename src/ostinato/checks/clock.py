"""Conformance of a clock: the contract lines of `ostinato.core.ports.Clock`, one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ostinato.checks.contract import run_lines
from ostinato.core.clock import Clock, WallClock
from ostinato.core.units import DAY_NS, format_duration

READS: Final = 1_000
"""Reads in a row. Too few: a step back now and then is not seen."""


@dataclass(frozen=True, slots=True)
class _Given:
    make: Callable[[], Clock]
    live: bool


def check_clock(make: Callable[[], Clock], *, live: bool = False) -> None:
    """Check that a clock keeps the contract of its port.

    Parameters
    ----------
    make
        Makes a clock, a new one each time.
    live
        The clock says what time it is now, and must then be within a day of the machine's clock
        (which tells apart units and epochs, not good clocks and bad ones).

    Raises
    ------
    AssertionError
        If a contract line is broken; the message names the line.
    """
    run_lines("Clock", CLOCK_LINES, _Given(make, live))


def _nanoseconds(given: _Given) -> None:
    now_ns = given.make().now_ns()
    assert type(now_ns) is int, f"now_ns() returned {type(now_ns).__name__}, not int"
    if given.live:
        off_ns = now_ns - WallClock().now_ns()
        assert abs(off_ns) < DAY_NS, f"the clock is {format_duration(off_ns)} off"


def _never_back(given: _Given) -> None:
    clock = given.make()
    reads = [clock.now_ns() for _ in range(READS)]
    for before, after in pairwise(reads):
        assert before <= after, f"the clock went from {before} back to {after}"


CLOCK_LINES: Final = (
    ("MUST return nanoseconds since 1970 UTC", _nanoseconds),
    ("MUST NOT go back between two calls by a caller that only reads it", _never_back),
)
"""The contract, line by line, with the check of each."""
