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
from ostinato.core.units import DAY_NS
from ostinato.core.watched import EstimatesSettled
from ostinato.stats.metrics import METRICS as TABLE
from ostinato.watch.answers import Answers, unscored, windows_of
from ostinato.watch.estimate.estimator import MOST_CLASSES, loss_name
from ostinato.watch.estimate.learning import FEWEST, Learning, moments
from ostinato.watch.estimate.state import Awaited, EstimateState, VersionEstimate
from ostinato.watch.monitor import NOW
from ostinato.watch.reading import Level, Reading, Readings, Stream

_EXPLORE: Final = ROLES.index("explore")

_VERSIONS: Final = 8
"""Versions that are remembered beside the champion and the one before. Fewer: a candidate that
waits long to be released has no reference; more: the state is larger."""

_MOST_AWAITED: Final = 400
"""Long windows whose labels are awaited. Fewer: labels that take longer never tell; more: the state
is larger."""

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

    def take(self, state: EstimateState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - the signature of a monitor
        """Keep answers and labels to be counted; learn from validation rows."""
        if not self._learning.possible:
            return
        full = False
        match record:
            case PredictionsMade():
                full = state.asked.add(record)
            case RowsMatured():
                full = state.matured.add(record)
                state.matured_to_ns = max(state.matured_to_ns, record.matured_to_ns)
            case CandidateEvaluated():
                self._know(state, record)
            case _:
                pass
        if full:
            self._count(state)

    def read(self, state: EstimateState, from_ns: int, to_ns: int) -> Readings:
        """Read the expected loss of every version; what came late counts in this window."""
        if not self._learning.possible:
            why = f"a task of more than {MOST_CLASSES} classes is not estimated"
            unmeasured = ((f"{self.family}/{self.loss}", why),)
            return Readings(from_ns=from_ns, to_ns=to_ns, unmeasured=unmeasured)
        self._count(state)
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
            records=tuple(self._settle(state, to_ns)),
        )

    def renew(self, state: EstimateState, champion: str) -> tuple[Readings, ...]:
        """Go on with a champion's own validation windows, whether it is new or was rolled back."""
        self._count(state)
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
                facts = self._tell(known, window, to_ns)
                found[self._stream(state, version).name] = facts | self._record(known)
        for known in state.versions.values():
            self._learning.refresh(known)
        return found

    # -- counting

    def _count(self, state: EstimateState) -> None:
        """Count answers, then labels, which are compared with what was expected of their rows."""
        for answers in state.asked.drain():
            for start, rows in _by_window(answers.times_ns, self.slow_ns):
                for version in answers.models:
                    self._expect(state, answers, version, start, rows)
        for matured in state.matured.drain():
            for version in matured.models:
                self._learn(state, matured, version)

    def _known(self, state: EstimateState, version: str) -> VersionEstimate:
        known = state.versions.get(version)
        if known is None:  # nobody told of its validation rows
            known = state.versions[version] = self._learning.begin(())
        return known

    def _expect(
        self, state: EstimateState, answers: Answers, version: str, start_ns: int, rows: Ints
    ) -> None:
        """Add the expected losses of a version's answers within one long window."""
        known = self._known(state, version)
        scores = answers.scores[version][rows]
        scored = ~unscored(scores)
        if known.guess is None or not scored.any():
            return
        window = self._window(state, known, version, start_ns)
        if window.told:  # too late to count
            return
        estimator = self._learning.estimator(known)
        scores, times_ns = scores[scored], answers.times_ns[rows][scored]
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

    def _tell(self, known: VersionEstimate, window: Awaited, now_ns: int) -> dict[str, float | str]:
        """Make the estimate of a long window that is over."""
        estimator, rows = self._learning.estimator(known), float(window.expected[0])
        by_chance = float(window.expected[3]) / rows**2
        window.value = float(window.expected[1]) / rows
        window.se = math.sqrt(by_chance + estimator.error(window.guess, window.said))
        window.told_ns = now_ns
        low, high = window.interval()
        facts: dict[str, float | str] = {
            "estimate": window.value,
            "low": low,
            "high": high,
            "rows": rows,
        }
        for name, found in estimator.metrics(window.guess, window.said).items():
            if not math.isnan(found.value):
                facts[name] = found.value
            if not math.isnan(found.low):
                facts[f"{name}_low"], facts[f"{name}_high"] = found.low, found.high
        window.said = np.zeros(0)
        return facts

    def _record(self, known: VersionEstimate) -> dict[str, float | str]:
        """Return how good estimates of a version were, and whether what they assume holds."""
        facts: dict[str, float | str] = {"settled": float(known.track.settled)}
        if known.track.judged:
            facts["coverage"] = known.track.covered / known.track.judged
            facts["median_error"] = float(np.median(known.track.errors))
            facts["days_ahead"] = float(np.median(known.track.ahead_ns)) / DAY_NS
        concept = known.concept
        if concept is not None:
            facts["concept_log10_e"] = concept.log10_e
            broken = concept.since_ns is not None
            facts["assumption"] = (
                "broken: labels do not depend on scores as they did" if broken else "holds so far"
            )
        return facts

    def _settle(self, state: EstimateState, now_ns: int) -> Iterator[Record]:
        """Tell what labels said of the windows that have matured, and forget them."""
        settled: list[tuple[int, str, Awaited]] = []
        for start in list(state.awaited):
            if start + self.slow_ns - 1 <= state.matured_to_ns:
                told = [(v, w) for v, w in state.awaited[start].items() if w.told]
                if told or start + self.slow_ns < now_ns:
                    del state.awaited[start]
                settled += [(start, version, window) for version, window in told]
        for start in list(state.awaited)[:-_MOST_AWAITED]:
            del state.awaited[start]
        for _, version, window in settled:
            if version in state.versions:
                state.versions[version].track.add(window, now_ns)
        if settled:
            yield self._settled(settled, now_ns)

    def _settled(self, settled: list[tuple[int, str, Awaited]], now_ns: int) -> EstimatesSettled:
        starts = np.array([start for start, _, _ in settled], dtype=np.int64)
        windows = [window for _, _, window in settled]
        fused = [window.fused() for window in windows]

        def column(values: Iterator[float]) -> Floats:
            return np.fromiter(values, dtype=np.float64, count=len(windows))

        def count(place: str) -> Ints:
            return np.array([getattr(window, place)[0] for window in windows]).astype(np.int64)

        return EstimatesSettled(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            loss=self.loss,
            versions=tuple(version for _, version, _ in settled),
            from_ns=starts,
            to_ns=starts + self.slow_ns,
            told_ns=np.array([window.told_ns for window in windows], dtype=np.int64),
            settled_ns=np.full(len(windows), now_ns, dtype=np.int64),
            rows=count("expected"),
            labelled=count("labelled"),
            estimate=column(window.value for window in windows),
            low=column(window.interval()[0] for window in windows),
            high=column(window.interval()[1] for window in windows),
            realised=column(window.realised for window in windows),
            fused=column(math.nan if each is None else each.mean for each in fused),
            fused_low=column(math.nan if each is None else each.low for each in fused),
            fused_high=column(math.nan if each is None else each.high for each in fused),
            covered=column(window.covered() for window in windows),
        )

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
        state.told.append(version)
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
    return tuple(named[name] for name in names if name in named and len(named[name]))


def _by_window(times_ns: Ints, width_ns: int) -> Iterator[tuple[int, Ints]]:
    """Yield the start of each window and the places of its rows."""
    if not len(times_ns):
        return
    starts, windows = windows_of(times_ns, width_ns)
    for place, start in enumerate(starts):
        yield start, np.flatnonzero(windows == place)


def _total(mean: Floats, variance: Floats) -> Floats:
    return np.array([len(mean), mean.sum(), np.square(mean).sum(), variance.sum()])
