from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.errors import ConfigError
from ostinato.core.units import (
    DAY_NS,
    HOUR_NS,
    NS_PER_UNIT,
    SECOND_NS,
    duration_ns,
    format_duration,
    format_time,
    from_datetime,
    to_datetime,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1ns", 1),
        ("2us", 2_000),
        ("3ms", 3_000_000),
        ("4s", 4 * SECOND_NS),
        ("15m", 900 * SECOND_NS),
        ("24h", DAY_NS),
        ("7d", 7 * DAY_NS),
        ("2w", 14 * DAY_NS),
        ("1.5h", 5400 * SECOND_NS),
        ("1d12h", 36 * HOUR_NS),
        (" 1d 12 h ", 36 * HOUR_NS),
        ("1m30s", 90 * SECOND_NS),
        (timedelta(days=1, microseconds=3), DAY_NS + 3_000),
        ("365d1ns", 365 * DAY_NS + 1),
        ("0.1s0.2s", 300_000_000),
        ("53375d", 53_375 * DAY_NS),
    ],
)
def test_duration_is_read_as_nanoseconds(text, expected):
    assert duration_ns(text) == expected


@pytest.mark.parametrize(
    "bad",
    ["", " ", "7", "d", "-1d", "0d", "0.4ns", "1y", "1d,2h", "1.5.5d", "1d2", "5mins", "P1D"],
)
def test_text_that_is_no_positive_duration_is_refused_by_name(bad):
    with pytest.raises(ConfigError, match="window is not a positive duration") as caught:
        duration_ns(bad, name="window")
    assert caught.value.found == repr(bad)


@pytest.mark.parametrize(
    "bad", ["\u0663d", "\uff17d", "7\u2003d", "9" * 400 + "d", "9" * 5_000 + "d"]
)
def test_other_digits_and_endless_numbers_are_no_duration(bad):
    with pytest.raises(ConfigError, match="not a positive duration"):
        duration_ns(bad)


@pytest.mark.parametrize("long", ["53376d", "9" * 30 + "w", timedelta.max])
def test_duration_that_would_not_fit_into_64_bits_is_refused(long):
    with pytest.raises(ConfigError, match="horizon is too long"):
        duration_ns(long, name="horizon")


@pytest.mark.parametrize("bad", [timedelta(0), timedelta(seconds=-1), 5, None])
def test_other_values_are_no_duration(bad):
    with pytest.raises(ConfigError):
        duration_ns(bad)


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0s"),
        (1, "1ns"),
        (90 * SECOND_NS, "1m30s"),
        (36 * HOUR_NS, "1d12h"),
        (14 * DAY_NS, "14d"),
        (-HOUR_NS, "-1h"),
        (DAY_NS + HOUR_NS + SECOND_NS, "1d1h"),
    ],
)
def test_duration_is_written_the_way_people_say_it(ns, expected):
    assert format_duration(ns) == expected


@given(count=st.integers(1, 7_000), unit=st.sampled_from(sorted(NS_PER_UNIT)))
def test_duration_of_one_unit_is_read_back_to_its_two_largest_pieces(count, unit):
    ns = count * NS_PER_UNIT[unit]
    again = duration_ns(format_duration(ns))
    assert duration_ns(f"{count}{unit}") == ns
    assert 0 <= ns - again < max(ns // 24, 1)


@given(st.integers(-(10**18), 4 * 10**18))
def test_time_goes_through_datetime_to_the_microsecond(ns):
    assert from_datetime(to_datetime(ns)) == ns // 1_000 * 1_000


def test_datetime_without_a_zone_is_taken_as_utc():
    naive = datetime(2024, 3, 1, 12)  # noqa: DTZ001 (this is the point)
    assert from_datetime(naive) == from_datetime(naive.replace(tzinfo=UTC))
    east = naive.replace(tzinfo=timezone(timedelta(hours=2)))
    assert from_datetime(naive) - from_datetime(east) == 2 * HOUR_NS


def test_time_is_written_in_utc_to_the_second():
    assert format_time(0) == "1970-01-01T00:00:00Z"
    assert format_time(1_999_999_999) == "1970-01-01T00:00:01Z"
    assert to_datetime(-1_000) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
