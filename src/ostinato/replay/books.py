"""The books of a run: what it cost and what it was worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ostinato.core.ports import Entry
from ostinato.core.records import Floats, Ints
from ostinato.loop.loop import Loop
from ostinato.replay.history import History
from ostinato.replay.ledger import Ledger, harm_of
from ostinato.replay.record import Recorder
from ostinato.replay.scores import BLOCK, ModelScores
from ostinato.stats.metrics import metric_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Losses and harm of every served row, and what the run cost.

    Parameters
    ----------
    loop, history, scores
        What was run, for asking "what if this model had stayed".
    labels, losses, harm, cost
        (n,) per served row: the label (NaN: none), the loss (NaN: unknown), its price, and what was
        spent by then.
    train_takes_ns
        What each training is paid for; None: the processor time it took here.
    champions
        (first row served, artifact) of each champion in turn.
    totals
        Seconds and counts by name; `cost` and `value` are in the currency of the prices. `value` is
        what the answers saved against keeping the first champion for ever.
    """

    loop: Loop
    history: History
    scores: ModelScores
    labels: Floats
    losses: Floats
    harm: Floats
    cost: Floats
    train_takes_ns: int | None
    champions: tuple[tuple[int, str], ...]
    totals: dict[str, float]

    @property
    def times_ns(self) -> Ints:
        """Time of each served row."""
        return self.history.times_ns[self.history.first :]

    @property
    def ledger(self) -> Ledger:
        """Losses, harm and costs, to compare with another policy's."""
        return Ledger(times_ns=self.times_ns, losses=self.losses, harm=self.harm, cost=self.cost)

    def champion_at(self, row: int) -> str:
        """Return the artifact of the champion when a served row was answered."""
        return [artifact for since, artifact in self.champions if since <= row][-1]

    def frozen(self, artifact: str, from_row: int = 0) -> tuple[Floats, Floats]:
        """Return (losses, harm) of the rows from one on, had this model answered them all."""
        return frozen(
            self.loop, self.history, self.scores, self.labels, artifact=artifact, from_row=from_row
        )


def frozen(
    loop: Loop,
    history: History,
    scores: ModelScores,
    labels: Floats,
    *,
    artifact: str,
    from_row: int,
) -> tuple[Floats, Floats]:
    """Return (losses, harm) of the served rows from one on under one model."""
    start, end = history.first + from_row, len(history)
    edges = [start, *range((start // BLOCK + 1) * BLOCK, end, BLOCK), end]
    answers = np.concatenate(
        [scores.range(artifact, low, high)[0] for low, high in pairwise(edges)]
    )
    truth = labels[from_row:]
    both = ~np.isnan(truth) & ~np.isnan(answers if answers.ndim == 1 else answers[:, 0])
    losses = np.full(len(truth), np.nan)
    losses[both] = metric_for(loop.task, loop.metric).row_loss(truth[both], answers[both])
    return losses, harm_of(loop.prices, truth, answers, losses)


def champions(recorder: Recorder) -> tuple[tuple[int, str], ...]:
    """Return (first row served, artifact) of each champion, in order."""
    found: list[tuple[int, str]] = []
    row = 0
    for tick in recorder.ticks:
        champion = tick.routes.champion
        if champion is not None:
            artifact = recorder.trained[champion][2]
            if not found or found[-1][1] != artifact:
                found.append((row, artifact))
        row = tick.stop_row - recorder.history.first
    return tuple(found)


def totals_of(
    recorder: Recorder,
    entries: Sequence[Entry],
    *,
    labels_used: int,
    cost: float,
    value: float,
) -> dict[str, float]:
    """Add up what a run did and what it cost."""
    kinds = Counter(entry.kind for entry in entries)
    spent = [lineage.cost for _, lineage, _ in recorder.trained.values()]
    return {
        "train_seconds": sum(each["cpu_seconds"] for each in spent),
        "retrains": float(max(kinds["training_requested"] - 1, 0)),
        "failed_trainings": float(kinds["training_failed"]),
        "rejections": float(kinds["candidate_rejected"]),
        "promotions": float(max(kinds["promoted"] - 1, 0)),
        "aborts": float(kinds["rollout_ended"]),
        "rollbacks": float(kinds["rolled_back"]),
        "labels_used": float(labels_used),
        "artifact_bytes": sum(each["artifact_bytes"] for each in spent),
        "cost": cost,
        "value": value,
    }
