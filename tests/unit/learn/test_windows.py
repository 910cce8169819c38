from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS
from ostinato.learn.windows import (
    EVERYTHING_NS,
    Decayed,
    Expanding,
    Last,
    SinceChange,
    WindowSpan,
    weights,
)

NOW = 1000 * DAY_NS


def days(window, change=None):
    change_ns = None if change is None else change * DAY_NS
    return window.span(matured_to_ns=NOW, change_ns=change_ns).from_ns / DAY_NS


def test_expanding_takes_everything():
    assert Expanding().span(matured_to_ns=NOW, change_ns=3) == WindowSpan(from_ns=EVERYTHING_NS)


def test_last_takes_the_end_of_matured_history():
    assert days(Last("60d")) == 940
    assert days(Last(timedelta(days=2)), change=990) == 998


def test_decayed_reads_twenty_half_lives_or_what_is_kept():
    assert Decayed("10d").span(matured_to_ns=NOW, change_ns=None) == WindowSpan(
        from_ns=800 * DAY_NS, half_life_ns=10 * DAY_NS
    )
    assert days(Decayed(half_life="30d", keep="365d")) == 635


def test_since_change_takes_what_came_after():
    assert days(SinceChange(), change=900) == 900


def test_since_change_never_takes_less_than_its_minimum():
    assert days(SinceChange(minimum="14d"), change=995) == 986
    assert days(SinceChange(minimum="14d"), change=1005) == 986


def test_since_change_falls_back_where_no_change_is_known():
    assert days(SinceChange()) == 940
    span = SinceChange(fallback=Decayed("30d")).span(matured_to_ns=NOW, change_ns=None)
    assert span.half_life_ns == 30 * DAY_NS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Last("sixty days"), r"Last\(duration\) is not a positive duration"),
        (lambda: Last("0d"), "positive"),
        (lambda: Last(60), "positive"),
        (lambda: Decayed("-3d"), r"Decayed\(half_life\)"),
        (lambda: Decayed("30d", keep="none"), r"Decayed\(keep\)"),
        (lambda: Decayed("30d", keep="10d"), "keep=10d, half_life=30d"),
        (lambda: SinceChange(minimum=""), r"SinceChange\(minimum\)"),
        (lambda: SinceChange(fallback="60d"), r"SinceChange\(fallback\) is not a window"),
        (lambda: SinceChange(fallback=SinceChange()), "is not a window"),
    ],
)
def test_impossible_windows_are_refused_when_they_are_declared(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_windows_are_values():
    assert Last("60d") == Last("60d")
    assert hash(SinceChange()) == hash(SinceChange())
    with pytest.raises(AttributeError):
        Last("60d").duration = "1d"


def test_weight_halves_with_each_half_life():
    times = NOW - np.array([0, 10, 20, 30]) * DAY_NS
    assert weights(times, NOW, 10 * DAY_NS).tolist() == [1, 0.5, 0.25, 0.125]


def test_rows_weigh_the_same_without_a_half_life_and_never_more_than_one():
    assert weights(np.array([1, 2]), 5, None).tolist() == [1, 1]
    assert weights(np.array([9]), 5, 2).tolist() == [1]
