"""What monitors measured in a run, and the alarms that came of it, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.ports import Entry
from ostinato.core.watched import WindowMeasured

MOST_LINES: Final = 40
"""Streams of which the written result has each window. More: a page that nobody can open; fewer:
alarms whose course is not seen."""

_UTC: Final = pl.Datetime("ns", "UTC")
_MEASURED: Final = ("value", "reference", "low", "high")
_ALARMS: Final[dict[str, Any]] = {
    "stream": pl.String,
    "family": pl.String,
    "severity": pl.String,
    "raised": _UTC,
    "resolved": _UTC,
    "since": _UTC,
    **dict.fromkeys(_MEASURED, pl.Float64),
    "evidence": pl.String,
}
_WINDOWS: Final[dict[str, Any]] = {
    "time": _UTC,
    "stream": pl.String,
    "family": pl.String,
    **dict.fromkeys((*_MEASURED, "floor", "log10_e"), pl.Float64),
}


def alarms_table(entries: Iterable[Entry]) -> pl.DataFrame:
    """Draw up a row per alarm of the journal, in the order in which they were raised.

    `stream, family, severity` (the highest it had), `raised, resolved` (null: it stands at the
    end), `since` (when it began), `value, reference`, `low` and `high` (of the difference between
    the two, at 95 %), `evidence` (JSON: all that it rests on).
    """
    rows: list[dict[str, Any]] = []
    standing: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.kind not in ("alarm_raised", "alarm_resolved"):
            continue
        body = json.loads(entry.body)
        stream = body["subject"]
        if entry.kind == "alarm_resolved":
            standing.pop(stream)["resolved"] = entry.ts_event_ns
        elif stream in standing:
            standing[stream]["severity"] = body["severity"]
        else:
            standing[stream] = _alarm(body, entry.ts_event_ns)
            rows.append(standing[stream])
    return pl.DataFrame(rows, schema=_ALARMS, orient="row")


def _alarm(body: dict[str, Any], raised_ns: int) -> dict[str, Any]:
    evidence = body["evidence"]
    return {
        "stream": body["subject"],
        "family": body["family"],
        "severity": body["severity"],
        "raised": raised_ns,
        "resolved": None,
        "since": body["since_ns"],
        **{name: float(evidence[name]) for name in _MEASURED},
        "evidence": json.dumps(evidence, sort_keys=True),
    }


@dataclass(slots=True)
class MeasuredWindows:
    """The long windows of all monitors, as they are told."""

    kept: list[WindowMeasured] = field(default_factory=list)

    def take(self, window: WindowMeasured) -> None:
        """Keep a window, if it is a long one."""
        if window.slow:
            self.kept.append(window)

    def table(self) -> pl.DataFrame:
        """Draw up a row per window and stream.

        `time` (when the window ended), `stream, family, value, reference`, `low` and `high` (of the
        difference between the two, at 95 %), `floor` (the difference that does not matter) and
        `log10_e` (evidence that the stream moved by more).
        """
        told = [each for each in self.kept if len(each)]
        if not told:
            return pl.DataFrame(schema=_WINDOWS)
        sizes = [len(each) for each in told]
        columns = {name: np.concatenate([getattr(w, name) for w in told]) for name in _FLOATS}
        return pl.DataFrame(
            {
                "time": np.repeat([each.to_ns for each in told], sizes),
                "stream": [name for each in told for name in each.streams],
                "family": np.repeat([each.family for each in told], sizes).tolist(),
                **columns,
                "log10_e": np.concatenate([each.log_e for each in told]) / np.log(10.0),
            },
            schema_overrides={"time": pl.Int64},
        ).with_columns(pl.col("time").cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"))


_FLOATS: Final = (*_MEASURED, "floor")


def told_monitors(
    monitors: pl.DataFrame, alarms: pl.DataFrame, *, quiet: int = 0
) -> dict[str, Any]:
    """Return what the written result has of the windows: little, however many there were.

    ``streams``: a row each with the number of `windows`, the last value and its reference, the
    largest difference (`most_apart`) with its time, and the highest evidence. ``lines``: each
    window of the first `MOST_LINES` streams that alarmed and of so many `quiet` ones, those that
    moved most.
    """
    apart = pl.col("value") - pl.col("reference")
    by_stream = monitors.group_by("stream", maintain_order=True)
    streams = by_stream.agg(
        pl.col("family").first(),
        pl.len().alias("windows"),
        pl.col("time").last().alias("last"),
        pl.col("value", "reference", "floor").last(),
        apart.get(apart.abs().arg_max()).alias("most_apart"),
        pl.col("time").get(apart.abs().arg_max()).alias("most_apart_at"),
        pl.col("log10_e").max(),
    )
    alarmed = list(dict.fromkeys(alarms["stream"].to_list()))[:MOST_LINES]
    others = streams.filter(~pl.col("stream").is_in(alarmed))
    moved = others.sort(
        pl.col("most_apart").abs() / pl.col("floor"), descending=True, nulls_last=True
    )
    return {
        "streams": texts(streams, ("last", "most_apart_at")).to_dicts(),
        "lines": {
            name: texts(monitors.filter(pl.col("stream") == name), ("time",))
            .drop("stream", "family")
            .to_dict(as_series=False)
            for name in [*alarmed, *moved["stream"][:quiet].to_list()]
        },
    }


def told_alarms(alarms: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the alarms as JSON types."""
    rows = texts(alarms, ("raised", "resolved", "since")).to_dicts()
    return [{**row, "evidence": json.loads(row["evidence"])} for row in rows]


def texts(table: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Write times as text."""
    return table.with_columns(pl.col(*columns).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
