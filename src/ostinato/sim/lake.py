"""Rows as the training sees them: rebuilt from the event log, as of any tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Codes, Floats, Ints, LabelsArrived, Record, RequestsArrived
from ostinato.sim.traffic import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Rows in the order they were served, each with the label that held at some tick (NaN: none).

    The place of a row is its offset; `first` is False where a request came a second time.
    """

    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    features: Floats
    labels: Floats
    label_times_ns: Ints
    first: NDArray[np.bool_]


@dataclass(slots=True)
class Lake:
    """All requests and labels told so far, after the history that was there at the start."""

    history: Rows
    history_labels: Floats
    classes: int
    requests: list[tuple[int, RequestsArrived]] = field(default_factory=list)
    labels: list[tuple[int, LabelsArrived]] = field(default_factory=list)

    def take(self, tick: int, batch: Sequence[Record]) -> None:
        """Keep the requests and labels of a tick."""
        for record in batch:
            if isinstance(record, RequestsArrived):
                self.requests.append((tick, record))
            elif isinstance(record, LabelsArrived):
                self.labels.append((tick, record))

    def as_of(self, tick: int) -> Known:
        """Return what was known at the end of a tick, whenever it is asked."""
        told = [record for told_at, record in self.requests if told_at <= tick]
        ids = self.history.ids.tolist()
        for record in told:
            ids.extend(record.ids.tolist())
        places: dict[Any, int] = {}
        first = np.array([places.setdefault(key, at) == at for at, key in enumerate(ids)])
        labels, times = self._labels(tick, places, len(ids))
        return Known(
            times_ns=np.concatenate([self.history.times_ns, *(r.times_ns for r in told)]),
            unit_hashes=np.concatenate([self.history.unit_hashes, *(r.unit_hashes for r in told)]),
            groups=np.concatenate([self.history.groups, *(r.groups for r in told)]),
            features=np.concatenate([self.history.features, *(r.payload for r in told)]),
            labels=labels,
            label_times_ns=times,
            first=first,
        )

    def _labels(self, tick: int, places: dict[Any, int], count: int) -> tuple[Floats, Ints]:
        """Of the labels of a row the one with the latest time holds, of equal ones the last."""
        labels = np.full(count, np.nan)
        times = np.full(count, np.iinfo(np.int64).min, dtype=np.int64)
        before = len(self.history)
        labels[:before], times[:before] = self.history_labels, self.history.times_ns
        for told_at, record in self.labels:
            if told_at > tick:
                break
            for key, value, time_ns in zip(
                record.ids.tolist(), record.values.tolist(), record.times_ns.tolist(), strict=True
            ):
                at = places.get(key, -1)
                if at >= 0 and time_ns >= times[at] and self._usable(value):
                    labels[at], times[at] = value, time_ns
        return labels, times

    def _usable(self, value: float) -> bool:
        if np.isnan(value):
            return True
        if self.classes == 0:
            return bool(np.isfinite(value))
        return value in range(self.classes)
