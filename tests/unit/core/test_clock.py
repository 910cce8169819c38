from __future__ import annotations

import time

import pytest

from ostinato.core.clock import ForwardClock, SteadyClock, Stopwatch, VirtualClock, WallClock


def test_wall_clock_reads_the_time_of_the_machine():
    before, now_ns, after = time.time_ns(), WallClock().now_ns(), time.time_ns()
    assert before <= now_ns <= after


def test_virtual_clock_stands_still_until_it_is_moved():
    clock = VirtualClock(5)
    assert [clock.now_ns(), clock.now_ns()] == [5, 5]
    clock.advance_to(9)
    clock.advance_to(9)
    assert clock.now_ns() == 9


def test_virtual_clock_does_not_go_back():
    clock = VirtualClock(5)
    with pytest.raises(AssertionError, match="never goes back"):
        clock.advance_to(4)
    assert clock.now_ns() == 5


def test_stopwatch_adds_up_and_stops_when_the_block_raises():
    watch = Stopwatch()
    with watch:
        sum(range(200_000))
    first = (watch.wall_seconds, watch.cpu_seconds)
    with pytest.raises(ValueError, match="invalid literal"), watch:
        int("x" * 200_000)
    assert 0 < first[0] < watch.wall_seconds
    assert 0 < first[1] <= watch.cpu_seconds


def test_the_steady_clock_never_goes_back():
    clock = SteadyClock()
    readings = [clock.now_ns() for _ in range(100)]
    assert readings == sorted(readings)


def test_a_clock_stands_still_where_the_one_below_goes_back():
    class Below:
        readings = iter([5, 3, 6])

        def now_ns(self):
            return next(self.readings)

    clock = ForwardClock(Below())

    assert [clock.now_ns() for _ in range(3)] == [5, 5, 6]
