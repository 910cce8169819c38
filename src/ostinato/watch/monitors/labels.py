"""Label drift, and labels that do not come as they did: by the predictions that have matured.

In: matured rows. Out: shares of the classes (cells of the target), of rows whose label nobody told,
of delays, of labels that came when they cannot have come. State kept: counts of open windows, and
of the long windows of the past. What goes wrong with labels shows here and in `arrivals` under the
name of the label: a model that got worse shows in its loss while these streams stay still.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ostinato.core.records import Floats, Record, RowsMatured
from ostinato.watch.answers import WaitingRows, windows_of
from ostinato.watch.label_cells import NO_LABEL
from ostinato.watch.label_history import LabelHistory
from ostinato.watch.monitor import MATURED
from ostinato.watch.past import Past
from ostinato.watch.reading import Reading, Readings, Stream


@dataclass(slots=True)
class LabelState:
    """Counts by start of window; `past` has those of the long windows that are over or begun."""

    waiting: WaitingRows = field(default_factory=WaitingRows)
    open: dict[int, Floats] = field(default_factory=dict)
    past: Past = field(default_factory=Past)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDrift:
    """Watches the labels of matured predictions.

    Parameters
    ----------
    label
        Name of the label, for the streams.
    history
        How labels are counted, and those before the start.
    floor
        Difference of a share of classes, delays or missing labels that does not matter.
    impossible_floor
        The same for labels that came when they cannot have come.
    fast_ns, slow_ns
        Lengths of the windows.
    """

    label: str
    history: LabelHistory
    floor: float = 0.05
    impossible_floor: float = 0.01
    fast_ns: int
    slow_ns: int

    family: ClassVar[str] = "label"
    name: ClassVar[str] = "labels"
    clock: ClassVar[str] = MATURED
    wants: ClassVar[frozenset[str]] = frozenset(
        {"rows_matured", "training_requested", "candidate_trained"}
    )

    def begin(self) -> LabelState:
        """Begin with the labels of the history."""
        history = self.history
        past = Past(starts_ns=list(history.starts_ns), counts=list(history.counts))
        return LabelState(past=past)

    def take(self, state: LabelState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - the signature of a monitor
        """Keep matured rows to be counted; revisions are the matter of `arrivals`."""
        if not isinstance(record, RowsMatured):
            state.past.learn(record)
        elif not record.revision and state.waiting.add(
            record.times_ns, record.label_times_ns, record.labels
        ):
            self._count(state)

    def read(self, state: LabelState, from_ns: int, to_ns: int) -> Readings:
        """Read the streams of the labels of a window."""
        self._count(state)
        over = [start for start in state.open if start < to_ns]
        if not over:
            nothing = ((f"{self.family}/{self.label}", "no prediction of the window matured"),)
            return Readings(from_ns=from_ns, to_ns=to_ns, unmeasured=nothing)
        counts: Floats = np.sum([state.open.pop(start) for start in over], axis=0)
        state.past.add(from_ns // self.slow_ns * self.slow_ns, counts)
        found = self._readings(counts)
        unmeasured: list[tuple[str, str]] = []
        if not self.history.cells.told(counts):
            unmeasured.append((self._stream("delay").name, "no label of the window came"))
        if not self.history.cells.target(counts).sum():
            unmeasured.append((self._stream().name, "no prediction of the window has a label"))
        return Readings(from_ns=from_ns, to_ns=to_ns, found=found, unmeasured=tuple(unmeasured))

    def renew(self, state: LabelState, champion: str) -> tuple[Readings, ...] | None:
        """Compare with the labels that the champion learned from, if these windows are kept."""
        windows = state.past.reference(champion, self.slow_ns)
        if windows is None:
            return None
        return tuple(
            Readings(from_ns=start, to_ns=start + self.slow_ns, found=self._readings(counts))
            for start, counts in windows
        )

    def describe(
        self,
        state: LabelState,
        from_ns: int,
        to_ns: int,  # noqa: ARG002 - the signature of a monitor
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return shares of the long window, and what is odd about it."""
        counts, cells = state.past.of(from_ns), self.history.cells
        if counts is None:
            return {}
        rows, target = float(counts[0]), cells.target(counts)
        facts: dict[str, float | str] = {"rows": rows, "labelled": float(target.sum())}
        only = cells.only_class(counts)
        if only is not None:
            facts["note"] = f"all labels are of class {only}"
        if counts[1]:
            facts["unknown"] = float(counts[1])
        return {self._stream().name: facts}

    def _count(self, state: LabelState) -> None:
        waiting = state.waiting.drain()
        if not waiting:
            return
        times_ns, label_times_ns, labels = waiting
        starts, windows = windows_of(times_ns, self.fast_ns)
        delays = np.where(label_times_ns == NO_LABEL, NO_LABEL, label_times_ns - times_ns)
        counted = self.history.cells.count(labels, delays, windows, len(starts))
        for start, counts in zip(starts, counted, strict=True):
            earlier = state.open.get(start)
            state.open[start] = counts.copy() if earlier is None else earlier + counts

    def _readings(self, counts: Floats) -> tuple[Reading, ...]:
        cells = self.history.cells
        return (
            *cells.of_target(self._stream(), counts, self.floor),
            cells.missing(self.label, counts, self.floor),
            *cells.of_delays(
                self.label, counts, floor=self.floor, impossible=self.impossible_floor
            ),
        )

    def _stream(self, measure: str = "") -> Stream:
        return Stream(family=self.family, subject=self.label, measure=measure)
