"""Carry out examinations over history: pick the rows as they were known, and hand them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import LearnerError
from ostinato.core.records import Floats, Ints, TrainingRequested
from ostinato.core.watched import DiagnosisMade, ExaminationRequested
from ostinato.learn.hard import never_trained
from ostinato.loop.examining import chosen_rows, examine_rows, sample_of
from ostinato.loop.loop import Loop
from ostinato.loop.policy import Policy
from ostinato.replay.history import History
from ostinato.replay.scores import ModelScores
from ostinato.serve.assign import explored
from ostinato.watch.examine import Sample

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
    """

    loop: Loop
    policy: Policy
    history: History
    scores: ModelScores

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
        history = self.history
        if self.loop.label.never == "negative":
            history = history.with_overdue(now_ns, self.loop.label.horizon_ns)
        usable = self._usable(history, now_ns)
        reference = self._reference_rows(history, order, trained, usable)
        current = usable & self._between(history, order.from_ns, order.to_ns)
        current[: history.first] = False

        def score(table: pl.DataFrame) -> Floats:
            return self.scores.table(artifact, table)

        return examine_rows(
            self.loop,
            self._sample(history, reference, artifact),
            self._sample(history, np.flatnonzero(current), artifact),
            order,
            score=score,
            now_ns=now_ns,
            policy=self.policy,
            classes=tuple(str(each) for each in history.classes),
            group_names=history.group_names,
        )

    def _usable(self, history: History, now_ns: int) -> NDArray[np.bool_]:
        """Flag rows whose label is known, of a known class, and does not hang on the answer."""
        known = history.label_times_ns <= now_ns
        if history.n_classes:
            known &= history.labels < history.n_classes
        if self.loop.label.selective:
            share = self.policy.explore
            known &= explored(history.unit_hashes, loop=self.loop.name, share=share)
        return known

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

    def _sample(self, history: History, rows: Ints, artifact: str) -> Sample:
        rows = rows[chosen_rows(self.loop, history.unit_hashes[rows], history.times_ns[rows])]
        frame = history.frame[rows]
        return sample_of(
            self.loop,
            frame,
            times_ns=history.times_ns[rows],
            unit_hashes=history.unit_hashes[rows],
            labels=history.labels[rows],
            scores=self._answers(artifact, frame),
            groups=history.groups[rows],
        )

    def _answers(self, artifact: str, frame: pl.DataFrame) -> Floats:
        if frame.height:
            try:
                return self.scores.table(artifact, frame)
            except LearnerError:
                pass  # rows without a score have no loss, and the examination says so
        width = max(self.history.n_classes, 1)
        shape = (frame.height, width) if width > 2 else (frame.height,)
        return np.full(shape, np.nan)
