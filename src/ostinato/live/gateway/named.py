"""Ids and times that a client gives its rows, for protocols with no place of their own for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ostinato.core.units import LONGEST_NS, from_datetime
from ostinato.live.events import Id
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown

MAX_ID_LENGTH: Final = 200
"""Characters of an id. Ids are kept as long as the log is; longer ones would make it large."""

PREDICTION_ID: Final = "prediction_id"
TIME: Final = "time"
"""What ids and times are called."""

_INT64: Final = range(-(2**63), 2**63)


def ids_of(given: Any, count: int) -> list[Id] | None:
    """Return the ids that a client gave its rows; None where it gave none.

    Raises
    ------
    HttpError
        400 if they are not one text or integer per row.
    """
    if given is None:
        return None
    return [_id(value) for value in _one_per_row(PREDICTION_ID, given, count)]


def times_of(given: Any, count: int, *, timed: bool) -> list[int] | None:
    """Return the times that a client gave its rows, nanoseconds since 1970; None without.

    `timed`: whether the clock of the service follows the events; else requests have the time at
    which they come.

    Raises
    ------
    HttpError
        400 if they are not one moment per row (ISO 8601, or an integer of nanoseconds), or the
        service takes none.
    """
    if given is None:
        return None
    if not timed:
        raise HttpError(
            400,
            f"{TIME!r} cannot be given to this service",
            found=shown(str(given)),
            expected="no time: requests are stamped when they come",
            hint="A service with --clock events takes it.",
        )
    return [_time_ns(value) for value in _one_per_row(TIME, given, count)]


def _one_per_row(name: str, given: Any, count: int) -> Sequence[Any]:
    values = given if isinstance(given, list) else [given]
    if len(values) != count:
        raise HttpError(
            400,
            f"{name!r} does not have one value per row",
            found=f"{len(values)} for {count} rows",
            expected=f"{count}",
        )
    return values


def _id(value: Any) -> Id:
    if isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
        return value
    raise HttpError(
        400,
        "A prediction id cannot be used",
        found=shown(str(value)),
        expected=f"an integer of 64 bits, or 1 to {MAX_ID_LENGTH} characters",
    )


def _time_ns(value: Any) -> int:
    moment = value
    if isinstance(value, str):
        try:
            moment = from_datetime(datetime.fromisoformat(value))
        except (ValueError, OverflowError):
            moment = None
    if isinstance(moment, int) and not isinstance(moment, bool) and 0 <= moment < LONGEST_NS:
        return moment
    raise HttpError(
        400,
        "A time cannot be read",
        found=shown(str(value)),
        expected="ISO 8601, for example 2013-02-01T08:00:00Z, or nanoseconds since 1970",
    )
