"""Quality of inputs: missing, unreadable, new, impossible or frozen values; rows twice or never.

In: `InputsSummarised`. Out: streams per column, and of whole rows. State: a few figures per window.
All are compared with the windows that the champion learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Final

import numpy as np

from ostinato.core.records import Ints, Record
from ostinato.core.watched import InputsSummarised
from ostinato.watch.cells import CategoryCells, Grid
from ostinato.watch.kept import FINE, Kept, Trainings, evenly
from ostinato.watch.marks import smallest
from ostinato.watch.monitor import NOW
from ostinato.watch.pace import FEWEST, Pace, Usual
from ostinato.watch.reading import (
    Layout,
    Level,
    Reading,
    Readings,
    Shares,
    Sheet,
    Stream,
    two_cells,
)
from ostinato.watch.summarise import MARKS

ROWS: Final = "rows"
"""Subject of the streams of whole rows."""

FROZEN: Final = 0.1
"""Share of rows, in (0, 1), that may newly be equal to the row before. Smaller: a change of mix is
taken for a frozen source; larger: a source that freezes now and then is not seen."""

VOLUME: Final = 0.5
"""Share by which the number of rows may differ from what is usual at that time."""

SILENCE: Final = 1.0
"""Share by which the longest silence of a window may exceed what is usual."""

UNSEEN: Final = 3.0
"""How many times the share of unseen values that is expected may come without an alarm. Smaller:
small references raise alarms of values that they could not have; larger: fewer faults are seen."""

EXAMPLES: Final = 3
"""New values that are told of a column and long window."""

_OF_ROWS: Final = ("rows", "pairs", "sampled", "duplicates")
_OF_COLUMN: Final = ("lost", "unreadable", "known", "odd", "repeats")


@dataclass(slots=True)
class Open:
    """A window whose rows still come: sums of what `InputsSummarised` tells of it.

    `marks` are pairs of rows: marks, and how many rows have each.
    """

    pace: Pace
    pairs: int
    counts: Ints
    repeats: Ints
    marks: list[Ints]


@dataclass(slots=True)
class QualityState:
    """Figures by window, and what versions learned from.

    `open` has the short windows that are not read yet; `pace` has rows and longest silence of those
    that were, `usual` how many rows are usual; `novel` has new values of the open long window by
    column.
    """

    kept: Kept
    usual: Usual
    open: dict[int, Open] = field(default_factory=dict)
    pace: dict[int, tuple[int, int]] = field(default_factory=dict)
    novel: dict[str, list[str]] = field(default_factory=dict)
    trainings: Trainings = field(default_factory=Trainings)


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Watches the quality of each input, and of whole rows.

    Parameters
    ----------
    grid
        The cells.
    fast_ns, slow_ns
        Widths of windows.
    floor
        Share of rows that may newly be missing, unreadable, new, out of range or duplicates.
    """

    grid: Grid
    fast_ns: int
    slow_ns: int
    floor: float = 0.01
    family: ClassVar[str] = "quality"
    name: ClassVar[str] = "completeness"
    clock: ClassVar[str] = NOW
    wants: ClassVar[frozenset[str]] = frozenset(
        {"inputs_summarised", "training_requested", "candidate_trained"}
    )

    def begin(self) -> QualityState:
        kept = Kept(fast_ns=self.fast_ns, slow_ns=self.slow_ns)
        return QualityState(kept=kept, usual=Usual(width_ns=self.fast_ns))

    def take(self, state: QualityState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - the protocol's
        if not isinstance(record, InputsSummarised):
            state.trainings.take(record)
            return
        for place, start_ns in enumerate(record.starts_ns.tolist()):
            told = _told(record, place)
            state.kept.saw(told.pace.first_ns, told.pace.last_ns)
            if record.width_ns != self.fast_ns:
                state.kept.add(start_ns, record.width_ns, self._figures(told))
            elif start_ns in state.open:
                _add(state.open[start_ns], told)
            else:
                state.open[start_ns] = told
        for column, values in record.novel.items():
            known = state.novel.setdefault(column, [])
            known += [each for each in values if each not in known][: EXAMPLES - len(known)]

    def read(self, state: QualityState, from_ns: int, to_ns: int) -> Readings:
        self._close(state, to_ns)
        counts = state.kept.close(from_ns, to_ns)
        levels = tuple(self._levels(state, from_ns))
        found = levels if counts is None else self._sheet(counts, levels)
        lost = self._never_measured if to_ns % self.slow_ns == 0 else ()
        return Readings(from_ns=from_ns, to_ns=to_ns, found=found, unmeasured=lost)

    def renew(self, state: QualityState, champion: str) -> tuple[Readings, ...] | None:
        kept = state.kept
        if not kept.settled and kept.until_ns is not None:
            self._close(state, kept.until_ns // self.slow_ns * self.slow_ns)
        kept.settle()
        span = state.trainings.span(champion, kept.until_ns or 0)
        starts = evenly(kept.reference(*span))
        self._learn_usual(state, starts)
        windows: list[Readings] = []
        for start_ns in starts:
            for from_ns, to_ns, counts in kept.parts(start_ns):
                shares = self._sheet(counts, ())
                windows.append(Readings(from_ns=from_ns, to_ns=to_ns, found=shares))
            for from_ns in self._paced(state, start_ns):
                levels = tuple(self._levels(state, from_ns))
                to_ns = from_ns + self.fast_ns
                windows.append(Readings(from_ns=from_ns, to_ns=to_ns, found=levels))
        kept.early = {}
        return tuple(windows)

    def describe(
        self,
        state: QualityState,
        from_ns: int,  # noqa: ARG002 - the protocol's
        to_ns: int,  # noqa: ARG002 - the protocol's
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return, by stream name, `examples` of new values."""
        found = {
            Stream(family=self.family, subject=column, measure="new values").name: {
                "examples": ", ".join(values)
            }
            for column, values in state.novel.items()
        }
        state.novel = {}
        return found

    # ------------------------------------------------------------ figures

    @cached_property
    def _places(self) -> tuple[Ints, Ints, Ints]:
        """Where the missing cell of each column is, which cells are odd, and of which column."""
        ends = self.grid.offsets[1:]
        odd: list[int] = []
        column: list[int] = []
        for place, (start, each) in enumerate(
            zip(self.grid.offsets.tolist(), self.grid.columns, strict=False)
        ):
            if isinstance(each, CategoryCells):
                cells = [start + each.new]
            else:
                cells = (start + np.flatnonzero(each.outside)).tolist()
            odd += cells
            column += [place] * len(cells)
        return ends - 2, np.array(odd, dtype=np.int64), np.array(column, dtype=np.int64)

    def _figures(self, told: Open) -> Ints:
        """Return the figures of a window: of whole rows, then of each column."""
        columns = len(self.grid.columns)
        figures = np.zeros(len(_OF_ROWS) + len(_OF_COLUMN) * columns, dtype=np.int64)
        figures[: len(_OF_ROWS)] = told.pace.rows, told.pairs, *_sampled(told.marks)
        if not columns:
            return figures
        missing, odd, of = self._places
        counts, table = told.counts, figures[len(_OF_ROWS) :].reshape(len(_OF_COLUMN), columns)
        there = np.add.reduceat(counts, self.grid.offsets[:-1])
        # A column that is absent from rows is missing in them.
        table[0] = told.pace.rows - there + counts[missing]
        table[1] = counts[missing + 1]
        table[2] = there - counts[missing] - counts[missing + 1]
        table[3] = np.bincount(of, weights=counts[odd], minlength=columns)
        table[4] = told.repeats
        return figures

    def _close(self, state: QualityState, to_ns: int) -> None:
        """Take the figures of short windows that are over; forget paces that are old."""
        for start_ns in sorted(each for each in state.open if each < to_ns):
            told = state.open.pop(start_ns)
            state.kept.add(start_ns, self.fast_ns, self._figures(told))
            silence_ns = told.pace.silence(start_ns, start_ns + self.fast_ns)
            rows, longest_ns = state.pace.get(start_ns, (0, silence_ns))  # some came late
            state.pace[start_ns] = rows + told.pace.rows, min(longest_ns, silence_ns)
        if to_ns % self.slow_ns == 0:
            oldest_ns = to_ns - FINE * self.slow_ns
            for start_ns in [each for each in state.pace if each < oldest_ns]:
                del state.pace[start_ns]

    def _paced(self, state: QualityState, start_ns: int) -> list[int]:
        """Return the starts of the short windows of a long one whose pace is known."""
        shorts = range(start_ns, start_ns + self.slow_ns, self.fast_ns)
        return [*shorts] if any(each in state.pace for each in shorts) else []

    def _learn_usual(self, state: QualityState, starts: list[int]) -> None:
        shorts = [each for start_ns in starts for each in self._paced(state, start_ns)]
        rows = {start_ns: rows for start_ns, (rows, _) in state.pace.items()}
        state.usual = Usual.learn(self.fast_ns, rows, shorts)

    # ------------------------------------------------------------ streams

    @cached_property
    def _streams(self) -> tuple[tuple[int, Stream, float], ...]:
        """Of each stream of a column its place among all (measure, column), and its floor.

        Categories repeat as their mix has it: that is drift.
        """
        found: list[tuple[int, Stream, float]] = []
        for place, each in enumerate(self.grid.columns):
            unseen = min(self.floor + UNSEEN * each.unseen, 1.0)
            told = {"missing": self.floor, "unreadable": self.floor}
            if isinstance(each, CategoryCells):
                told |= {"new values": 1.0 if each.crowded else unseen, "repeats": 1.0}
            else:
                told |= {"out of range": unseen, "repeats": max(FROZEN, self.floor)}
            for measure, (name, floor) in enumerate(told.items()):
                if floor < 1.0:  # else no share is too large
                    stream = Stream(family=self.family, subject=each.name, measure=name)
                    found.append((measure * len(self.grid.columns) + place, stream, floor))
        return tuple(found)

    @cached_property
    def _never_measured(self) -> tuple[tuple[str, str], ...]:
        crowded = [
            (
                Stream(family=self.family, subject=each.name, measure="new values").name,
                "the reference has too many different values to tell a new one",
            )
            for each in self.grid.columns
            if isinstance(each, CategoryCells) and each.crowded
        ]
        return (*self.grid.unmeasured, *crowded)

    def _sheet(self, figures: Ints, levels: tuple[Reading, ...]) -> Sequence[Reading]:
        """Return all readings of a window, given its figures."""
        rows, pairs, sampled, again = figures[: len(_OF_ROWS)].tolist()
        if not rows:
            return levels
        lost, unread, known, odd, same = figures[len(_OF_ROWS) :].reshape(len(_OF_COLUMN), -1)
        asked = np.stack([np.full_like(lost, rows), rows - lost, known, np.full_like(lost, pairs)])
        hits = np.stack([lost, unread, odd, same])
        counts = np.stack([asked - hits, hits], axis=-1).reshape(-1, 2)[self._places_of_streams]
        there = asked.ravel()[self._places_of_streams] > 0
        layout, twice = self._layout, two_cells(sampled, again)
        if sampled and there.all():
            return Sheet(layout, np.concatenate([twice, counts.ravel()], dtype=np.float64), levels)
        read = [twice, *counts.astype(np.float64)]
        flags = [sampled > 0, *there.tolist()]
        found = (
            replace(each, counts=told)
            for each, told, flag in zip(layout.shares, read, flags, strict=True)
            if flag
        )
        return (*found, *levels)

    @cached_property
    def _places_of_streams(self) -> Ints:
        return np.array([place for place, _, _ in self._streams], dtype=np.int64)

    @cached_property
    def _layout(self) -> Layout:
        """Of all streams, that of rows which come twice first."""
        twice = Stream(family=self.family, subject=ROWS, measure="duplicates")
        none = two_cells(0.0, 0.0)
        streams = [(twice, self.floor), *((stream, floor) for _, stream, floor in self._streams)]
        shares = (
            Shares(stream=stream, counts=none, floor=floor, rising=True)
            for stream, floor in streams
        )
        return Layout(tuple(shares))

    def _levels(self, state: QualityState, start_ns: int) -> list[Level]:
        """Return volume and silence of a short window as multiples of what is usual."""
        usual = state.usual.rows(start_ns)
        if usual < FEWEST:
            return []
        rows, silence_ns = state.pace.get(start_ns, (0, self.fast_ns))
        volume = Stream(family=self.family, subject=ROWS, measure="volume")
        silence = Stream(family=self.family, subject=ROWS, measure="silence")
        long = silence_ns / state.usual.silence_ns(start_ns)
        return [
            Level(stream=volume, rows=1.0, mean=rows / usual, deviation=0.0, floor=VOLUME),
            Level(stream=silence, rows=1.0, mean=long, deviation=0.0, floor=SILENCE, falling=False),
        ]


def _told(record: InputsSummarised, place: int) -> Open:
    """Return one window of a record."""
    part = slice(int(record.mark_starts[place]), int(record.mark_starts[place + 1]))
    return Open(
        pace=Pace(
            rows=int(record.rows[place]),
            first_ns=int(record.first_ns[place]),
            last_ns=int(record.last_ns[place]),
            silence_ns=int(record.silence_ns[place]),
        ),
        pairs=int(record.pairs[place]),
        counts=record.counts[place],
        repeats=record.repeats[place],
        marks=[np.stack([record.marks[part].view(np.int64), record.marked[part]])],
    )


def _add(window: Open, more: Open) -> None:
    """Add rows to a window, in place."""
    pace = more.pace
    window.pace.add(pace.rows, pace.first_ns, pace.last_ns, pace.silence_ns)
    window.pairs += more.pairs
    window.counts = window.counts + more.counts
    window.repeats = window.repeats + more.repeats
    window.marks += more.marks
    if len(window.marks) > _JOIN:
        window.marks = [_smallest(window.marks)]


_JOIN: Final = 16  # parts of a sample that wait to be joined


def _smallest(marks: list[Ints]) -> Ints:
    joined = np.concatenate(marks, axis=1)
    kept, rows = smallest(joined[0].view(np.uint64), joined[1], MARKS)
    return np.stack([kept.view(np.int64), rows])


def _sampled(marks: list[Ints]) -> tuple[int, int]:
    """Return the rows of a sample, and how many of them are equal to an earlier one."""
    marked = _smallest(marks)[1]
    rows = int(marked.sum())
    return rows, rows - len(marked)
