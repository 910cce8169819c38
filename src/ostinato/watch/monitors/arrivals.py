"""The label pipeline, by the time labels come: a break shows at once, not when it is overdue.

In: labels as they arrive, answers (how many there are), and labels that matured rows got anew. Out:
labels per prediction, how those that come are spread, and shares of labels that are withdrawn, of
no known class, that contradict another one, that come too late, or that all say the same. State
kept: counts of open windows, and of the long windows of the past.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from ostinato.core.records import (
    Floats,
    LabelsArrived,
    PredictionsMade,
    Record,
    RowsMatured,
)
from ostinato.watch.answers import WaitingRows, windows_of
from ostinato.watch.label_cells import NO_LABEL, only_cell
from ostinato.watch.label_history import LabelHistory
from ostinato.watch.monitor import NOW
from ostinato.watch.past import Past
from ostinato.watch.reading import Level, Reading, Readings, Shares, Stream, two_cells

ODD: Final = ("withdrawn", "unknown class", "conflicts", "too late")
"""What can be wrong with a label that comes: it takes one back; it is of no known class; it says
otherwise than another one that came with it, or than the one that its matured row had; it is for a
row that matured without one."""

ONE_VALUE: Final = "one value"
"""Measure: all labels that came in a window if they all say the same, else none."""

_FEWEST: Final = 20
"""Labels of a window from which on it says something that they are all alike. Fewer: rare classes
are absent by chance in most windows, and the stream learns to expect it; more: a broken source of
few labels is seen later."""

_MIXED: Final = 30
"""Short windows that all had labels of several kinds, from which on one with a single kind counts:
labels may well come class by class. Fewer: chance decides; more: until then a break is seen only
when the long window is over."""

_BY_CHANCE: Final = math.log(1e-9)  # log chance of labels all alike, below which it is none

_ASKED, _LABELS, _ODD, _CELLS = 0, 1, 2, 2 + len(ODD)  # places in the counts

_RATE_FLOOR: Final = 0.25
"""Relative change of the labels per prediction that does not matter. Smaller: traffic that grows
while labels are late looks like a break; larger: a source that falls silent is seen later."""


@dataclass(slots=True)
class ArrivalState:
    """Counts by start of window: predictions, labels, the odd ones, labels per cell.

    `begun_ns` is the time of the first prediction: of those before the start no label is told.
    `mixed`: short windows whose labels were of several kinds, up to `_MIXED`; -1 once one had a
    single kind before that. `alike` labels of cell `only` have come in a row of such windows.
    """

    begun_ns: int | None = None
    mixed: int = 0
    alike: float = 0.0
    only: int = -1
    asked: WaitingRows = field(default_factory=WaitingRows)
    labels: WaitingRows = field(default_factory=WaitingRows)
    open: dict[int, Floats] = field(default_factory=dict)
    past: Past = field(default_factory=Past)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelArrivals:
    """Watches labels as they arrive.

    Parameters
    ----------
    label
        Name of the label, for the streams.
    history
        How labels are counted, and those before the start.
    floor
        Difference of a share of the labels' cells that does not matter.
    odd_floor
        The same for labels that cannot be right.
    fast_ns, slow_ns
        Lengths of the windows.
    """

    label: str
    history: LabelHistory
    floor: float = 0.05
    odd_floor: float = 0.01
    fast_ns: int
    slow_ns: int

    family: ClassVar[str] = "label"
    name: ClassVar[str] = "arrivals"
    clock: ClassVar[str] = NOW
    wants: ClassVar[frozenset[str]] = frozenset(
        {
            "labels_arrived",
            "predictions_made",
            "rows_matured",
            "training_requested",
            "candidate_trained",
        }
    )

    def begin(self) -> ArrivalState:
        """Begin with the labels of the history."""
        state, history = ArrivalState(), self.history
        for start, asked, cells in zip(
            history.arrived_ns, history.asked, history.arrived, strict=True
        ):
            head = np.zeros(_CELLS)
            head[_ASKED], head[_LABELS] = asked, cells.sum()
            state.past.add(start, np.concatenate([head, cells]))
        return state

    def take(self, state: ArrivalState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - the signature of a monitor
        """Keep what came to be counted."""
        match record:
            case PredictionsMade():
                if state.begun_ns is None and len(record.times_ns):
                    state.begun_ns = int(record.times_ns[0])
                full = state.asked.add(record.times_ns)
            case LabelsArrived():
                full = state.labels.add(record.times_ns, record.values)
                if len(record):
                    hits = _contradictions(record)
                    self._mark(state, int(record.times_ns[-1]), "conflicts", hits)
            case RowsMatured():
                full = False
                if record.revision:
                    self._take_revision(state, record)
            case _:
                full = False
                state.past.learn(record)
        if full:
            self._count(state)

    def read(self, state: ArrivalState, from_ns: int, to_ns: int) -> Readings:
        """Read the streams of the labels that came in a window."""
        self._count(state)
        over = [start for start in state.open if start < to_ns]
        if not over:
            why = "neither was a prediction made in the window nor did a label come"
            nothing = ((self._stream("per prediction").name, why),)
            return Readings(from_ns=from_ns, to_ns=to_ns, unmeasured=nothing)
        counts: Floats = np.sum([state.open.pop(start) for start in over], axis=0)
        if not self._is_steady(state, from_ns):
            return self._ramp(counts, from_ns, to_ns)
        state.past.add(from_ns // self.slow_ns * self.slow_ns, counts)
        unmeasured: list[tuple[str, str]] = []
        if not counts[_ASKED]:
            why = "no prediction was made in the window"
            unmeasured.append((self._stream("per prediction").name, why))
        if not counts[_LABELS]:
            unmeasured.append((self._stream("arrived").name, "no label came in the window"))
        found = self._readings(counts)
        if state.mixed == _MIXED:
            found += self._alike_now(state, counts)
        else:
            state.mixed = _still_mixed(state.mixed, counts[_CELLS:])
            if to_ns % self.slow_ns == 0:
                found += self._alike(state.past.of(to_ns - self.slow_ns))
        return Readings(
            from_ns=from_ns,
            to_ns=to_ns,
            found=found,
            unmeasured=tuple(unmeasured),
        )

    def renew(self, state: ArrivalState, champion: str) -> tuple[Readings, ...] | None:
        """Compare with the time that the champion was trained on, if its windows are kept."""
        windows = state.past.reference(champion, self.slow_ns)
        if windows is None:
            return None
        return tuple(
            Readings(
                from_ns=start,
                to_ns=start + self.slow_ns,
                found=self._readings(counts) + self._alike(counts),
            )
            for start, counts in windows
        )

    def describe(
        self,
        state: ArrivalState,
        from_ns: int,
        to_ns: int,  # noqa: ARG002 - the signature of a monitor
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return how many labels came in the long window, and what is odd about them."""
        counts = state.past.of(from_ns)
        if counts is None:
            return {}
        facts: dict[str, float | str] = {
            "predictions": float(counts[_ASKED]),
            "labels": float(counts[_LABELS]),
        }
        only = only_cell(counts[_CELLS:]) if self.history.cells.classes else None
        if only is not None:
            facts["note"] = f"all labels are of class {only}"
        return {self._stream("arrived").name: facts}

    # -- counting

    def _count(self, state: ArrivalState) -> None:
        for times_ns in state.asked.drain():
            starts, windows = windows_of(times_ns, self.fast_ns)
            for start, made in zip(starts, np.bincount(windows).tolist(), strict=True):
                self._of(state, start)[_ASKED] += made
        labels = state.labels.drain()
        if not labels:
            return
        times_ns, values = labels
        starts, windows = windows_of(times_ns, self.fast_ns)
        delays = np.full(len(values), NO_LABEL)
        cells = self.history.cells
        counted = cells.count(values, delays, windows, len(starts))
        withdrawn = np.bincount(windows[np.isnan(values)], minlength=len(starts))
        for start, counts, gone in zip(starts, counted, withdrawn.tolist(), strict=True):
            of_window = self._of(state, start)
            of_window[_LABELS] += counts[0]
            of_window[_ODD + ODD.index("withdrawn")] += gone
            of_window[_ODD + ODD.index("unknown class")] += counts[1]
            of_window[_CELLS:] += cells.target(counts)

    def _of(self, state: ArrivalState, start_ns: int) -> Floats:
        counts = state.open.get(start_ns)
        if counts is None:
            counts = state.open[start_ns] = np.zeros(_CELLS + self.history.cells.cells)
        return counts

    def _mark(self, state: ArrivalState, at_ns: int, what: str, rows: int) -> None:
        if rows:
            self._of(state, at_ns // self.fast_ns * self.fast_ns)[_ODD + ODD.index(what)] += rows

    def _take_revision(self, state: ArrivalState, rows: RowsMatured) -> None:
        """Count labels of matured rows that came anew: which flip, which come too late."""
        old, new = rows.labels[rows.signs < 0], rows.labels[rows.signs > 0]
        delays = (rows.label_times_ns - rows.times_ns)[rows.signs > 0]
        cells = self.history.cells
        late = np.isnan(old) & ~np.isnan(new)
        if cells.negative:  # an overdue label meant no until it came
            late |= delays >= max(cells.horizon_ns, 1)
        flipped = ~late & ~np.isnan(old) & ~np.isnan(new) & (old != new)
        self._mark(state, rows.ts_event_ns, "too late", int(late.sum()))
        self._mark(state, rows.ts_event_ns, "conflicts", int(flipped.sum()))

    # -- readings

    def _is_steady(self, state: ArrivalState, from_ns: int) -> bool:
        """Say whether all labels that come in a window can be of predictions since the start."""
        return (
            state.begun_ns is not None and from_ns >= state.begun_ns + self.history.cells.horizon_ns
        )

    def _ramp(self, counts: Floats, from_ns: int, to_ns: int) -> Readings:
        """Read a window in which quick labels come, and those of rows before the start do not."""
        why = "labels of predictions before the start are not told: a horizon of it has to pass"
        ramping = [self._stream(name).name for name in ("per prediction", "arrived")]
        found = self._readings(counts)
        return Readings(
            from_ns=from_ns,
            to_ns=to_ns,
            found=tuple(each for each in found if each.stream.name not in ramping),
            unmeasured=tuple((name, why) for name in ramping),
        )

    def _readings(self, counts: Floats) -> tuple[Reading, ...]:
        asked, labels = float(counts[_ASKED]), float(counts[_LABELS])
        found: list[Reading] = []
        if asked:
            rate = labels / asked
            found.append(
                Level(
                    stream=self._stream("per prediction"),
                    rows=asked,
                    mean=rate,
                    deviation=math.sqrt(rate),
                    floor=_RATE_FLOOR,
                    rising=False,
                )
            )
        cells = counts[_CELLS:]
        if cells.sum() and len(cells) > 1:
            ordered = not self.history.cells.classes
            stream = self._stream("arrived")
            found.append(Shares(stream=stream, counts=cells, ordered=ordered, floor=self.floor))
        if labels:
            found += [self._odd(ODD[i], labels, float(counts[_ODD + i])) for i in range(len(ODD))]
        return tuple(found)

    def _alike_now(self, state: ArrivalState, counts: Floats) -> tuple[Shares, ...]:
        """Read whether all labels of a window say the same, unless that may well be chance."""
        cells = counts[_CELLS:]
        only = only_cell(cells)
        if only is None:
            if cells.sum():
                state.alike, state.only = 0.0, -1
            return self._alike(counts)
        state.alike = float(cells.sum()) + (state.alike if only == state.only else 0.0)
        state.only = only
        share = _largest_share(state.past.counts, only, state.alike)
        by_chance = share > 0.0 and state.alike * math.log(share) > _BY_CHANCE
        return () if by_chance else self._alike(counts)

    def _alike(self, counts: Floats | None) -> tuple[Shares, ...]:
        """Read whether all labels of a window say the same."""
        cells = np.zeros(0) if counts is None else counts[_CELLS:]
        labels = float(cells.sum())
        if labels < _FEWEST or len(cells) < 2:
            return ()
        return (self._odd(ONE_VALUE, labels, 0.0 if only_cell(cells) is None else labels),)

    def _odd(self, measure: str, labels: float, hits: float) -> Shares:
        return Shares(
            stream=self._stream(measure),
            counts=two_cells(labels, min(hits, labels)),
            floor=self.odd_floor,
            rising=True,
        )

    def _stream(self, measure: str) -> Stream:
        return Stream(family=self.family, subject=self.label, measure=measure)


_LATELY: Final = 3  # long windows that say how often a label is usual


def _largest_share(windows: Sequence[Floats], only: int, alike: float) -> float:
    """Return the largest share that a cell has in the last long windows with other labels, too.

    The last `alike` labels of the cell are not counted: it is asked whether they are usual.
    """
    shares: list[float] = []
    for counts in reversed(windows):
        cells = counts[_CELLS:].copy()
        taken = min(alike, float(cells[only]))
        alike -= taken
        cells[only] -= taken
        if cells.sum() > cells[only]:
            shares.append(float(cells[only] / cells.sum()))
        if len(shares) == _LATELY:
            break
    return max(shares, default=0.0)


def _still_mixed(mixed: int, cells: Floats) -> int:
    """Count one more window whose labels are of several kinds, if it is one."""
    if mixed < 0 or cells.sum() < _FEWEST:
        return mixed
    return -1 if only_cell(cells) is not None else mixed + 1


def _contradictions(labels: LabelsArrived) -> int:
    """Count labels that say otherwise than an earlier one for the same prediction beside them."""
    keys = labels.ids.tolist()
    if len(set(keys)) == len(keys):
        return 0
    said: dict[object, float] = {}
    hits = 0
    for key, value in zip(keys, labels.values.tolist(), strict=True):
        if not math.isnan(value):
            hits += said.setdefault(key, value) != value
    return hits
