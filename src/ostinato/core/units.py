"""Time in nanoseconds since 1970 (UTC) and durations such as ``"7d"``.

All times inside Ostinato are `int` nanoseconds; a duration is a number with one unit or several
such pieces (``"1d12h"``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from ostinato.core.errors import ConfigError

NS_PER_UNIT: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
SECOND_NS: Final = NS_PER_UNIT["s"]
HOUR_NS: Final = NS_PER_UNIT["h"]
DAY_NS: Final = NS_PER_UNIT["d"]

LONGEST_NS: Final = 2**62
"""146 years. Longer, and a duration added to a time of this century would not fit into 64 bits."""

_PIECE: Final = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s*(ns|us|ms|s|m|h|d|w)", re.ASCII)


def duration_ns(duration: str | timedelta, *, name: str = "duration") -> int:
    """Read a duration as nanoseconds.

    Parameters
    ----------
    duration
        Text such as ``"15m"``, ``"24h"``, ``"7d"``, ``"1d12h"`` (units ns, us, ms, s, m, h, d, w),
        or a `datetime.timedelta`. Must be positive.
    name
        What the duration is, for the error message.

    Returns
    -------
    int
        Nanoseconds, > 0.

    Raises
    ------
    ConfigError
        If the text is not a positive duration.

    Examples
    --------
    >>> duration_ns("1d12h") // 3_600_000_000_000
    36
    """
    total = _total_ns(duration)
    if total <= 0:
        raise ConfigError(
            f"{name} is not a positive duration",
            found=repr(duration),
            expected='a number with a unit, for example "15m", "24h", "7d"',
            hint="Units are ns, us, ms, s, m, h, d and w; pieces can be joined: 1d12h.",
        )
    if total > LONGEST_NS:
        raise ConfigError(
            f"{name} is too long",
            found=repr(duration),
            expected=f"at most {LONGEST_NS // DAY_NS} days",
            hint="Leave it out where there is a default that means for ever.",
        )
    return total


def _total_ns(duration: object) -> int:
    if isinstance(duration, timedelta):
        seconds = duration.days * 86_400 + duration.seconds
        return seconds * SECOND_NS + duration.microseconds * 1_000
    if isinstance(duration, str) and not _PIECE.sub("", duration).strip():
        pieces = _PIECE.findall(duration)
        return round(sum(Fraction(number) * NS_PER_UNIT[unit] for number, unit in pieces))
    return 0


def format_duration(ns: int) -> str:
    """Write nanoseconds the way people say them.

    >>> format_duration(129_600_000_000_000), format_duration(90_000_000_000)
    ('1d12h', '1m30s')
    """
    if ns == 0:
        return "0s"
    pieces, rest = [], abs(ns)
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, NS_PER_UNIT[unit])
        if count:
            pieces.append(f"{count}{unit}")
        if len(pieces) == 2:
            break
    return ("-" if ns < 0 else "") + "".join(pieces)


def to_datetime(ns: int) -> datetime:
    """Turn nanoseconds since 1970 into an aware UTC `datetime` (microsecond precision)."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1_000)


def from_datetime(moment: datetime) -> int:
    """Turn a `datetime` into nanoseconds since 1970; one without a zone is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND_NS + delta.microseconds * 1_000


def format_time(ns: int) -> str:
    """Write a time as ISO 8601 in UTC, to the second.

    >>> format_time(1_357_035_300_000_000_000)
    '2013-01-01T10:15:00Z'
    """
    return to_datetime(ns).strftime("%Y-%m-%dT%H:%M:%SZ")
