from __future__ import annotations

from dataclasses import dataclass

import pytest

from ostinato.checks import check_clock
from ostinato.checks.clock import CLOCK_LINES
from ostinato.core.clock import VirtualClock, WallClock
from ostinato.core.ports import Clock


def test_both_clocks_keep_the_contract():
    check_clock(VirtualClock)
    check_clock(WallClock, live=True)


def test_lines_of_the_suite_stand_in_the_port():
    contract = " ".join(Clock.__doc__.split())
    assert [line for line, _ in CLOCK_LINES if line not in contract] == []


class InSeconds:
    def now_ns(self):
        return WallClock().now_ns() / 1e9


class InMilliseconds:
    def now_ns(self):
        return WallClock().now_ns() // 1_000_000


@dataclass
class StepsBack:
    reads: int = 0

    def now_ns(self):
        self.reads += 1
        return WallClock().now_ns() - (self.reads == 500) * 10**9


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (InSeconds, "MUST return nanoseconds"),
        (InMilliseconds, "MUST return nanoseconds"),
        (StepsBack, "MUST NOT go back"),
    ],
)
def test_suite_names_the_line_that_a_broken_clock_breaks(broken, line):
    with pytest.raises(AssertionError, match=f"^Clock: {line}"):
        check_clock(broken, live=True)
