"""Drift of inputs: has the share of values below any border, or of any category, moved?

In: `InputsSummarised`. Out: a stream per column, and per column and slice group in long windows.
State: counts by window. An alarm hangs on the comparison with the rows the champion learned from;
how far the windows just before and those of the same season are is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints, Record
from ostinato.core.units import DAY_NS
from ostinato.core.watched import InputsSummarised
from ostinato.watch.cells import Cells, Grid, coarse_size, mixed
from ostinato.watch.input_effects import Effects
from ostinato.watch.kept import Kept, Trainings, evenly
from ostinato.watch.monitor import NOW
from ostinato.watch.reading import Layout, Reading, Readings, Shares, Sheet, Stream

SLIDING: Final = 28
"""Long windows before one that it is compared with beside its reference: what changed lately."""

SLICE_WINDOWS: Final = 28
"""Long windows for which the counts of slices are kept. Fewer: what a slice may vary by chance is
known worse; more: memory, up to 400 kB each."""

SEASONS: Final = 2
"""Windows of the same season that a comparison needs. One alone may have been odd."""

Counts = NDArray[np.int64]


@dataclass(slots=True)
class DriftState:
    """Counts of columns by window, of slices by long window, and what versions learned from.

    `slices` by start; `span` is from when to when the rows were that the champion learned from.
    """

    kept: Kept
    slices: dict[int, Ints] = field(default_factory=dict)
    trainings: Trainings = field(default_factory=Trainings)
    span: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Watches the distribution of each input.

    Parameters
    ----------
    grid
        The cells.
    groups
        Names of the slice groups that are counted, in the order of `summarise.chosen_groups`.
    fast_ns, slow_ns
        Widths of windows.
    floor
        Difference of a share of rows that is no drift.
    left_out
        Slice groups that are not counted, because there are too many.
    """

    grid: Grid
    groups: tuple[str, ...] = ()
    fast_ns: int
    slow_ns: int
    floor: float = 0.05
    left_out: int = 0
    family: ClassVar[str] = "drift"
    name: ClassVar[str] = "inputs"
    clock: ClassVar[str] = NOW
    wants: ClassVar[frozenset[str]] = frozenset(
        {"inputs_summarised", "training_requested", "candidate_trained"}
    )

    def begin(self) -> DriftState:
        return DriftState(kept=Kept(fast_ns=self.fast_ns, slow_ns=self.slow_ns))

    def take(self, state: DriftState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - the protocol's
        if not isinstance(record, InputsSummarised):
            state.trainings.take(record)
            return
        starts = record.starts_ns.tolist()
        for place, start_ns in enumerate(starts):
            state.kept.add(start_ns, record.width_ns, record.counts[place])
            state.kept.saw(int(record.first_ns[place]), int(record.last_ns[place]))
            if self.groups:
                self._add_slices(state, record, place, start_ns // self.slow_ns * self.slow_ns)

    def _add_slices(
        self, state: DriftState, record: InputsSummarised, place: int, start_ns: int
    ) -> None:
        if start_ns not in state.slices:
            state.slices[start_ns] = np.zeros(self._slice_shape[0] * self._slice_shape[1], np.int64)
            while len(state.slices) > SLICE_WINDOWS:
                del state.slices[min(state.slices)]
        if start_ns in state.slices:  # else it is older than all that are kept
            part = slice(int(record.slice_starts[place]), int(record.slice_starts[place + 1]))
            # Of these types NumPy adds at places twenty times as fast as of narrower ones.
            places, rows = record.slice_cells[part], record.slice_rows[part]
            np.add.at(state.slices[start_ns], places.astype(np.intp), rows.astype(np.int64))

    def read(self, state: DriftState, from_ns: int, to_ns: int) -> Readings:
        counts = state.kept.close(from_ns, to_ns)
        lost: tuple[tuple[str, str], ...] = ()
        of_slices: tuple[Shares, ...] = ()
        if to_ns % self.slow_ns == 0:
            slices = state.slices.get(to_ns - self.slow_ns)
            of_slices = () if slices is None else tuple(self._of_slices(slices))
            lost = self._never_measured
        found: Sequence[Reading] = of_slices
        if counts is not None:
            found, missed = self._columns(counts, of_slices)
            lost = (*missed, *lost)
        return Readings(from_ns=from_ns, to_ns=to_ns, found=found, unmeasured=lost)

    def renew(self, state: DriftState, champion: str) -> tuple[Readings, ...] | None:
        kept = state.kept
        kept.settle()
        state.span = state.trainings.span(champion, kept.until_ns or 0)
        windows: list[Readings] = []
        for start_ns in evenly(kept.reference(*state.span)):
            for from_ns, to_ns, counts in kept.parts(start_ns):
                found, _ = self._columns(counts)
                windows.append(Readings(from_ns=from_ns, to_ns=to_ns, found=found))
            slices = state.slices.get(start_ns)
            if slices is not None:
                end_ns = start_ns + self.slow_ns
                found = tuple(self._of_slices(slices))
                windows.append(Readings(from_ns=start_ns, to_ns=end_ns, found=found))
        kept.early = {}
        return tuple(windows)

    def describe(
        self, state: DriftState, from_ns: int, to_ns: int
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return distances, by stream name.

        `psi`, `js`, `ks`, `wasserstein` (in standard deviations), `v` to what the champion learned
        from; `sliding` and `season` are the largest difference of a share to the 28 windows before
        and to those of the same season; `season_agrees`: that one is within the floor.
        """
        kept, current = state.kept, state.kept.total([from_ns])
        reference = kept.total(kept.reference(*state.span)) if state.span is not None else None
        if current is None or reference is None:
            return {}
        told = self._effects.all(reference, current)
        found: dict[str, dict[str, float | str]] = {}
        sliding = self._effects.largest(kept.before(from_ns, SLIDING), current)
        season = self._effects.largest(self._season(state, from_ns, to_ns), current)
        for place, name in enumerate(self._names):
            figures = {key: float(values[place]) for key, values in told.items()}
            figures |= {"sliding": float(sliding[place]), "season": float(season[place])}
            known = {key: value for key, value in figures.items() if not np.isnan(value)}
            found[name] = dict(known)
            if "season" in known:
                found[name]["season_agrees"] = float(known["season"] <= self.floor)
        return found

    def _season(self, state: DriftState, from_ns: int, to_ns: int) -> Counts | None:
        """Return the counts of windows of the same season: of the reference, and a year ago."""
        assert state.span is not None, "asked only where there is a reference"
        step_ns = DAY_NS if self.slow_ns < DAY_NS else 7 * DAY_NS
        if step_ns % self.slow_ns:
            return None
        year = range(from_ns - 364 * DAY_NS, to_ns - 364 * DAY_NS, self.slow_ns)
        alike = [
            start
            for start in state.kept.reference(*state.span)
            if (from_ns - start) % step_ns == 0 and start < from_ns
        ]
        there = [start for start in (*year, *alike) if start in state.kept.long]
        found = state.kept.total(there) if len(there) >= SEASONS else None
        week = state.kept.of_week(from_ns - 364 * DAY_NS)
        if found is None or week is None:
            return found if week is None else week
        return found + week

    # ------------------------------------------------------------ streams

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(Stream(family=self.family, subject=each).name for each in self.grid.names)

    @cached_property
    def _effects(self) -> Effects:
        return Effects(self.grid)

    @cached_property
    def _watched(self) -> tuple[tuple[int, int, Cells, Stream], ...]:
        """Where the value cells of each column begin and end, the column, and its stream."""
        starts = self.grid.offsets.tolist()
        return tuple(
            (start, start + each.missing, each, Stream(family=self.family, subject=each.name))
            for start, each in zip(starts, self.grid.columns, strict=False)
        )

    @cached_property
    def _never_measured(self) -> tuple[tuple[str, str], ...]:
        left_out = f"{self.left_out} slice groups are not counted: there are too many"
        return (*self.grid.unmeasured, *([("slices", left_out)] if self.left_out else []))

    @cached_property
    def _values(self) -> tuple[Ints, Ints, Layout]:
        """Where the value cells of all columns are, where each column's begin there, and which."""
        places = [np.arange(start, stop) for start, stop, *_ in self._watched]
        sizes = np.array([len(each) for each in places], dtype=np.int64)
        shares = (
            self._shares(stream, np.zeros(stop - start), ordered=cells.ordered)
            for start, stop, cells, stream in self._watched
        )
        return np.concatenate(places), np.cumsum(sizes) - sizes, Layout(tuple(shares))

    def _columns(
        self, rows: Ints, others: tuple[Shares, ...] = ()
    ) -> tuple[Sequence[Reading], tuple[tuple[str, str], ...]]:
        """Return the shares of all columns, given the rows per cell, and why some have none."""
        if self._watched:
            places, starts, layout = self._values
            values = rows[places].astype(np.float64)
            if (np.add.reduceat(values, starts) > 0.0).all():
                return Sheet(layout, values, others), ()
        found: list[Shares] = []
        lost: list[tuple[str, str]] = []
        counts = rows.astype(np.float64)
        for start, stop, cells, stream in self._watched:
            values = mixed(cells, counts[start:stop])
            if values.any():
                found.append(self._shares(stream, values, ordered=cells.ordered))
            else:
                lost.append((stream.name, _why_not(*counts[stop : stop + 2].tolist())))
        return (*found, *others), tuple(lost)

    def _shares(self, stream: Stream, counts: Floats, *, ordered: bool) -> Shares:
        return Shares(stream=stream, counts=counts, ordered=ordered, floor=self.floor)

    @cached_property
    def _slice_shape(self) -> tuple[int, int]:
        return len(self.groups) + 1, int(self.grid.coarse_offsets[-1]) + 1

    @cached_property
    def _slice_streams(self) -> tuple[tuple[tuple[int, int, Cells, Stream], ...], ...]:
        starts = self.grid.coarse_offsets.tolist()
        return tuple(
            tuple(
                (start, start + coarse_size(each) - 1, each, self._slice_stream(each, group))
                for start, each in zip(starts, self.grid.columns, strict=False)
            )
            for group in self.groups
        )

    def _slice_stream(self, cells: Cells, group: str) -> Stream:
        return Stream(family=self.family, subject=cells.name, group=group)

    def _of_slices(self, counts: Ints) -> Iterator[Shares]:
        """Yield the shares of slice groups with rows, in coarse cells."""
        table = counts.reshape(self._slice_shape).astype(np.float64)
        for group in np.flatnonzero(table[:-1, :-1].any(axis=1)).tolist():
            for start, stop, cells, stream in self._slice_streams[group]:
                values = table[group, start:stop]
                if values.any():
                    yield self._shares(stream, values, ordered=cells.ordered)


def _why_not(missing: float, unread: float) -> str:
    if missing and unread:
        return "values are missing or cannot be read"
    if missing:
        return "all values are missing"
    return "no value can be read as what the column was" if unread else "the column is absent"
