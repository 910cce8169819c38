"""History as the requests and labels that clients would have sent, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ostinato.core.records import Ints
from ostinato.live.schema import DTYPES, InputSchema
from ostinato.loop.loop import Loop
from ostinato.replay.history import NEVER, History
from ostinato.stores.times import as_ns


@dataclass(slots=True)
class Told:
    """What is to be told of a history, and how far it has been.

    Build it with `tell`. Rows and labels come in the order in which a replay tells them.
    """

    history: History
    rows: pl.DataFrame
    raw_labels: pl.Series
    label_rows: Ints
    label_moments: Ints
    next_row: int
    next_label: int = 0
    _ids: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self._ids = self.history.ids.tolist()

    def requests(self, stop: int, *, at_most: int) -> list[bytes]:
        """Return bodies for ``/predict`` with the rows up to one, some rows in each."""
        starts = range(self.next_row, stop, at_most)
        bodies = [self._request(start, min(start + at_most, stop)) for start in starts]
        self.next_row = max(self.next_row, stop)
        return bodies

    def labels(self, now_ns: int, *, at_most: int = 1_000) -> list[bytes]:
        """Return bodies for ``/labels`` with what has become known of requests that were told."""
        moments = self.label_moments
        before, stop = np.searchsorted(moments, [now_ns, now_ns + 1]).tolist()
        # As in a replay: a label of this very moment waits when its request does.
        stop = before + int(np.searchsorted(self.label_rows[before:stop], self.next_row))
        starts = range(self.next_label, stop, at_most)
        bodies = [self._labels(start, min(start + at_most, stop)) for start in starts]
        self.next_label = max(self.next_label, stop)
        return bodies

    def _request(self, start: int, stop: int) -> bytes:
        return msgspec.json.encode(
            {
                "inputs": self.rows[start:stop].to_dicts(),  # NaN becomes null: missing
                "prediction_id": self._ids[start:stop],
                "time": self.history.times_ns[start:stop].tolist(),
            }
        )

    def _labels(self, start: int, stop: int) -> bytes:
        moments = self.label_moments[start:stop].tolist()
        rows = self.label_rows[start:stop].tolist()
        labels = [
            {"prediction_id": self._ids[row], "label": self._value(row), "time": moment}
            for row, moment in zip(rows, moments, strict=True)
        ]
        return msgspec.json.encode({"labels": labels})

    def _value(self, row: int) -> Any:
        history = self.history
        value = float(history.labels[row])
        if not history.classes:
            return value
        place = int(value)
        known = place < len(history.classes)
        return history.classes[place] if known else self.raw_labels[row]


def tell(loop: Loop, table: pl.DataFrame, history: History, schema: InputSchema) -> Told:
    """Prepare a history to be told to a service.

    Parameters
    ----------
    loop
        The declaration.
    table
        The data with all columns, in any order.
    history
        The same, made ready.
    schema
        What the service takes.
    """
    order = np.argsort(as_ns(table[loop.time], name="time"), kind="stable")[: len(history)]
    ordered = table[order]
    served = np.arange(history.first, len(history))
    arriving = served[history.label_times_ns[served] != NEVER]
    by_time = arriving[np.argsort(history.label_times_ns[arriving], kind="stable")]
    return Told(
        history=history,
        rows=ordered.select(pl.col(each.name).cast(DTYPES[each.kind]) for each in schema.inputs),
        raw_labels=ordered[loop.label.column],
        label_rows=by_time,
        label_moments=history.label_times_ns[by_time],
        next_row=history.first,
    )
