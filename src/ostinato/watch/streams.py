"""The streams of one monitor: what they are compared with, and the evidence that they moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from ostinato.core.canonical import digest
from ostinato.core.records import Floats, Record
from ostinato.core.watched import WindowMeasured, windows_gone
from ostinato.stats.window_shares import STEPS
from ostinato.stats.windows import CONFIDENCE, FEWEST
from ostinato.watch import level_evidence, share_evidence
from ostinato.watch.level_lines import LevelLines, LevelWindow
from ostinato.watch.measured import NO_CELL, Measured
from ostinato.watch.monitor import Monitor
from ostinato.watch.reading import Layout, Level, Reading, Readings, Shares, Sheet
from ostinato.watch.share_lines import ShareLines

REFERENCE: Final = 8
"""Long windows that a stream's reference is learned from where none is given, and through which the
spread of short windows is learned. Fewer: watching begins sooner, and what a window may vary by
chance is known so badly that only larger moves are seen."""

NOTABLE: Final = math.log(100.0)
"""Log evidence from which on a short window is told, and details of a stream. Smaller: the log
grows; larger: people see less of how an alarm came about. No budget is reached below."""

_TOLD: Final = 100
"""Streams that the journal has the numbers of; of the others it has the digest."""

METHOD: Final = "Shiryaev-Roberts of beta-binomial and normal windows"


@dataclass(slots=True)
class StreamBook:
    """Reference, evidence and open long window of every stream of one monitor.

    Parameters
    ----------
    shares, levels
        The streams, by sort.
    unmeasured
        What could not be read in the open long window, and why.
    untold
        Streams whose reference is complete, and which the journal does not know of yet.
    begun_ns
        Start of the first window with rows.
    """

    shares: ShareLines = field(default_factory=ShareLines)
    levels: LevelLines = field(default_factory=LevelLines)
    unmeasured: dict[str, str] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    begun_ns: int | None = None

    def renew(self, reference: Sequence[Readings], *, slow_ns: int, with_open: bool = True) -> None:
        """Begin anew, with these windows as the reference.

        Unless `with_open`, what the open long window has so far counts no more: it tells of
        something else than what comes. Windows shorter than half a long one add up to long ones,
        and tell besides how short ones vary. Streams of which the reference has nothing learn
        theirs from the windows to come.
        """
        self.shares.begin_anew()
        self.levels.begin_anew()
        if not with_open:
            self._closed()
            self.begun_ns = None
        windows = _of_one_sort(sorted(reference, key=lambda each: each.from_ns))
        for readings in windows:  # all streams have their place before any is counted
            self._placed(readings)
        gathered = _Gathered(self)
        for readings in windows:
            gathered.add(readings, self._placed(readings), slow_ns)
        gathered.close()
        self._complete(FEWEST)

    def introduce(self, references: Sequence[Readings]) -> None:
        """Take these long windows as the reference of streams that have none yet."""
        windows = _of_one_sort(sorted(references, key=lambda each: each.from_ns))
        for readings in windows:
            self._learn_long(self._placed(readings))
        names = frozenset(each.stream.name for r in windows for each in r.found)
        self.untold += self.shares.complete(FEWEST, REFERENCE, names)
        self.untold += self.levels.complete(FEWEST, REFERENCE, names)

    def restart(self, names: Sequence[str]) -> None:
        """Forget the evidence of some streams: what comes from now on counts."""
        chosen = frozenset(names)
        self.shares.restart(chosen)
        self.levels.restart(chosen)

    def take(
        self, monitor: Monitor, readings: Readings, *, slow_ns: int, now_ns: int
    ) -> Iterator[Record]:
        """Weigh a short window; add it to the long one."""
        for subject, why in readings.unmeasured:
            self.unmeasured[subject] = why
        if not readings.found:
            return
        if readings.references:
            self.introduce(readings.references)
        window = self._placed(readings)
        if self.begun_ns is None and window.filled:
            self.begun_ns = readings.from_ns
        self.shares.open += window.counts
        self.levels.open.add(window.levels)
        if readings.to_ns - readings.from_ns >= slow_ns:  # the long window itself
            return
        found = self._weighed(window)
        self._learn_short(window)
        if found.names:
            yield self._told(
                monitor, found, from_ns=readings.from_ns, to_ns=readings.to_ns, now_ns=now_ns
            )

    def close(
        self,
        monitor: Monitor,
        to_ns: int,
        details: Mapping[str, Mapping[str, Any]],
        *,
        slow_ns: int,
        now_ns: int,
    ) -> Iterator[Record]:
        """Weigh the long window that ends at `to_ns`."""
        from_ns = to_ns - slow_ns
        window, unmeasured = self._closed()
        if self.begun_ns is None and not unmeasured:
            return
        told = bool(window.counts.any() or window.levels.rows.any())
        measured = self._weighed_long(window, from_ns) if told else Measured.nothing()
        for name in measured.names:
            unmeasured.pop(name, None)
        if told:  # else nobody came, or nobody told: no stream is the less there
            unmeasured |= share_evidence.why_not(self.shares, window.counts)
            unmeasured |= level_evidence.why_not(self.levels, window.levels)
            if self.begun_ns is not None and self.begun_ns <= from_ns:  # else a part of one
                self._learn_long(window)
                self._complete(REFERENCE)
            self._forget(windows_gone(slow_ns))
        unmeasured |= self._learning()
        yield self._told(
            monitor,
            measured,
            from_ns=from_ns,
            to_ns=to_ns,
            now_ns=now_ns,
            slow=True,
            details=details,
            unmeasured=unmeasured,
        )

    def registered(self) -> dict[str, Any] | None:
        """Return what was fixed of the streams whose reference is new, for the journal; once.

        None where nothing is new.
        """
        names, self.untold = frozenset(self.untold), []
        if not names:
            return None
        facts = self.shares.facts(names) | self.levels.facts(names)
        return {
            "method": METHOD,
            "steps": list(STEPS),
            "confidence": CONFIDENCE,
            "streams": dict(list(facts.items())[:_TOLD]),
            "streams_total": len(facts),
            "digest": digest(facts),
        }

    # ------------------------------------------------------------ windows

    def _placed(self, readings: Readings) -> Window:
        found = readings.found
        sheet = found if isinstance(found, Sheet) else None
        places = None if sheet is None else self.shares.cells.of_layout(sheet.layout)
        if sheet is not None and places is not None:
            found = sheet.others
        shares: dict[str, Shares] = {}
        levels: dict[str, Level] = {}
        for each in found:
            if isinstance(each, Shares):
                shares[each.stream.name] = each
            else:
                levels[each.stream.name] = each
        counts = self.shares.placed([*shares.values()], [*shares])
        if sheet is not None and places is not None:
            now = self.shares.cells.of_layout(sheet.layout)  # others may have made cells move
            assert now is not None, "its streams were there a moment ago"
            counts[now] = sheet.counts
        return Window(counts=counts, levels=self.levels.placed([*levels.values()], [*levels]))

    def _closed(self) -> tuple[Window, dict[str, str]]:
        window = Window(counts=self.shares.open, levels=self.levels.open)
        self.shares.open = np.zeros_like(window.counts)
        self.levels.open = LevelWindow.zeros(len(self.levels.names))
        unmeasured, self.unmeasured = self.unmeasured, {}
        return window, unmeasured

    def _weighed(self, window: Window) -> Measured:
        shares = share_evidence.weigh_short(self.shares, window.counts, NOTABLE)
        return shares.joined(level_evidence.weigh_short(self.levels, window.levels, NOTABLE))

    def _weighed_long(self, window: Window, from_ns: int) -> Measured:
        shares = share_evidence.weigh_long(self.shares, window.counts, from_ns)
        return shares.joined(level_evidence.weigh_long(self.levels, window.levels, from_ns))

    def _learn_short(self, window: Window) -> None:
        self.shares.learn_short(window.counts)
        self.levels.learn_short(window.levels)

    def _learn_long(self, window: Window) -> None:
        self.shares.learn_long(window.counts)
        self.levels.learn_long(window.levels)

    def _complete(self, least: int) -> None:
        self.untold += self.shares.complete(least, REFERENCE)
        self.untold += self.levels.complete(least, REFERENCE)

    def _learning(self) -> dict[str, str]:
        """Say which streams have no reference yet."""
        found: dict[str, str] = {}
        for lines in (self.shares, self.levels):
            for place in np.flatnonzero(~lines.ready & (lines.absent == 0)).tolist():
                seen = int(lines.slow.windows[place])
                found[lines.names[place]] = f"learning: {seen} of {REFERENCE} windows"
        return found

    def _forget(self, windows: int) -> None:
        for lines in (self.shares, self.levels):
            stays = lines.absent < windows
            if not stays.all():
                lines.keep(stays)

    # ------------------------------------------------------------ telling

    def _told(
        self,
        monitor: Monitor,
        measured: Measured,
        *,
        from_ns: int,
        to_ns: int,
        now_ns: int,
        slow: bool = False,
        details: Mapping[str, Mapping[str, Any]] | None = None,
        unmeasured: Mapping[str, str] | None = None,
    ) -> WindowMeasured:
        return WindowMeasured(
            ts_event_ns=to_ns,
            ts_record_ns=now_ns,
            monitor=monitor.name,
            family=monitor.family,
            slow=slow,
            from_ns=from_ns,
            to_ns=to_ns,
            streams=tuple(measured.names),
            streams_total=max(self.shares.watched + self.levels.watched, len(measured.names)),
            value=measured.value,
            reference=measured.reference,
            low=measured.low,
            high=measured.high,
            floor=measured.floor,
            log_e=measured.log_e,
            details=_detailed(measured, details or {}, None if slow else from_ns),
            unmeasured=unmeasured or {},
        )


@dataclass(slots=True)
class Window:
    """Readings of one window in the places of a book's streams."""

    counts: Floats
    levels: LevelWindow

    @property
    def filled(self) -> bool:
        """Whether there are rows."""
        return bool(self.counts.any() or self.levels.rows.any())

    def add(self, other: Window) -> None:
        """Add another window of the same streams, in place."""
        self.counts = self.counts + other.counts
        self.levels.add(other.levels)


