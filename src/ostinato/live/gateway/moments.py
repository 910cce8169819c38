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

    Raises
    ------
    HttpError
        422 if it is, or is no time.
    """
    found = read_moment(moment, name=name)
    if found > now_ns + SKEW_NS:
        raise HttpError(
            422,
            f"{name} is in the future",
            found=moment,
            expected="a time that has come",
            hint="Leave it out for now; or check the clock, and the unit: nanoseconds.",
        )
    return min(found, now_ns)


def _no_moment(moment: Moment, name: str) -> HttpError:
    return HttpError(
        422,
        f"{name} is no time",
        found=repr(moment)[:60],
        expected="nanoseconds since 1970, or ISO 8601 such as 2013-02-01T05:00:00Z",
    )
