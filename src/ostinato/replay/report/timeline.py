"""Long timelines brought down to what a screen can show.

A year of hourly ticks is 8,760 points a line; a chart shows some 400. All policies of one
comparison share one grid of equal time buckets, so that they can be subtracted from each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.units import DAY_NS, HOUR_NS, format_duration, format_time, from_datetime
from ostinato.replay.report.figures import number

Floats = NDArray[np.float64]

POINTS_MAX: Final = 400
"""Points per line. Smaller hides short canaries; larger makes big files and slow charts."""

_WIDTHS_NS: Final = tuple(
    [minutes * HOUR_NS // 60 for minutes in (1, 5, 15, 30)]
    + [hours * HOUR_NS for hours in (1, 2, 3, 6, 12)]
    + [days * DAY_NS for days in (1, 2, 7, 14, 28, 91, 364)]
)
"""Widths people have a word for; the narrowest that gives at most `POINTS_MAX` is taken."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal time buckets; bucket b covers `width_ns` from ``start_ns + b * width_ns`` on."""

    start_ns: int
    width_ns: int
    buckets: int

    @classmethod
    def over(cls, timelines: Sequence[Mapping[str, Any]]) -> Grid:
        """Return the grid that holds all ticks of all timelines."""
        moments = [
            m for timeline in timelines for m in (*timeline["time"][:1], *timeline["time"][-1:])
        ]
        if not moments:
            return cls(0, DAY_NS, 0)
        first, last = min(map(time_ns, moments)), max(map(time_ns, moments))
        span = last - first + 1
        fits = (w for w in _WIDTHS_NS if span // w + 2 <= POINTS_MAX)
        width = next(fits, -(-span // (POINTS_MAX - 2)))
        start = first - first % width
        return cls(start, width, (last - start) // width + 1)

    @property
    def width(self) -> str:
        """The bucket's width, as people say it."""
        return format_duration(self.width_ns)

    def times(self) -> list[str]:
        """Start of every bucket, ISO 8601."""
        return [format_time(self.start_ns + b * self.width_ns) for b in range(self.buckets)]

    def place(self, times: Sequence[str]) -> NDArray[np.int64]:
        """Return the bucket of every time."""
        moments = np.array([time_ns(text) for text in times], dtype=np.int64)
        return (moments - self.start_ns) // self.width_ns


def time_ns(text: str) -> int:
    """Read an ISO 8601 time."""
    return from_datetime(datetime.fromisoformat(text))


def condense(timeline: Mapping[str, Any], grid: Grid, metric: str) -> dict[str, list[Any]]:
    """Bring one timeline onto the grid.

    Parameters
    ----------
    timeline
        Columns of a replay document's timeline, one entry per tick.
    grid
        The grid of the page.
    metric
        Name of the column that holds the metric.

    Returns
    -------
    dict of list
        One entry per bucket, None where there is nothing: sums of `n` and `labelled`; the metric
        and its expected value and limit averaged over labelled rows; shares averaged over rows;
        the highest evidence (a mean would hide an alarm); the last champion and threshold.
    """
    place = grid.place(timeline["time"])
    n, labelled = (_column(timeline, name, place) for name in ("n", "labelled"))
    by_label = np.nan_to_num(labelled)
    condensed = {
        "n": _sum(n, place, grid),
        "labelled": _sum(labelled, place, grid),
        "metric": _mean(_column(timeline, metric, place), by_label, place, grid),
        "expected": _mean(_column(timeline, "expected", place), np.ones(len(place)), place, grid),
        "limit": _mean(_column(timeline, "limit", place), np.ones(len(place)), place, grid),
        "challenger": _mean(
            _column(timeline, "challenger_share", place), np.nan_to_num(n), place, grid
        ),
        "holdback": _mean(
            _column(timeline, "holdback_share", place), np.nan_to_num(n), place, grid
        ),
        "evidence": _highest(_column(timeline, "evidence", place), place, grid),
        "evidence_limit": _highest(_column(timeline, "evidence_limit", place), place, grid),
    }
    columns: dict[str, list[Any]] = {name: _plain(values) for name, values in condensed.items()}
    columns["champion"] = _last(timeline.get("champion", []), place, grid)
    return columns


def _column(timeline: Mapping[str, Any], name: str, place: NDArray[np.int64]) -> Floats:
    values = timeline.get(name)
    if values is None:
        return np.full(len(place), np.nan)
    return np.array([number(value) for value in values], dtype=np.float64)


def _sum(values: Floats, place: NDArray[np.int64], grid: Grid) -> Floats:
    sums: Floats = np.bincount(place, weights=np.nan_to_num(values), minlength=grid.buckets).astype(
        np.float64
    )
    return sums


def _mean(values: Floats, weights: Floats, place: NDArray[np.int64], grid: Grid) -> Floats:
    known = np.where(np.isfinite(values), weights, 0.0)
    total = _sum(np.where(known > 0, values, 0.0) * known, place, grid)
    mass = _sum(known, place, grid)
    return np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), np.nan)


def _highest(values: Floats, place: NDArray[np.int64], grid: Grid) -> Floats:
    top = np.full(grid.buckets, -np.inf)
    known = np.isfinite(values)
    np.maximum.at(top, place[known], values[known])
    return np.where(np.isfinite(top), top, np.nan)


def _last(values: Sequence[Any], place: NDArray[np.int64], grid: Grid) -> list[Any]:
    last: list[Any] = [None] * grid.buckets
    for bucket, value in zip(place.tolist(), values, strict=False):
        last[bucket] = value if value is not None else last[bucket]
    return last


def _plain(values: Floats) -> list[float | None]:
    """Six digits: enough for any screen, a third of the bytes."""
    return [float(f"{x:.6g}") if math.isfinite(x) else None for x in values.tolist()]
