"""The windowed features of many requests at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.records import Floats, Ints
from ostinato.features.asof.groups import Groups, group
from ostinato.features.asof.sweep import Sweep
from ostinato.features.keys import key_hashes
from ostinato.features.kinds import Kind, kind_of
from ostinato.features.plan import FeaturePlan, Output, Tally
from ostinato.features.prepare import EventBatch, Prepared, prepare


def as_of(
    plan: FeaturePlan,
    requests: pl.DataFrame,
    times_ns: Ints,
    events: Mapping[str, EventBatch],
    *,
    workers: int | None = None,
) -> pl.DataFrame:
    """Compute the windowed features of requests, each from what was available at its time.

    Equal to the bit to what the online store answers at the same times. No request sees an event
    that became known after it. Time and memory grow with the rows; history is sorted by key and
    passed through once per window.

    Parameters
    ----------
    plan
        The features.
    requests
        n rows, in any order, with the columns of the keys.
    times_ns
        (n,) time of each request.
    events
        Events by source, in the order in which they came. A source that is not there has none.
    workers
        Threads; None: one per processor.

    Returns
    -------
    DataFrame
        n rows; a Float64 column per windowed feature, in the plan's order, null where it is missing
        and has no default.

    Raises
    ------
    ConfigError
        If `events` has a source that no feature reads, or Numba is not installed.
    DataError
        If requests or events lack a column, or hold values that cannot be used.
    """
    times_ns = np.ascontiguousarray(times_ns, dtype=np.int64)
    _check(plan, requests, times_ns, events)
    threads = _threads(workers)
    by_time = np.argsort(times_ns, kind="stable")
    columns: dict[int, pl.Series] = {}
    for tally in plan.tallies:
        hashes, there = key_hashes(requests, [mine for mine, _ in tally.by])
        prepared = _prepared(tally, events.get(tally.source.name))
        groups = group(prepared, hashes, there, times_ns, by_time, threads)
        for output, found in _sweep(tally, groups, prepared, threads).results():
            columns[output.feature] = _series(output, found, groups.requests, len(requests))
    return pl.DataFrame([columns[place] for place in range(len(plan.windowed))])


def _check(
    plan: FeaturePlan, requests: pl.DataFrame, times_ns: Ints, events: Mapping[str, EventBatch]
) -> None:
    unknown = [name for name in events if name not in plan.sources]
    if unknown:
        raise ConfigError(
            f"No feature reads the source {unknown[0]!r}",
            found=", ".join(unknown),
            expected=", ".join(plan.sources) or "no source at all",
        )
    needed = dict.fromkeys(mine for tally in plan.tallies for mine, _ in tally.by)
    lacking = [column for column in needed if column not in requests.columns]
    if lacking:
        raise DataError(
            f"Requests lack columns: {', '.join(lacking)}",
            found=", ".join(requests.columns) or "no columns",
            expected=", ".join(needed),
        )
    if times_ns.shape != (requests.height,):
        raise DataError(
            "Requests and their times do not fit",
            found=f"{requests.height} rows, times of shape {times_ns.shape}",
            expected="a time for each row",
        )
    for tally in plan.tallies:
        batch = events.get(tally.source.name)
        if batch is not None:
            _check_keys(tally, requests, batch.frame)


def _check_keys(tally: Tally, requests: pl.DataFrame, events: pl.DataFrame) -> None:
    """Refuse keys that never meet: every feature would be that of no events, and nothing said."""
    for mine, theirs in tally.by:
        if theirs not in events.columns:
            continue  # told with all columns that lack, when the events are prepared
        asked, happened = kind_of(requests[mine]), kind_of(events[theirs])
        if None in {asked, happened} or _MEET[asked] == _MEET[happened]:
            continue
        raise DataError(
            f"Requests and events of the source {tally.source.name!r} have keys of other kinds",
            found=f"{mine} of requests is {asked} ({requests[mine].drop_nulls()[0]!r}), "
            f"{theirs} of events is {happened} ({events[theirs].drop_nulls()[0]!r})",
            expected="the same kind in both: the text '7' is not the number 7",
            hint="Turn one of the two columns into what the other holds.",
        )


_MEET: Final[dict[Kind, str]] = {
    "number": "numbers",
    "integer": "numbers",
    "boolean": "truth values",
    "text": "texts",
}


def _threads(workers: int | None) -> int:
    if workers is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    if workers < 1:
        raise ConfigError("as_of(workers=...) is out of range", found=workers, expected="1 or more")
    return workers


def _prepared(tally: Tally, batch: EventBatch | None) -> Prepared:
    if batch is not None and len(batch):
        return prepare(tally, batch)
    none = np.empty(0, dtype=np.int64)
    return Prepared(
        keys=none.astype(np.uint64),
        times_ns=none,
        avail_ns=none,
        values=np.empty((0, len(tally.values))),
        hashes=np.empty((0, len(tally.distincts)), dtype=np.uint64),
        has=np.empty((0, len(tally.distincts)), dtype=np.bool_),
    )


def _sweep(tally: Tally, groups: Groups, prepared: Prepared, workers: int) -> Sweep:
    return Sweep(
        tally=tally,
        groups=groups,
        values=np.take(prepared.values, groups.events, axis=0),
        hashes=np.take(prepared.hashes, groups.events, axis=0),
        has=np.take(prepared.has, groups.events, axis=0),
        workers=workers,
    )


def _series(output: Output, found: Floats, requests: Ints, count: int) -> pl.Series:
    """Put results into the order of the requests; those without a key have none."""
    values = np.full(count, np.nan)
    values[requests] = found
    series = pl.Series(output.name, values, dtype=pl.Float64).fill_nan(None)
    return series if output.default is None else series.fill_null(output.default)
