"""What every answer of a run lost and cost, as far as it was known at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ports import Entry
from ostinato.core.records import Floats, Ints
from ostinato.loop.loop import Loop, Prices
from ostinato.replay.history import History
from ostinato.replay.record import Recorder
from ostinato.stats.metrics import metric_for

THRESHOLD: Final = 0.5  # where the cost matrix turns a probability into an act

FOR_NOTHING: Final = ("training_failed", "candidate_rejected", "rollout_ended", "rolled_back")
"""Decisions that say an alarm came to nothing; each costs `Prices.alarm`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Row by row: when it was asked, what the answer lost (NaN: unknown), its harm, what was spent.

    `cost` holds trainings and alarms at the first row after them, and labels at their rows.
    """

    times_ns: Ints
    losses: Floats
    harm: Floats
    cost: Floats

    def __len__(self) -> int:
        return len(self.times_ns)

    def part(self, start: int) -> Ledger:
        """Return the rows from one on."""
        rows = slice(start, None)
        return Ledger(
            times_ns=self.times_ns[rows],
            losses=self.losses[rows],
            harm=self.harm[rows],
            cost=self.cost[rows],
        )

    def saved(self, other: Ledger) -> Floats:
        """Return what each row was spared against another policy, its own costs taken off.

        A row whose loss is unknown under one of the two has the difference of the costs alone.
        """
        known = ~np.isnan(self.losses) & ~np.isnan(other.losses)
        return np.where(known, other.harm - self.harm, 0.0) + other.cost - self.cost


def ledger_as_of(
    loop: Loop,
    history: History,
    recorder: Recorder,
    entries: Iterable[Entry],
    *,
    learns: bool,
    now_ns: int,
) -> Ledger:
    """Draw up what could be known at a moment: the matured rows, with the labels told by then.

    Parameters
    ----------
    loop, history, recorder, entries
        Of the run, which must not have gone beyond the moment.
    learns
        Whether the policy can ask for models, and so pays for labels.
    now_ns
        The moment.
    """
    matured = history.matured_rows(now_ns, loop.label.horizon_ns)
    told = recorder.ticks[-1].stop_row if recorder.ticks else 0
    size = max(min(matured, told) - history.first, 0)
    served = slice(history.first, history.first + size)
    labels = known_labels(history, served)
    labels[history.label_times_ns[served] > now_ns] = np.nan
    scores = recorder.scores[:size]
    losses, both = losses_of(loop, labels, scores, recorder.answered[:size])
    return Ledger(
        times_ns=history.times_ns[served],
        losses=losses,
        harm=harm_of(loop.prices, labels, scores, losses),
        # Spread over all rows, and cut: what follows the last matured row belongs to a later one.
        cost=costs_of(
            loop.prices,
            history.times_ns[history.first :],
            recorder,
            entries,
            both if learns else None,
        )[:size],
    )


def known_labels(history: History, rows: slice) -> Floats:
    """Return the labels of rows, NaN for those of no known class."""
    labels = history.labels[rows].copy()
    if history.n_classes:
        labels[labels >= history.n_classes] = np.nan
    return labels


def losses_of(
    loop: Loop, labels: Floats, scores: Floats, answered: NDArray[np.int16]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the loss of each answer (NaN: unknown), and where label and answer are both there."""
    both = (answered >= 0) & ~np.isnan(scores if scores.ndim == 1 else scores[:, 0])
    both &= ~np.isnan(labels)
    losses = np.full(len(labels), np.nan)
    if both.any():
        losses[both] = metric_for(loop.task, loop.metric).row_loss(labels[both], scores[both])
    return losses, both


def harm_of(prices: Prices, labels: Floats, scores: Floats, losses: Floats) -> Floats:
    """Return what each row's answer costs, by the cost matrix or by the loss; 0 where unknown."""
    if prices.false_positive is not None and prices.false_negative is not None:
        positive = scores >= THRESHOLD
        harm = np.where(positive & (labels == 0), prices.false_positive, 0.0)
        harm = np.where(~positive & (labels == 1), prices.false_negative, harm)
    else:
        harm = losses * prices.metric_unit
    known: Floats = np.where(np.isnan(losses), 0.0, harm)
    return known


def costs_of(
    prices: Prices,
    times_ns: Ints,
    recorder: Recorder,
    entries: Iterable[Entry],
    paid: NDArray[np.bool_] | None,
) -> Floats:
    """Return what was spent by each row: trainings, alarms, labels.

    A training costs what it takes in simulated time, not what a stopwatch said: values decide, and
    two runs must decide alike. The first champion is trained under every policy: its training is
    nobody's extra cost.
    `paid` says which rows' labels are paid for; it may stop before the last rows. What was spent
    after the last row is at that row.
    """
    cost: Floats = np.zeros(len(times_ns), dtype=np.float64)
    if paid is not None:
        cost[np.flatnonzero(paid)] = prices.label
    if not len(times_ns):
        return cost
    spent = [
        (at_ns, recorder.train_hours(lineage) * prices.train_hour)
        for at_ns, lineage, _ in list(recorder.trained.values())[1:]
    ]
    if prices.alarm:
        spent += [(e.ts_event_ns, prices.alarm) for e in entries if e.kind in FOR_NOTHING]
    moments = np.array([at_ns for at_ns, _ in spent], dtype=np.int64)
    places = np.minimum(np.searchsorted(times_ns, moments), len(times_ns) - 1)
    np.add.at(cost, places, [amount for _, amount in spent])
    return cost
