"""Which column is the time of a prediction, and which the time its label became known."""

from __future__ import annotations

from typing import Final

import polars as pl

from ostinato.core.errors import InputError

TIME_NAMES: Final = (
    "ts",
    "time",
    "timestamp",
    "event_time",
    "datetime",
    "date_time",
    "requested_at",
    "created_at",
    "scheduled",
    "date",
)
ORDER_NAMES: Final = ("i", "index", "step", "t", "seq", "order", "row")
LABEL_TIME_NAMES: Final = (
    "label_ts",
    "label_time",
    "label_date",
    "label_at",
    "labelled_at",
    "labeled_at",
    "target_ts",
    "target_time",
    "outcome_time",
    "known_at",
    "resolved_at",
)
_IN_ORDER: Final = 0.999
"""Share of rows in which a label's time must not lie before its prediction. Lower takes a column
for a label time that is something else; 1 stumbles over single wrong clocks."""


def time_of(frame: pl.DataFrame, given: str | None) -> tuple[str, str]:
    """Return the column with the time of the prediction, and why.

    Parameters
    ----------
    frame
        The data.
    given
        The column the user named.

    Raises
    ------
    InputError
        If none or several could be it, or the named one is no time.
    """
    if given is not None:
        return _checked(frame, given), "you named it"
    moments = [c for c in temporal(frame) if c.lower() not in LABEL_TIME_NAMES]
    named = [c for wanted in TIME_NAMES for c in moments if c.lower() == wanted]
    if named:
        return named[0], "it is a time and its name says so"
    if len(moments) == 1:
        return moments[0], "it is the only column of times"
    if moments:
        first = _earliest(frame, moments)
        if first is not None:
            return first, "no other time in its row is ever before it"
        raise InputError(
            "The time column cannot be inferred",
            found=f"{len(moments)} columns of times",
            expected="one, or --time COLUMN",
            hint=f"Candidates: {', '.join(moments)}. Use --time {moments[0]}.",
        )
    counters = [
        c
        for c in frame.columns
        if c.lower() in (*ORDER_NAMES, *TIME_NAMES) and _counts_up(frame[c])
    ]
    if counters:
        return counters[0], "there is no column of times, and it counts up; it is read as seconds"
    raise InputError(
        "The time column cannot be inferred",
        found=f"no column of times among {', '.join(frame.columns[:40])}",
        expected="a column of times, or a whole number that counts up",
        hint="Use --time COLUMN; store times as datetimes (ISO 8601 in a CSV file).",
    )


def label_time_of(frame: pl.DataFrame, time: str, label: str) -> tuple[str | None, str]:
    """Return the column with the time at which the label became known, if there is one, and why."""
    none = "no column says when a label became known"
    if not frame[time].dtype.is_temporal():
        return None, none
    others = [c for c in temporal(frame) if c not in (time, label) and _follows(frame, time, c)]
    named = [c for c in others if c.lower() in LABEL_TIME_NAMES]
    if named:
        return named[0], "its name says so, and it never lies before the time"
    if len(others) == 1 and not others[0].lower().startswith("local"):
        return others[0], "it is a second time that never lies before the first: please check"
    return None, none if not others else f"{', '.join(others)} could be it, but only you know"


def temporal(frame: pl.DataFrame) -> list[str]:
    """Return the columns that hold dates or times of day and date."""
    return [
        c for c, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime) or dtype == pl.Date
    ]


def _checked(frame: pl.DataFrame, column: str) -> str:
    if column not in frame.columns:
        raise InputError(
            "--time names a column that is not there",
            found=column,
            expected=f"one of {', '.join(frame.columns[:40])}",
        )
    dtype = frame[column].dtype
    if not (column in temporal(frame) or dtype.is_integer()):
        raise InputError(
            "--time names a column that is no time",
            found=f"{column} ({dtype})",
            expected="times, or whole numbers that count up",
            hint=f"Candidates: {', '.join(temporal(frame)) or 'none'}.",
        )
    return column


def _earliest(frame: pl.DataFrame, columns: list[str]) -> str | None:
    for column in columns:
        if all(_follows(frame, column, other) for other in columns if other != column):
            return column
    return None


def _follows(frame: pl.DataFrame, first: str, second: str) -> bool:
    """Whether `second` practically never lies before `first`, and not always on it."""
    gaps = (moments_of(frame[second]) - moments_of(frame[first])).drop_nulls().cast(pl.Int64)
    if gaps.is_empty():
        return False
    in_order = int((gaps >= 0).sum()) / len(gaps)
    return in_order >= _IN_ORDER and bool((gaps > 0).any())


def moments_of(column: pl.Series) -> pl.Series:
    """Return UTC times without a zone, so that zoned and plain ones can be compared."""
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us"))


def _counts_up(column: pl.Series) -> bool:
    return column.dtype.is_integer() and column.null_count() == 0 and column.is_sorted()
