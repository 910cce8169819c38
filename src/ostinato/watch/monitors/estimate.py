"""Performance before labels: the loss that is expected of today's answers, and its track record.

In: answers, matured rows, and the scores of candidates on their validation rows. Out: the expected
mean loss of the champion and of every challenger, to be compared with the loss on rows they were
not trained on; and for every long window what labels said of its estimate. State kept: per version
counts by cell of the score, sums over open windows and over those whose labels are awaited.

The streams answer "are today's inputs harder for this model?": calibration that is off by chance
cancels against the reference. What the labels of late say (the concept moved) goes into the
estimates in `describe` and into `EstimatesSettled`, and shows in performance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from ostinato.core.records import (
    ROLES,
    CandidateEvaluated,
    Floats,
    Ints,
    PredictionsMade,
    Record,
    RowsMatured,
    ValidationSet,
)
from ostinato.stats.metrics import METRICS as TABLE
from ostinato.watch.answers import Answers, unscored, windows_of
from ostinato.watch.estimate.estimator import MOST_CLASSES, loss_name
from ostinato.watch.estimate.learning import FEWEST, Learning, moments
from ostinato.watch.estimate.state import Awaited, EstimateState, VersionEstimate
from ostinato.watch.estimate.telling import settled_record, so_far, told
from ostinato.watch.monitor import NOW
from ostinato.watch.reading import Level, Reading, Readings, Stream

_EXPLORE: Final = ROLES.index("explore")

_VERSIONS: Final = 8
"""Versions that are remembered beside the champion and the one before. Fewer: a candidate that
waits long to be released has no reference; more: the state is larger."""

_MOST_AWAITED: Final = 400
"""Long windows whose labels are awaited. Fewer: labels that take longer never tell; more: the state
is larger."""

_MOST_TOLD: Final = 100
"""Challengers whose reference is known to be given. Fewer: it is given once more, for nothing."""

_FEW_RECENT: Final = 500
"""Recent validation rows from which on others are no reference. Fewer: it is noise; more: rows of
long ago are mixed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceEstimate:
    """Watches the loss that is expected of the versions' answers.

    Parameters
    ----------
    task, metric, classes
        Of the loop; 0 classes for regression.
    tolerance
        Relative rise of the mean loss that is no news.
    explored
        Whether labels come by chance only for rows with the role ``explore``.
    own
        Whether an answer changes the truth: labels then say what a version is worth only of rows
        that it answered itself.
    missing
        Share of validation rows that may lack a label for the others to stand for all.
    fast_ns, slow_ns
        Lengths of the windows.
    """

    task: str
    metric: str
    classes: int
    tolerance: float = 0.05
    explored: bool = False
    own: bool = False
    missing: float = 0.025
    fast_ns: int
    slow_ns: int

    family: ClassVar[str] = "estimate"
    name: ClassVar[str] = "estimate"
    clock: ClassVar[str] = NOW
    wants: ClassVar[frozenset[str]] = frozenset(
        {"predictions_made", "rows_matured", "candidate_evaluated"}
    )

    @property
    def loss(self) -> str:
        """Name of the row loss that is estimated."""
        return loss_name(self.task, self.metric)

    @property
    def _learning(self) -> Learning:
        return Learning(self.task, self.loss, self.classes, self.tolerance)

    def begin(self) -> EstimateState:
        """Begin with nothing learned."""
        return EstimateState()

    def take(self, state: EstimateState, record: Record, now_ns: int) -> None:
        """Keep answers and labels to be counted; learn from validation rows."""
        if not self._learning.possible:
            return
        full = False
        match record:
            case PredictionsMade():
                full = state.asked.add(record)
            case RowsMatured():
                full = state.matured.add(record)
                self._note(state, record.matured_to_ns, now_ns)
            case CandidateEvaluated():
                self._know(state, record)
            case _:
                pass
        if full:
            self._expect_all(state)
            self._learn_all(state)

    def read(self, state: EstimateState, from_ns: int, to_ns: int) -> Readings:
        """Read the expected loss of every version; what came late counts in this window."""
        if not self._learning.possible:
            why = f"a task of more than {MOST_CLASSES} classes is not estimated"
            unmeasured = ((f"{self.family}/{self.loss}", why),)
            return Readings(from_ns=from_ns, to_ns=to_ns, unmeasured=unmeasured)
        self._expect_all(state)
        settled: tuple[Record, ...] = ()
        if to_ns % self.slow_ns == 0:  # labels teach once in a long window: that costs less
            self._learn_all(state)
            settled = tuple(self._settle(state, to_ns))
        counts: dict[str, Floats] = {}
        for start in [start for start in state.open if start < to_ns]:
            for version, sums in state.open.pop(start).items():
                counts[version] = counts[version] + sums if version in counts else sums
        awaited = state.awaited.get(from_ns // self.slow_ns * self.slow_ns, {})
        found: list[Reading] = []
        references: list[Readings] = []
        for version, sums in counts.items():
            found.append(self._level(state, version, sums, awaited.get(version)))
            references += self._introduce(state, version)
        return Readings(
            from_ns=from_ns,
            to_ns=to_ns,
            found=tuple(found),
            unmeasured=tuple(self._unmeasured(state, counts)),
            references=tuple(references),
            records=settled,
        )

    def renew(self, state: EstimateState, champion: str) -> tuple[Readings, ...]:
        """Go on with a champion's own validation windows, whether it is new or was rolled back."""
        self._expect_all(state)
        if champion != state.champion:
            state.champion, state.previous = champion, state.champion
        state.told.clear()
        self._forget(state)
        return self._reference(state, champion, "")

    def describe(
        self, state: EstimateState, from_ns: int, to_ns: int
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Tell the estimates of the long window and how good they were so far; then learn anew."""
        found: dict[str, Mapping[str, float | str]] = {}
        for version, window in state.awaited.get(from_ns, {}).items():
            if window.expected[0] and version in state.versions:
                known = state.versions[version]
                facts = told(self._learning.estimator(known), window, to_ns)
                found[self._stream(state, version).name] = facts | so_far(known)
        for known in state.versions.values():
            self._learning.refresh(known)
        return found

    # -- counting

    def _note(self, state: EstimateState, matured_to_ns: int, now_ns: int) -> None:
        """Note when the labels of a long window are in."""
        before, after = state.matured_to_ns // self.slow_ns, matured_to_ns // self.slow_ns
        if after > before:
            for start in state.awaited:
                if before <= start // self.slow_ns < after:
                    state.matured_at[start] = now_ns
        state.matured_to_ns = max(state.matured_to_ns, matured_to_ns)

    def _expect_all(self, state: EstimateState) -> None:
        """Add the expected losses of the answers that wait."""
        for answers in state.asked.drain():
            for start, rows in _by_window(answers.times_ns, self.slow_ns):
                for version in answers.models:
                    self._expect(state, answers, version, start, rows)

    def _learn_all(self, state: EstimateState) -> None:
        """Learn from the labels that wait; the losses of their rows are expected by now."""
        for matured in state.matured.drain():
            for version in matured.models:
                self._learn(state, matured, version)

    def _known(self, state: EstimateState, version: str) -> VersionEstimate:
        known = state.versions.get(version)
        if known is None:  # nobody told of its validation rows
            known = state.versions[version] = self._learning.begin(())
        return known

    def _expect(
        self,
        state: EstimateState,
        answers: Answers,
        version: str,
        start_ns: int,
        rows: Ints | slice,
    ) -> None:
        """Add the expected losses of a version's answers within one long window."""
        known = self._known(state, version)
        scores = answers.scores[version][rows]
        scored = ~unscored(scores)
        if known.guess is None or not scored.any():
            return
        whole = bool(scored.all())
        window = self._window(state, known, version, start_ns)
        if window.told:  # too late to count
            return
        estimator = self._learning.estimator(known)
        times_ns = answers.times_ns[rows]
        if not whole:
            scores, times_ns = scores[scored], times_ns[scored]
        mean, variance = estimator.expected(window.guess, scores)
        window.said = window.said + estimator.said(scores)
        starts, windows = windows_of(times_ns, self.fast_ns)
        window.expected = window.expected + _total(mean, variance)
        shifted = moments(mean + window.shift, variance, windows, len(starts))
        for start, sums in zip(starts, shifted, strict=True):
            of_window = state.open.setdefault(start, {})
            earlier = of_window.get(version)
            of_window[version] = sums.copy() if earlier is None else earlier + sums

    def _window(
        self, state: EstimateState, known: VersionEstimate, version: str, start_ns: int
    ) -> Awaited:
        assert known.guess is not None, "windows begin with a guess"
        of_versions = state.awaited.setdefault(start_ns, {})
        window = of_versions.get(version)
        if window is None:
            shift = self._learning.shift(known, known.guess)
            window = Awaited(known.guess, shift, np.zeros_like(known.said))
            of_versions[version] = window
        return window

    def _learn(self, state: EstimateState, matured: Answers, version: str) -> None:
        """Learn from labelled rows, after they were compared with what was expected of them."""
        known, learning = self._known(state, version), self._learning
        if known.guess is None and (self.task == "regression" or matured.revision):
            return  # without validation rows there are no cells to learn in; nothing to take back
        usable = learning.usable(matured.labels, matured.scores[version])
        if self.explored:
            usable &= matured.roles == _EXPLORE
        if self.own:
            usable &= matured.answered == matured.versions.index(version)
        if not usable.any():
            return
        rows = np.flatnonzero(usable)
        labels, scores = matured.labels[rows], matured.scores[version][rows]
        if not matured.revision:
            for start, part in _by_window(matured.times_ns[rows], self.slow_ns):
                window = state.awaited.get(start, {}).get(version)
                if window is not None:
                    self._compare(known, window, labels[part], scores[part], start)
        learning.learn(known, labels, scores, matured.signs[rows].astype(np.float64))

    def _compare(
        self, known: VersionEstimate, window: Awaited, labels: Floats, scores: Floats, start_ns: int
    ) -> None:
        estimator = self._learning.estimator(known)
        losses = TABLE[self.loss].row_loss(labels, scores)
        guess, _ = estimator.expected(window.guess, scores)
        columns = (np.ones(len(losses)), losses, losses**2, guess, guess**2, losses * guess)
        window.labelled = window.labelled + np.stack(columns).sum(axis=1)
        if known.concept is not None:
            known.concept.take(estimator.surprises(window.guess, labels, scores), start_ns)

    # -- readings

    def _stream(self, state: EstimateState, version: str) -> Stream:
        name = "" if version == state.champion else version
        return Stream(family=self.family, subject=self.loss, version=name)

    def _level(
        self, state: EstimateState, version: str, sums: Floats, window: Awaited | None
    ) -> Level:
        stream = self._stream(state, version)
        if window is None:
            return self._of_sums(stream, sums, 0.0)
        known = state.versions[version]
        error = self._learning.estimator(known).error(window.guess, window.said, known.said)
        # All short windows of a long one share this error: together they must not average it out.
        return self._of_sums(stream, sums, error * float(sums[0]) * (self.slow_ns / self.fast_ns))

    def _of_sums(self, stream: Stream, sums: Floats, further: float) -> Level:
        rows = float(sums[0])
        mean = float(sums[1]) / rows
        variance = max(float(sums[2]) / rows - mean * mean, 0.0)
        return Level(
            stream=stream,
            rows=rows,
            mean=mean,
            deviation=math.sqrt(variance + further),
            floor=self.tolerance,
            falling=False,
        )

    def _unmeasured(
        self, state: EstimateState, counts: Mapping[str, Floats]
    ) -> Iterator[tuple[str, str]]:
        for version, known in state.versions.items():
            if version in counts or (known.guess is not None and version != state.champion):
                continue
            yield self._stream(state, version).name, self._why(known)
        if state.champion not in state.versions:
            yield self._stream(state, state.champion).name, "no request was answered in the window"

    def _why(self, known: VersionEstimate) -> str:
        if known.guess is not None:
            return "the version scored no request in the window"
        if self.task == "regression":
            return "the version has too few validation rows to learn from what it loses"
        return (
            f"{int(known.lost[0])} of {FEWEST} labelled rows that the version was not trained on, "
            "to learn how often its scores come true"
        )

    # -- long windows

    def _settle(self, state: EstimateState, now_ns: int) -> Iterator[Record]:
        """Tell what labels said of the windows that have matured, and forget them."""
        settled: list[tuple[int, str, Awaited]] = []
        for start in list(state.awaited):
            over = start + self.slow_ns - 1 <= state.matured_to_ns and start + self.slow_ns < now_ns
            if over:
                for version, window in state.awaited.pop(start).items():
                    if window.told:
                        window.settled_ns = state.matured_at.get(start, now_ns)
                        settled.append((start, version, window))
        for start in list(state.awaited)[:-_MOST_AWAITED]:
            del state.awaited[start]
        state.matured_at = {s: at for s, at in state.matured_at.items() if s in state.awaited}
        for _, version, window in settled:
            if version in state.versions:
                state.versions[version].track.add(window)
        if settled:
            yield settled_record(settled, self.loss, self.slow_ns, now_ns)

    # -- references

    def _know(self, state: EstimateState, evaluated: CandidateEvaluated) -> None:
        """Learn from what a candidate answered on rows it was not trained on."""
        learning, chosen = self._learning, _chosen(evaluated.sets)
        known = learning.begin(chosen)
        fair = tuple(
            each
            for each in chosen
            if each.explored or each.unlabelled <= self.missing * max(len(each), 1)
        )
        known.starts_ns, known.windows = learning.windows(known, fair, self.slow_ns)
        state.versions[evaluated.version] = known
        self._forget(state)

    def _forget(self, state: EstimateState) -> None:
        """Keep the versions that may still be asked for, and those whose labels are awaited."""
        needed = {state.champion, state.previous}
        for of_versions in state.awaited.values():
            needed |= of_versions.keys()
        others = [version for version in state.versions if version not in needed]
        for version in others[: max(len(others) - _VERSIONS, 0)]:
            del state.versions[version]

    def _introduce(self, state: EstimateState, version: str) -> tuple[Readings, ...]:
        """Return the reference of a challenger when it is read first."""
        if version == state.champion or version in state.told:
            return ()
        state.told = [*state.told, version][-_MOST_TOLD:]
        return self._reference(state, version, version)

    def _reference(self, state: EstimateState, version: str, name: str) -> tuple[Readings, ...]:
        known = state.versions.get(version)
        if known is None:
            return ()
        stream = Stream(family=self.family, subject=self.loss, version=name)
        return tuple(
            Readings(
                from_ns=start,
                to_ns=start + self.slow_ns,
                found=(self._of_sums(stream, sums, 0.0),),
            )
            for start, sums in zip(known.starts_ns, known.windows, strict=True)
        )


def _chosen(sets: tuple[ValidationSet, ...]) -> tuple[ValidationSet, ...]:
    """Return the recent rows; where they are few also those that are never trained on."""
    named = {each.name: each for each in sets}
    recent = named.get("recent")
    few = recent is None or len(recent) < _FEW_RECENT
    names = ("recent", "random") if few else ("recent",)
    chosen = [named[name] for name in names if name in named]
    return tuple(each for each in chosen if not unscored(each.candidate).all())


def _by_window(times_ns: Ints, width_ns: int) -> Iterator[tuple[int, Ints | slice]]:
    """Yield the start of each window and the places of its rows."""
    if not len(times_ns):
        return
    starts, windows = windows_of(times_ns, width_ns)
    if len(starts) == 1:
        yield starts[0], slice(None)
        return
    for place, start in enumerate(starts):
        yield start, np.flatnonzero(windows == place)


def _total(mean: Floats, variance: Floats) -> Floats:
    return np.array([len(mean), mean.sum(), np.square(mean).sum(), variance.sum()])
