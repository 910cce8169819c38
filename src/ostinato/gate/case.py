"""From an evaluated candidate to the case the gates judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import CandidateEvaluated, Floats, ValidationSet
from ostinato.gate.config import GateConfig
from ostinato.gate.verdict import Case
from ostinato.stats.metrics import RowLoss, metric_for


def make_case(config: GateConfig, evaluated: CandidateEvaluated) -> Case:
    """Compute the losses on the rows that both versions answered."""
    row_loss = metric_for(config.task, config.metric).row_loss
    sets: dict[str, ValidationSet] = {}
    gains: dict[str, Floats] = {}
    champion_losses: dict[str, Floats] = {}
    for validation in evaluated.sets:
        if validation.champion is None or not len(validation):
            continue
        rows, ours, theirs = _losses(validation, validation.champion, row_loss)
        if not len(rows):
            continue
        sets[validation.name] = _only(validation, rows)
        gains[validation.name], champion_losses[validation.name] = theirs - ours, theirs
    return Case(
        evaluated=evaluated,
        sets=sets,
        gains=gains,
        champion_losses=champion_losses,
        group_names=config.group_names,
        task=config.task,
    )


def unanswered(evaluated: CandidateEvaluated) -> str | None:
    """Name the first set on which the candidate answered something that is no number."""
    for validation in evaluated.sets:
        if not np.isfinite(validation.candidate).all():
            return validation.name
    return None


def _losses(
    validation: ValidationSet, champion: Floats, row_loss: RowLoss
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return the rows that count, and both losses on them."""
    # A champion may have failed on rows; they say nothing about the candidate.
    rows = np.flatnonzero(np.isfinite(champion.reshape(len(champion), -1)).all(axis=1))
    labels = validation.labels[rows]
    ours, theirs = row_loss(labels, validation.candidate[rows]), row_loss(labels, champion[rows])
    known = np.isfinite(ours) & np.isfinite(theirs)
    return rows[known], ours[known], theirs[known]


def _only(validation: ValidationSet, rows: NDArray[np.intp]) -> ValidationSet:
    if len(rows) == len(validation):
        return validation
    assert validation.champion is not None, "rows that both answered have a champion"
    return replace(
        validation,
        times_ns=validation.times_ns[rows],
        labels=validation.labels[rows],
        groups=validation.groups[rows],
        candidate=validation.candidate[rows],
        champion=validation.champion[rows],
    )
