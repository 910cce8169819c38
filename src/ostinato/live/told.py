"""History as the requests, labels and events that clients would have sent, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ostinato.core.records import Ints
from ostinato.features.plan import FeaturePlan
from ostinato.features.sources import Labels, Requests
from ostinato.live.schema import DTYPES, InputSchema
from ostinato.live.told_events import ToldEvents, tell_events
from ostinato.loop.loop import Loop
from ostinato.replay.history import NEVER, History
from ostinato.replay.labels import label_times
from ostinato.replay.outcomes import OutcomeColumn
from ostinato.stores.times import as_ns


@dataclass(slots=True)
class Told:
    """What is to be told of a history, and how far it has been.

    Build it with `tell`. Rows and labels come in the order in which a replay tells them; where
    features are made of labels, those of a tick have to be told before its rows (`labels_first`).
    `apart_ns`: per row the time after which no other row may be in one request with it, since it
    would see what becomes of this one.
    """

    history: History
    rows: pl.DataFrame
    raw_labels: pl.Series
    label_rows: Ints
    label_moments: Ints
    events: ToldEvents
    labels_first: bool
    apart_ns: Ints
    next_row: int
    next_label: int = 0
    next_outcome: dict[str, int] = field(default_factory=dict)
    _ids: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self._ids = self.history.ids.tolist()

    def requests(self, stop: int, *, at_most: int) -> list[tuple[int, bytes]]:
        """Return bodies for ``/predict`` with the rows up to one, and the first row of each."""
        bodies = []
        while self.next_row < stop:
            start = self.next_row
            self.next_row = self._together(start, min(start + at_most, stop))
            bodies.append((start, self._request(start, self.next_row)))
        return bodies

    def _together(self, start: int, stop: int) -> int:
        """Return up to where rows can be in one request."""
        times, apart = self.history.times_ns, self.apart_ns
        until = np.minimum.accumulate(apart[start : stop - 1])
        parting = np.flatnonzero(times[start + 1 : stop] > until)
        return start + 1 + int(parting[0]) if len(parting) else stop

    def labels(self, now_ns: int, *, stop: int | None = None, at_most: int = 1_000) -> list[bytes]:
        """Return bodies for ``/labels`` with what has become known.

        Parameters
        ----------
        now_ns
            Of the tick.
        stop
            The first row that is told in a later tick; None: all that were told are.
        at_most
            Labels in one body.
        """
        moments, told = self.label_moments, self.next_row if stop is None else stop
        before, last = np.searchsorted(moments, [now_ns, now_ns + 1]).tolist()
        # As in a replay: a label of this very moment waits when its request does.
        last = before + int(np.searchsorted(self.label_rows[before:last], told))
        starts = range(self.next_label, last, at_most)
        bodies = [self._labels(start, min(start + at_most, last)) for start in starts]
        self.next_label = max(self.next_label, last)
        return bodies

    def outcomes(self, now_ns: int, *, at_most: int = 1_000) -> list[bytes]:
        """Return bodies for ``/outcomes`` with what has become known; one after the other."""
        bodies = []
        for each in self.history.outcomes:
            start = self.next_outcome.get(each.name, 0)
            stop = self.next_outcome[each.name] = each.stop(start, now_ns, self.next_row)
            parts = range(start, stop, at_most)
            bodies += [self._outcomes(each, low, min(low + at_most, stop)) for low in parts]
        return bodies

    def _outcomes(self, told: OutcomeColumn, start: int, stop: int) -> bytes:
        moments, values = told.times_ns[start:stop].tolist(), told.values[start:stop].tolist()
        outcomes = [
            {"name": told.name, "prediction_id": self._ids[row], "value": value, "time": moment}
            for row, value, moment in zip(
                told.rows[start:stop].tolist(), values, moments, strict=True
            )
        ]
        return msgspec.json.encode({"outcomes": outcomes})

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
    plan = loop.feature_plan
    labels_first = any(isinstance(each, Labels) for each in plan.sources.values())
    # That a label stays away is no event of `labels()`; the join knows what it means by itself.
    known_ns = label_times(loop, ordered, history.times_ns) if labels_first else None
    arriving = served[(history.label_times_ns if known_ns is None else known_ns)[served] != NEVER]
    by_time = arriving[np.argsort(history.label_times_ns[arriving], kind="stable")]
    return Told(
        history=history,
        rows=ordered.select(pl.col(each.name).cast(DTYPES[each.kind]) for each in schema.inputs),
        raw_labels=ordered[loop.label.column],
        label_rows=by_time,
        label_moments=history.label_times_ns[by_time],
        events=tell_events(plan, schema, history.events),
        labels_first=labels_first,
        apart_ns=_apart_ns(plan, history),
        next_row=history.first,
    )


def _apart_ns(plan: FeaturePlan, history: History) -> Ints:
    """Return after which time rows see what becomes of a row: its label, or that it was asked."""
    found = np.full(len(history), NEVER)
    for source in plan.sources.values():
        if isinstance(source, Labels):
            found = np.minimum(found, history.label_times_ns)
        elif isinstance(source, Requests):
            found = np.minimum(found, history.times_ns)
    return found