@dataclass(slots=True)
class _Gathered:
    """Short windows of a reference, which add up to long ones."""

    book: StreamBook
    place: int | None = None
    window: Window | None = None

    def add(self, readings: Readings, window: Window, slow_ns: int) -> None:
        if 2 * (readings.to_ns - readings.from_ns) >= slow_ns:
            self.book._learn_long(window)  # noqa: SLF001 - a part of the book
            return
        self.book._learn_short(window)  # noqa: SLF001
        place = readings.from_ns // slow_ns
        if place != self.place:
            self.close()
        self.place = place
        if self.window is None:
            self.window = window
        else:
            self.window.add(window)

    def close(self) -> None:
        if self.window is not None:
            self.book._learn_long(self.window)  # noqa: SLF001
        self.window = None


def _of_one_sort(windows: Sequence[Readings]) -> list[Readings]:
    """Leave out of a reference what has other cells than later windows of the same stream."""
    cells: dict[str, int] = {}
    alike, known = True, set[Layout]()
    for readings in windows:
        found = readings.found
        if isinstance(found, Sheet):
            layout = found.layout
            found = found.others if layout in known else found
            known.add(layout)
        for each in found:
            size = _cells(each)
            alike &= cells.setdefault(each.stream.name, size) == size
    if alike:
        return list(windows)
    for readings in windows:
        cells |= {each.stream.name: _cells(each) for each in readings.found}
    return [
        replace(r, found=tuple(e for e in r.found if cells[e.stream.name] == _cells(e)))
        for r in windows
    ]


def _cells(reading: Reading) -> int:
    return len(reading.counts) if isinstance(reading, Shares) else 0


def _detailed(
    measured: Measured, details: Mapping[str, Mapping[str, Any]], from_ns: int | None
) -> dict[str, Mapping[str, Any]]:
    """Add to the details of streams with evidence since when, and where the difference is.

    Details of what is no stream stay: rates beside their gap, a verdict in words.
    """
    found: dict[str, Mapping[str, Any]] = dict(details)
    for place in np.flatnonzero(measured.log_e >= NOTABLE).tolist():
        name, cell = measured.names[place], int(measured.cell[place])
        since_ns = int(measured.since_ns[place]) if from_ns is None else from_ns
        where = {} if cell == NO_CELL else {"cell": cell}
        found[name] = {**found.get(name, {}), "since_ns": since_ns, **where}
    return found
