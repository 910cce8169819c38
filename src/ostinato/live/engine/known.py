"""What was known at a tick, as a history a training can run over.

Rows before the start, then the requests in the order they were folded: row i is the place i, as in
a replay. Of each label the one with the latest time counts, and none that was told after the tick.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints, LabelsArrived, RequestsAnswered
from ostinato.replay.history import NEVER, History


@dataclass(slots=True)
class Told:
    """Requests and labels as they were told, tick by tick."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    requests: list[RequestsAnswered] = field(default_factory=list)
    labels: list[LabelsArrived] = field(default_factory=list)


def history_at(history: History, told: Told) -> History:
    """Put the rows before the start and what was told since together.

    Parameters
    ----------
    history
        The rows before the start.
    told
        Everything up to the tick, in order; frames have the features of the requests.
    """
    times = _joined([each.times_ns for each in told.requests], np.int64)
    ids = _ids([history.ids, *(each.ids for each in told.requests)])
    labels = np.concatenate([history.labels, np.full(len(times), np.nan)])
    known = np.concatenate([history.label_times_ns, np.full(len(times), NEVER)])
    write_labels(ids, labels, known, told.labels)
    groups = [history.groups, *(each.groups for each in told.requests)]
    hashes = [each.unit_hashes for each in told.requests]
    golden = np.concatenate([history.golden, np.zeros(len(times), dtype=np.bool_)])
    return replace(
        history,
        frame=_frame(history.frame, [frame.select(history.frame.columns) for frame in told.frames]),
        times_ns=np.concatenate([history.times_ns, times]),
        ids=ids,
        unit_hashes=np.concatenate([history.unit_hashes, _joined(hashes, np.uint64)]),
        labels=labels,
        label_times_ns=known,
        groups=np.concatenate(groups),
        golden=golden,
    )


def write_labels(
    ids: NDArray[Any], labels: Floats, known: Ints, told: Iterable[LabelsArrived]
) -> None:
    """Write labels to the rows of their ids, in place; one with an earlier time changes nothing.

    A withdrawn label, and one that can never be used, are as if none had come.
    """
    # Of doubled ids the first row counts, as in the join.
    rows = {key: row for row, key in reversed(list(enumerate(ids.tolist())))}
    latest = np.where(known == NEVER, np.iinfo(np.int64).min, known)
    for each in told:
        keys, times, values = each.ids.tolist(), each.times_ns.tolist(), each.values.tolist()
        for key, time_ns, value in zip(keys, times, values, strict=True):
            row = rows.get(key)
            if row is None or time_ns < latest[row]:
                continue
            latest[row] = time_ns
            usable = np.isfinite(value)
            labels[row], known[row] = (value, time_ns) if usable else (np.nan, NEVER)


def _frame(history: pl.DataFrame, served: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Join features in the types they had in the history, wider ones where values need it."""
    typed = [_in_types_of(history, frame) for frame in served]
    return pl.concat([history, *typed], how="vertical_relaxed").rechunk()


def _in_types_of(history: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        _in_type(frame[name], dtype) for name, dtype in history.schema.items()
    )


def _in_type(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    if column.dtype == dtype:
        return column
    try:
        cast = column.cast(dtype)
    except pl.exceptions.InvalidOperationError:
        return column
    same = cast.cast(column.dtype).eq_missing(column).all()
    return cast if same else column


def _ids(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if all(part.dtype.kind in "iu" for part in parts):
        return np.concatenate(parts)
    return np.concatenate([part.astype(object) for part in parts])


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
