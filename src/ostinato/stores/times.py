"""Read columns of times."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.records import Ints
from ostinato.core.units import SECOND_NS, from_datetime

_MOST_SECONDS: Final = 2**62 // SECOND_NS  # about the year 2116; int64 nanoseconds end in 2262


def as_ns(column: pl.Series, *, name: str, nulls: int | None = None) -> Ints:
    """Turn a column of times into nanoseconds since 1970 (UTC).

    Parameters
    ----------
    column
        Datetimes (without a zone: UTC), dates, ISO 8601 text, or numbers that count seconds.
    name
        What the column is, for error messages.
    nulls
        What a missing time becomes; ``None``: a missing time is an error.

    Returns
    -------
    ndarray
        (n,) int64.

    Raises
    ------
    DataError
        If a time is missing or cannot be read.
    """
    parsed = _parse(column, name)
    unreadable = parsed.is_null() if nulls is None else parsed.is_null() & column.is_not_null()
    if unreadable.any():
        example = column.filter(unreadable)[0]
        raise DataError(
            f"The {name} holds {int(unreadable.sum())} times that are missing or cannot be read",
            found=repr(example),
            expected="a datetime, a date, ISO 8601 text, or a number of seconds in every row",
            hint="Drop or repair these rows.",
        )
    return parsed.fill_null(nulls if nulls is not None else 0).to_numpy().astype(np.int64)


def _parse(column: pl.Series, name: str) -> pl.Series:
    dtype = column.dtype
    if dtype == pl.Date:
        column = column.cast(pl.Datetime("ns"))
    elif dtype == pl.String:
        column = column.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False)
        if column.null_count() == len(column) > 0:
            raise DataError(
                f"The {name} holds text that is no time",
                expected="ISO 8601, for example 2013-01-01T05:00:00",
            )
    elif dtype.is_numeric():
        seconds = column.cast(pl.Float64)
        far = seconds.abs() > _MOST_SECONDS
        if far.any():
            raise DataError(
                f"The {name} holds numbers too large for seconds",
                found=repr(column.filter(far)[0]),
                expected="seconds since 1970, or a counter",
                hint="Looks like milli-, micro- or nanoseconds: divide, or give datetimes.",
            )
        finite = seconds.is_finite() & seconds.is_not_null()
        if dtype.is_integer():
            return (column.cast(pl.Int64) * SECOND_NS).set(~finite.fill_null(value=False), None)
        return (seconds.fill_nan(None) * SECOND_NS).cast(pl.Int64, strict=False)
    elif dtype != pl.Datetime:
        raise DataError(
            f"The {name} holds no times", found=str(dtype), expected="datetimes, dates or text"
        )
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC")
    return column.dt.timestamp("ns")


def moment_ns(moment: Any, *, name: str) -> int:
    """Read one moment: a datetime, a date, ISO 8601 text, or a number of seconds.

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if isinstance(moment, datetime):
        return from_datetime(moment)
    if isinstance(moment, date):
        return from_datetime(datetime(moment.year, moment.month, moment.day))  # noqa: DTZ001 - UTC is added
    if isinstance(moment, int | float):
        return int(moment * SECOND_NS)
    try:
        return from_datetime(datetime.fromisoformat(str(moment)))
    except ValueError as error:
        raise ConfigError(
            f"{name} is no moment", found=repr(moment), expected="ISO 8601, for example 2013-02-01"
        ) from error
