from __future__ import annotations

import numpy as np
import pytest

import ostinato as ost
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.replay.history import make_history
from ostinato.replay.sights import sights_of, windows_of

MINUTE_NS = HOUR_NS // 60


def every(step_ns, span_ns):
    return np.arange(0, span_ns, step_ns, dtype=np.int64)


@pytest.mark.parametrize(
    ("times_ns", "fast_ns", "slow_ns"),
    [
        (every(MINUTE_NS, 30 * DAY_NS), HOUR_NS, DAY_NS),
        (every(4 * MINUTE_NS, 30 * DAY_NS), 4 * HOUR_NS, DAY_NS),
        (every(14 * MINUTE_NS, 30 * DAY_NS), DAY_NS, DAY_NS),
        (every(HOUR_NS, 400 * DAY_NS), DAY_NS * 28, DAY_NS * 28),
        (every(MINUTE_NS // 60, 2 * HOUR_NS), 5 * MINUTE_NS // 6, 5 * MINUTE_NS),
        (every(MINUTE_NS, 9 * HOUR_NS), HOUR_NS, HOUR_NS),
        (every(DAY_NS, 30 * DAY_NS), DAY_NS, DAY_NS),
        (every(1, 50), MINUTE_NS // 24, MINUTE_NS),
    ],
    ids=[
        "days of hours",
        "days of four hours",
        "days with few rows",
        "weeks are too thin",
        "two busy hours",
        "a short history",
        "a row a day",
        "one moment",
    ],
)
def test_automatic_windows_follow_the_rate_of_rows(times_ns, fast_ns, slow_ns):
    assert windows_of(ost.Monitors(), times_ns) == (fast_ns, slow_ns)


def test_nights_without_rows_do_not_count():
    times_ns = every(MINUTE_NS, 30 * DAY_NS)
    times_ns = times_ns[times_ns % DAY_NS < 4 * HOUR_NS]

    assert windows_of(ost.Monitors(), times_ns) == (HOUR_NS, DAY_NS)


def test_lengths_that_are_given_are_kept():
    times_ns = every(MINUTE_NS, 30 * DAY_NS)

    assert windows_of(ost.Monitors(window="7d", fast="12h"), times_ns) == (DAY_NS // 2, 7 * DAY_NS)
    assert windows_of(ost.Monitors(window="7d"), times_ns) == (DAY_NS, 7 * DAY_NS)
    assert windows_of(ost.Monitors(fast="30m"), times_ns) == (HOUR_NS // 2, DAY_NS)
    assert windows_of(ost.Monitors(fast="7m"), times_ns) == (7 * MINUTE_NS, 7 * DAY_NS)
    assert windows_of(ost.Monitors(fast="11m"), times_ns) == (11 * MINUTE_NS, 264 * MINUTE_NS)


def test_only_the_history_before_the_start_is_seen(make_loop, world):
    table = world(6000, days=60)
    history = make_history(make_loop(), table, start=None, end=None)

    sights = sights_of(make_loop(monitors=ost.Monitors()), history)

    assert sights.slow_ns == HOUR_NS * 6  # six days before the start, 25 rows in a window
    assert sights_of(make_loop(), history) is None
