"""Times as clients give them."""

from __future__ import annotations

from typing import Final

from ostinato.core.errors import ConfigError
from ostinato.core.units import LONGEST_NS
from ostinato.live.gateway.http import HttpError
from ostinato.stores.times import moment_ns

Moment = int | str
"""Nanoseconds since 1970, or ISO 8601 text (without a zone: UTC)."""

SKEW_NS: Final = 5_000_000_000
"""So far may a client's clock be ahead of ours."""

OTHER_UNITS: Final = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 10**3}
"""Nanoseconds in what clients count in by mistake."""


def read_moment(moment: Moment, *, name: str) -> int:
    """Return a time in nanoseconds since 1970.

    Raises
    ------
    HttpError
        422 if it is no time, or none of this age of the world.
    """
    if isinstance(moment, int):
        found = moment
    else:
        try:
            found = moment_ns(moment, name=name)
        except (ConfigError, OverflowError) as error:
            raise _no_moment(moment, name) from error
    if not 0 <= found < LONGEST_NS:
        raise _no_moment(moment, name)
    return found


def read_past(moment: Moment, now_ns: int, *, name: str) -> int:
    """Return a time that is not in the future.

    An integer that is days after 1970 in nanoseconds and a time of these years in a coarser unit is
    the latter: taken at its word it would count nowhere, and nobody would hear of it.

    Raises
    ------
    HttpError
        422 if it is, is no time, or is counted in another unit.
    """
    found = read_moment(moment, name=name)
    if isinstance(moment, int):
        _check_unit(moment, now_ns, name)
    if found > now_ns + SKEW_NS:
        raise HttpError(
            422,
            f"{name} is in the future",
            found=moment,
            expected="a time that has come",
            hint="Leave it out for now; or check the clock, and the unit: nanoseconds.",
        )
    return min(found, now_ns)


def _check_unit(moment: int, now_ns: int, name: str) -> None:
    for unit, nanoseconds in OTHER_UNITS.items():
        if now_ns < 2 * moment * nanoseconds <= 3 * now_ns:
            raise HttpError(
                422,
                f"{name} is not in nanoseconds",
                found=moment,
                expected="nanoseconds since 1970, or ISO 8601 such as 2013-02-01T05:00:00Z",
                hint=f"As {unit} it is a time of these years: times {nanoseconds:,}.",
            )


def _no_moment(moment: Moment, name: str) -> HttpError:
    return HttpError(
        422,
        f"{name} is no time",
        found=repr(moment)[:60],
        expected="nanoseconds since 1970, or ISO 8601 such as 2013-02-01T05:00:00Z",
    )
