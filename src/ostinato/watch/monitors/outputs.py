"""Prediction drift: do versions answer as they did on rows they were not trained on?

In: answers, and the scores of candidates on their validation rows. Out: shares of the scores per
cell, of positive answers, of predicted classes, of requests without an answer. State kept: counts
of the open windows per version, and per version the windows of its validation rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from ostinato.core.records import (
    CandidateEvaluated,
    Floats,
    Ints,
    PredictionsMade,
    Record,
    ValidationSet,
)
from ostinato.stats.distances import jensen_shannon, psi
from ostinato.watch.answers import FALLBACK, Answers, Waiting, unscored, windows_of
from ostinato.watch.monitor import NOW
from ostinato.watch.reading import Reading, Readings, Shares, Stream, two_cells
from ostinato.watch.scored import ScoreCells, borders_before

_WINDOWS: Final = 28
"""Windows that a reference should have; where there are fewer, rows that are never trained on are
taken to it. Fewer: how windows vary is known badly; more: scores of long ago count."""

_MOST_WINDOWS: Final = 100
"""Windows of a reference. Fewer: their spread is known less well; more: the state is larger."""

_FEWEST: Final = 10
"""Rows of a window of those that are never trained on. Fewer: shares of the window are noise; more:
slow streams have none."""

_VERSIONS: Final = 8
"""Versions whose references are kept beside those of the champion and the one before. Fewer: a
candidate that waits long to be released has none; more: the state is larger."""

_MOST_TOLD: Final = 100
"""Challengers whose reference is known to be given. Fewer: it is given once more, for nothing."""

_SUBJECT: Final = "answers"


@dataclass(slots=True)
class VersionOutputs:
    """How the scores of a version are counted, and its reference: starts and counts of windows."""

    cells: ScoreCells
    starts_ns: tuple[int, ...] = ()
    counts: Floats = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(slots=True)
class OutputState:
    """Counts by start of window, and versions by name.

    `open`: counts of each version; `asked`: requests, those without a score, those of the fallback;
    `long`: counts of each version since the last long window ended; `told`: the challengers whose
    reference was given with a reading.
    """

    champion: str = ""
    previous: str = ""
    waiting: Waiting = field(default_factory=Waiting)
    versions: dict[str, VersionOutputs] = field(default_factory=dict)
    open: dict[int, dict[str, Floats]] = field(default_factory=dict)
    asked: dict[int, Floats] = field(default_factory=dict)
    long: dict[str, Floats] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputDrift:
    """Watches the scores of the champion and of every challenger.

    Parameters
    ----------
    task, classes
        Of the loop; 0 classes for regression.
    label_borders
        Regression: borders of cells from the labels before the start, for versions whose
        validation scores are not known. May be empty.
    floor
        Difference of a share of the scores that does not matter.
    missing_floor
        The same of the share of requests without an answer.
    fast_ns, slow_ns
        Lengths of the windows.
    """

    task: str
    classes: int
    label_borders: tuple[float, ...] = ()
    floor: float = 0.05
    missing_floor: float = 0.01
    fast_ns: int
    slow_ns: int

    family: ClassVar[str] = "output"
    name: ClassVar[str] = "outputs"
    clock: ClassVar[str] = NOW
    wants: ClassVar[frozenset[str]] = frozenset({"predictions_made", "candidate_evaluated"})

    def begin(self) -> OutputState:
        """Begin with nothing seen."""
        return OutputState()

    def take(self, state: OutputState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - the signature of a monitor
        """Keep answers to be counted, and what a candidate answered on its validation rows."""
        if isinstance(record, PredictionsMade):
            if state.waiting.add(record):
                self._count(state)
        elif isinstance(record, CandidateEvaluated):
            self._know(state, record)

    def read(self, state: OutputState, from_ns: int, to_ns: int) -> Readings:
        """Read the streams of every version; what came late counts in this window."""
        self._count(state)
        over = [start for start in state.open if start < to_ns]
        if not over:
            nothing = ((f"{self.family}/{_SUBJECT}", "no request was answered in the window"),)
            return Readings(from_ns=from_ns, to_ns=to_ns, unmeasured=nothing)
        counts: dict[str, Floats] = {}
        for start in over:
            for version, each in state.open.pop(start).items():
                counts[version] = counts[version] + each if version in counts else each
        asked: Floats = np.sum([state.asked.pop(start) for start in over], axis=0)
        readings: list[Reading] = [*self._answered(asked)]
        unmeasured: list[tuple[str, str]] = []
        references: list[Readings] = []
        for version, each in counts.items():
            state.long[version] = state.long[version] + each if version in state.long else each
            found, why = self._of_version(state, version, each)
            readings.extend(found)
            unmeasured.extend(why)
            references += self._introduce(state, version)
        return Readings(
            from_ns=from_ns,
            to_ns=to_ns,
            found=tuple(readings),
            unmeasured=tuple(unmeasured),
            references=tuple(references),
        )

    def renew(self, state: OutputState, champion: str) -> tuple[Readings, ...]:
        """Go on with a champion's own validation windows, whether it is new or was rolled back."""
        self._count(state)
        if champion != state.champion:
            state.champion, state.previous = champion, state.champion
        state.told.clear()
        self._forget(state)
        return self._reference(state, champion, "")

    def describe(
        self,
        state: OutputState,
        from_ns: int,  # noqa: ARG002 - the signature of a monitor
        to_ns: int,  # noqa: ARG002 - as above
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return how far the scores of the long window are from the reference."""
        long, state.long = state.long, {}
        found: dict[str, dict[str, float | str]] = {}
        for version, counts in long.items():
            known, name = state.versions[version], self._name(state, version)
            before = {
                reading.stream.name: reading.counts
                for reading in known.cells.readings(known.counts.sum(axis=0), name, self.floor)
            }
            for reading in known.cells.readings(counts, name, self.floor):
                found[reading.stream.name] = {
                    "rows": reading.rows,
                    "unscored": float(counts[-1]),
                    **_distances(before.get(reading.stream.name), reading.counts),
                }
        return found

    # -- counting

    def _count(self, state: OutputState) -> None:
        for answers in state.waiting.drain():
            starts, windows = windows_of(answers.times_ns, self.fast_ns)
            self._count_asked(state, answers, starts, windows)
            for version in answers.models:
                cells = self._cells(state, version)
                counted = cells.count(answers.scores[version], windows, len(starts))
                for start, counts in zip(starts, counted, strict=True):
                    of_window = state.open.setdefault(start, {})
                    earlier = of_window.get(version)
                    of_window[version] = counts.copy() if earlier is None else earlier + counts

    def _count_asked(
        self, state: OutputState, answers: Answers, starts: list[int], windows: Ints
    ) -> None:
        columns = (
            np.ones(len(answers)),
            answers.unanswered().astype(np.float64),
            (answers.roles == FALLBACK).astype(np.float64),
        )
        counted = np.stack([np.bincount(windows, each) for each in columns], axis=1)
        for start, counts in zip(starts, counted, strict=True):
            state.open.setdefault(start, {})
            state.asked[start] = state.asked.get(start, np.zeros(3)) + counts

    def _cells(self, state: OutputState, version: str) -> ScoreCells:
        known = state.versions.get(version)
        if known is None:  # nobody told of its validation rows
            borders = borders_before(self.task, self.label_borders)
            cells = ScoreCells(task=self.task, classes=self.classes, borders=borders)
            known = state.versions[version] = VersionOutputs(cells)
        return known.cells

    # -- readings

    def _name(self, state: OutputState, version: str) -> str:
        return "" if version == state.champion else version

    def _answered(self, asked: Floats) -> Iterator[Reading]:
        for place, measure in ((1, "missing"), (2, "fallback")):
            stream = Stream(family=self.family, subject=_SUBJECT, measure=measure)
            yield Shares(
                stream=stream,
                counts=two_cells(float(asked[0]), float(asked[place])),
                floor=self.missing_floor,
                rising=True,
            )

    def _of_version(
        self, state: OutputState, version: str, counts: Floats
    ) -> tuple[tuple[Shares, ...], tuple[tuple[str, str], ...]]:
        cells, name = state.versions[version].cells, self._name(state, version)
        readings = cells.readings(counts, name, self.floor)
        if readings:
            return readings, ()
        stream = Stream(family=self.family, subject=cells.subject, version=name)
        why = (
            "the version scored none of the requests"
            if not cells.rows(counts)
            else "no prediction and no label was known before from which to cut the range"
        )
        return (), ((stream.name, why),)

    # -- references

    def _know(self, state: OutputState, evaluated: CandidateEvaluated) -> None:
        """Keep what a candidate answered on its validation rows."""
        version, chosen = evaluated.version, _representative(evaluated.sets, self.floor)
        if version in state.versions:  # its counts stand in the cells that they were begun with
            cells = state.versions[version].cells
        else:
            scores = [each.candidate for each in chosen]
            other = borders_before(self.task, self.label_borders)
            cells = ScoreCells.fitted(
                self.task, self.classes, np.concatenate(scores) if scores else np.empty(0), other
            )
        known = VersionOutputs(cells, counts=np.zeros((0, cells.width)))
        state.versions[version] = known
        for each in chosen:
            starts, windows = windows_of(each.times_ns, self.slow_ns)
            counts = cells.count(each.candidate, windows, len(starts))
            if each.name == "random":
                starts, counts = _further(known, starts, counts)
            known.starts_ns = (*starts[-_MOST_WINDOWS:], *known.starts_ns)
            known.counts = np.concatenate([counts[-_MOST_WINDOWS:], known.counts])
        self._forget(state)

    def _forget(self, state: OutputState) -> None:
        """Keep the versions that may still be asked for, and those that are being counted."""
        needed = {state.champion, state.previous, *state.long}
        for of_window in state.open.values():
            needed |= of_window.keys()
        others = [version for version in state.versions if version not in needed]
        for version in others[: max(len(others) - _VERSIONS, 0)]:
            del state.versions[version]

    def _introduce(self, state: OutputState, version: str) -> tuple[Readings, ...]:
        """Return the reference of a challenger when it is read first."""
        if version == state.champion or version in state.told:
            return ()
        state.told = [*state.told, version][-_MOST_TOLD:]
        return self._reference(state, version, version)

    def _reference(self, state: OutputState, version: str, name: str) -> tuple[Readings, ...]:
        known = state.versions.get(version)
        if known is None:
            return ()
        found: list[Readings] = []
        for start, counts in zip(known.starts_ns, known.counts, strict=True):
            readings: list[Reading] = [*known.cells.readings(counts, name, self.floor)]
            if not name:  # who answers has to answer: that is compared with always
                readings += self._answered(np.array([known.cells.rows(counts), 0.0, 0.0]))
            if readings:
                to_ns = start + self.slow_ns
                found.append(Readings(from_ns=start, to_ns=to_ns, found=tuple(readings)))
        return tuple(found)


def _representative(sets: tuple[ValidationSet, ...], floor: float) -> tuple[ValidationSet, ...]:
    """Return the recent rows and those never trained on, where they stand for all requests.

    Validation rows have labels. Where many are without, those with one may be others than the
    rest: a share of the scores can differ by as much as the share that is missing.
    """
    named = {each.name: each for each in sets}
    found = [named[name] for name in ("recent", "random") if name in named]
    return tuple(
        each
        for each in found
        if not unscored(each.candidate).all()
        and (each.explored or each.unlabelled <= floor / 2.0 * len(each))
    )


def _further(known: VersionOutputs, starts: list[int], counts: Floats) -> tuple[list[int], Floats]:
    """Return the newest windows before those known that a reference still lacks."""
    lacking = _WINDOWS - len(known.starts_ns)
    first = known.starts_ns[0] if known.starts_ns else np.iinfo(np.int64).max
    enough = counts.sum(axis=1) >= _FEWEST
    fits = [place for place, start in enumerate(starts) if start < first and enough[place]]
    fits = fits[-lacking:] if lacking > 0 else []
    return [starts[place] for place in fits], counts[fits]


def _distances(before: Floats | None, now: Floats) -> dict[str, float]:
    """Return by how much shares of cells differ, in all."""
    if before is None or before.size < 2 or not before.sum() or not now.sum():
        return {}
    moved, apart = psi(before, now), jensen_shannon(before, now)
    return {
        "psi": moved.effect,
        "psi_by_chance": moved.by_chance,
        "psi_low": moved.low,
        "js": apart.effect,
        "js_low": apart.low,
    }
