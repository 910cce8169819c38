"""Carry out examinations over history: pick the rows as they were known, and hand them on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError, LearnerError
from ostinato.core.records import Floats, Ints, TrainingRequested
from ostinato.core.watched import DiagnosisMade, ExaminationRequested
from ostinato.decide.actions import action_for
from ostinato.decide.examining import SCHEDULE
from ostinato.learn.hard import never_trained
from ostinato.loop.examining import chosen_rows, examine_rows, sample_of
from ostinato.loop.loop import Loop
from ostinato.loop.policy import Policy
from ostinato.replay.history import History
from ostinato.replay.scores import ModelScores
from ostinato.serve.assign import explored
from ostinato.watch.examine import Sample
from ostinato.watch.examine.change import FEWEST

REFERENCE_LEAST: Final = 2_000
"""Labelled rows of a reference, beyond which rows that the champion answered are not taken in.
Fewer: a short holdout alone is compared with; more: the reference reaches into the time in which
something may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Examines the champions of one policy's run over a history.

    Parameters
    ----------
    loop, policy
        Whose champions they are.
    history
        All rows.
    scores
        All models.
    done
        Examinations that were made: policies that are compared ask for the same ones.
    """

    loop: Loop
    policy: Policy
    history: History
    scores: ModelScores
    done: dict[tuple[Any, ...], DiagnosisMade] = field(default_factory=dict)

    def carry_out(
        self, order: ExaminationRequested, trained: TrainingRequested, artifact: str, *, now_ns: int
    ) -> DiagnosisMade:
        """Examine what was ordered.

        Parameters
        ----------
        order
            The order.
        trained
            What the champion learned from and was proved on.
        artifact
            Hash of the champion.
        now_ns
            Labels known later do not exist.
        """
        by_chance = self.policy.explore if self.loop.label.selective else 1.0
        spans = (trained.from_ns, trained.holdout_from_ns, trained.matured_to_ns)
        asked = (order.from_ns, order.to_ns, order.subject == SCHEDULE, now_ns)
        key = (artifact, by_chance, *spans, *asked)
        if key not in self.done:
            self.done[key] = self._examine(order, trained, artifact, now_ns=now_ns)
        made = self.done[key]
        return replace(
            made,
            subject=order.champion,
            request=order.request,
            action=action_for(made.cause, order.evidence["policy"]),
        )

    def _examine(
        self, order: ExaminationRequested, trained: TrainingRequested, artifact: str, *, now_ns: int
    ) -> DiagnosisMade:
        history = self.history
        if self.loop.label.never == "negative":
            history = history.with_overdue(now_ns, self.loop.label.horizon_ns)
        labels, fair = self._labels(history, now_ns), self._fair(history)
        reference = self._reference_rows(history, order, trained, fair & np.isfinite(labels))
        current = self._current_rows(history, order, fair, labels)

        def score(table: pl.DataFrame) -> Floats:
            return self.scores.table(artifact, table)

        return examine_rows(
            self.loop,
            self._sample(history, labels, order, reference, artifact),
            self._sample(history, labels, order, current, artifact),
            order,
            score=score,
            now_ns=now_ns,
            classes=tuple(str(each) for each in history.classes),
            group_names=history.group_names,
        )

    def _labels(self, history: History, now_ns: int) -> Floats:
        """Return the labels that count, NaN for others.

        Quick labels are not like slow ones: a row counts when all rows before it have matured.
        """
        matured = history.matured_rows(now_ns, self.loop.label.horizon_ns)
        known = history.label_times_ns <= now_ns
        known &= np.arange(len(history)) < matured
        if history.n_classes:
            known &= history.labels < history.n_classes
        return np.where(known, history.labels, np.nan)

    def _fair(self, history: History) -> NDArray[np.bool_]:
        """Flag rows whose label does not hang on who answered."""
        if not self.loop.label.selective:
            return np.ones(len(history), dtype=np.bool_)
        return explored(history.unit_hashes, loop=self.loop.name, share=self.policy.explore)

    def _current_rows(
        self, history: History, order: ExaminationRequested, fair: NDArray[np.bool_], labels: Floats
    ) -> Ints:
        """Return the rows asked about: those with a label, or all where hardly any has one."""
        asked = fair & self._between(history, order.from_ns, order.to_ns)
        asked[: history.first] = False
        labelled = np.flatnonzero(asked & np.isfinite(labels))
        return labelled if len(labelled) >= FEWEST else np.flatnonzero(asked)

    def _between(self, history: History, from_ns: int, to_ns: int) -> NDArray[np.bool_]:
        flags: NDArray[np.bool_] = (history.times_ns >= from_ns) & (history.times_ns < to_ns)
        return flags

    def _reference_rows(
        self,
        history: History,
        order: ExaminationRequested,
        trained: TrainingRequested,
        usable: NDArray[np.bool_],
    ) -> Ints:
        """Return rows before the ones asked about that the champion was not trained on.

        Its recent holdout and the rows no version learns from; where those are few, the first rows
        it can have answered.
        """
        held = never_trained(history.unit_hashes, loop=self.loop.name, share=self.loop.holdout)
        recent = self._between(history, trained.holdout_from_ns, trained.matured_to_ns + 1)
        aside = held & self._between(history, trained.from_ns, trained.holdout_from_ns)
        before = usable & (history.times_ns < order.from_ns)
        rows = np.flatnonzero(before & (recent | aside))
        later = np.flatnonzero(before & (history.times_ns > trained.matured_to_ns))
        found: Ints = np.concatenate([rows, later[: max(REFERENCE_LEAST - len(rows), 0)]])
        return found

    def _sample(
        self,
        history: History,
        labels: Floats,
        order: ExaminationRequested,
        rows: Ints,
        artifact: str,
    ) -> Sample:
        units, times = history.unit_hashes[rows], history.times_ns[rows]
        rows = rows[chosen_rows(self.loop, order, units, times)]
        frame = history.frame[rows]
        return sample_of(
            self.loop,
            frame,
            times_ns=history.times_ns[rows],
            labels=labels[rows],
            scores=self._answers(artifact, frame),
            groups=history.groups[rows],
        )

    def _answers(self, artifact: str, frame: pl.DataFrame) -> Floats:
        if frame.height:
            try:
                return self.scores.table(artifact, frame)
            except (DataError, LearnerError):
                pass  # rows without a score have no loss, and the examination says so
        width = max(self.history.n_classes, 1)
        shape = (frame.height, width) if width > 2 else (frame.height,)
        return np.full(shape, np.nan)
