"""Counts of inputs by window of time: what a monitor of inputs remembers.

In: summaries. Out: counts of a window, of a run of windows, or of windows that are a reference.
State: short windows of the open long one, long windows, and older ones in sevens; bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ostinato.core.records import CandidateTrained, Ints, Record, TrainingRequested

FINE: Final = 96
"""Long windows that are kept one by one. Fewer: references see less of how windows vary; more: the
state grows, by 8 bytes a cell and window."""

OLD: Final = 400
"""Long windows after which nothing is remembered: a year of days, and then some."""

JOINED: Final = 7
"""Older long windows that are kept as one: a week of days."""

LEAST: Final = 8
"""Windows a reference shall have: where a training saw fewer, those before it count too."""

MOST: Final = 64
"""Windows of a reference that are read, evenly taken. More cost time at each new champion."""

TRAININGS: Final = 50  # whose time spans are remembered, until one of them is champion


@dataclass(slots=True)
class Kept:
    """Counts (a vector of fixed length) by window.

    Parameters
    ----------
    fast_ns, slow_ns
        Widths of windows.
    short
        By start, short windows that are not read yet.
    long, old
        By start, long windows, and sevens of older ones.
    early, settled
        Short windows of the history before the first champion, until its reference was read.
    begun_ns, until_ns
        When the first and the last request came.
    """

    fast_ns: int
    slow_ns: int
    short: dict[int, Ints] = field(default_factory=dict)
    long: dict[int, Ints] = field(default_factory=dict)
    old: dict[int, Ints] = field(default_factory=dict)
    early: dict[int, Ints] = field(default_factory=dict)
    settled: bool = False
    begun_ns: int | None = None
    until_ns: int | None = None

    def add(self, start_ns: int, width_ns: int, counts: Ints) -> None:
        """Add rows to a window; of rows that come after theirs was read, only its long one."""
        if width_ns == self.fast_ns:
            _add(self.short, start_ns, counts)
        else:
            self._lengthen(start_ns, counts)

    def _lengthen(self, start_ns: int, counts: Ints) -> None:
        """Add rows to the long window that a moment lies in; it may be as long as a short one."""
        _add(self.long, start_ns // self.slow_ns * self.slow_ns, counts)

    def saw(self, first_ns: int, last_ns: int) -> None:
        """Note when requests came."""
        self.begun_ns = first_ns if self.begun_ns is None else min(self.begun_ns, first_ns)
        self.until_ns = last_ns if self.until_ns is None else max(self.until_ns, last_ns)

    def close(self, from_ns: int, to_ns: int) -> Ints | None:
        """Return the counts of a short window that is over, and add it to its long one."""
        counts = None
        for start_ns in sorted(each for each in self.short if each < to_ns):
            late = self.short.pop(start_ns)
            self._lengthen(start_ns, late)
            if start_ns >= from_ns:
                counts = late
        if to_ns % self.slow_ns == 0:
            self._trim(to_ns)
        return counts

    def _trim(self, now_ns: int) -> None:
        """Join windows that are old, forget those that are older still."""
        week_ns = JOINED * self.slow_ns
        for start_ns in sorted(each for each in self.long if each < now_ns - FINE * self.slow_ns):
            counts, week = self.long.pop(start_ns), start_ns // week_ns * week_ns
            self.old[week] = self.old[week] + counts if week in self.old else counts
        for week in [each for each in self.old if each < now_ns - OLD * self.slow_ns]:
            del self.old[week]

    # ------------------------------------------------------------ runs of windows

    def total(self, starts: Iterable[int]) -> Ints | None:
        """Return the counts of long windows together; None where there are none."""
        found = [self.long[start] for start in starts if start in self.long]
        return np.sum(found, axis=0) if found else None

    def before(self, from_ns: int, windows: int) -> Ints | None:
        """Return the counts of the long windows before a moment together."""
        return self.total(range(from_ns - windows * self.slow_ns, from_ns, self.slow_ns))

    def of_week(self, at_ns: int) -> Ints | None:
        """Return the counts of the seven windows about a moment that is long past."""
        week_ns = JOINED * self.slow_ns
        return self.old.get(at_ns // week_ns * week_ns)

    def reference(self, from_ns: int, to_ns: int) -> list[int]:
        """Return the starts of the long windows within a time span, at least `LEAST` of them.

        Windows that began before the first request are left out where there are enough others.
        """
        there = [each for each in sorted(self.long) if each + self.slow_ns <= to_ns]
        chosen = [each for each in there if each >= from_ns]
        if len(chosen) < LEAST:
            chosen = there[-LEAST:]
        begun_ns = self.begun_ns if self.begun_ns is not None else 0
        whole = [each for each in chosen if each >= begun_ns]
        return whole if len(whole) >= LEAST else chosen

    def settle(self) -> None:
        """Forget the short windows of a history; at first put them aside, to be a reference.

        Those of the long window that is open are read as others are.
        """
        self.early = {}
        if self.settled or self.until_ns is None:
            return
        self.settled = True
        open_ns = self.until_ns // self.slow_ns * self.slow_ns
        for start_ns in sorted(each for each in self.short if each < open_ns):
            counts = self.short.pop(start_ns)
            self.early[start_ns] = counts
            self._lengthen(start_ns, counts)

    def parts(self, start_ns: int) -> list[tuple[int, int, Ints]]:
        """Return a long window of a reference: from, to and counts, in short ones where known."""
        shorts = range(start_ns, start_ns + self.slow_ns, self.fast_ns)
        found = [(s, s + self.fast_ns, self.early[s]) for s in shorts if s in self.early]
        return found or [(start_ns, start_ns + self.slow_ns, self.long[start_ns])]


def _add(windows: dict[int, Ints], start_ns: int, counts: Ints) -> None:
    there = windows.get(start_ns)
    if there is None:
        windows[start_ns] = counts.astype(np.int64)
    else:
        there += counts


def evenly(starts: Sequence[int]) -> list[int]:
    """Return at most `MOST` of some windows, evenly taken; weekdays all have their turn."""
    step = -(-len(starts) // MOST)
    step += step % JOINED == 0
    return list(starts[::-1][:: max(step, 1)][::-1])


@dataclass(slots=True)
class Trainings:
    """Time spans that versions were trained on.

    `asked` by request, `spans` by version, oldest first.
    """

    asked: dict[str, tuple[int, int]] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Note what a training takes, and what came of it."""
        if isinstance(record, TrainingRequested):
            self.asked[record.request] = (record.from_ns, record.to_ns)
        elif isinstance(record, CandidateTrained) and record.request in self.asked:
            self.spans[record.subject] = self.asked.pop(record.request)
        for noted in (self.asked, self.spans):
            while len(noted) > TRAININGS:
                del noted[next(iter(noted))]

    def span(self, version: str, until_ns: int) -> tuple[int, int]:
        """Return from when to when the rows were that a version learned from."""
        return self.spans.get(version, (0, until_ns))
