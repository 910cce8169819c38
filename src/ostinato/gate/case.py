"""From an evaluated candidate to the case the gates judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import CandidateEvaluated, Floats, ValidationSet
from ostinato.gate.config import GateConfig
from ostinato.gate.ledger import FIXED, GOLDEN, MOSTLY, Ledger
from ostinato.gate.verdict import Case
from ostinato.stats.metrics import RowLoss, metric_for

_PER_ROW: Final = ("times_ns", "labels", "groups", "candidate", "champion")
_PER_ROW_PERHAPS: Final = ("anchor", "label_times_ns", "golden")


def make_case(
    config: GateConfig, evaluated: CandidateEvaluated, ledger: Ledger | None = None
) -> Case:
    """Compute the losses on the rows that both versions answered and that still count."""
    ledger = Ledger() if ledger is None else ledger
    row_loss = metric_for(config.task, config.metric).row_loss
    sets: dict[str, ValidationSet] = {}
    gains: dict[str, Floats] = {}
    champion_losses: dict[str, Floats] = {}
    anchor_losses: dict[str, Floats] = {}
    for validation in _apart(evaluated.sets):
        chosen = validation.explored or not config.explored
        if validation.champion is None or not len(validation) or not chosen:
            continue
        rows, ours, theirs = _losses(validation, validation.champion, row_loss)
        counts = ledger.counting(validation)[rows]
        rows, ours, theirs = rows[counts], ours[counts], theirs[counts]
        if not len(rows):
            continue
        kept = _only(validation, rows)
        sets[kept.name] = kept
        gains[kept.name], champion_losses[kept.name] = theirs - ours, theirs
        if kept.anchor is not None:
            anchor_losses[kept.name] = row_loss(kept.labels, kept.anchor)
    counted = {name: each for name, each in sets.items() if name != GOLDEN}
    usage = {name: ledger.usage(name, each.times_ns) for name, each in counted.items()}
    return Case(
        evaluated=evaluated,
        sets=sets,
        gains=gains,
        champion_losses=champion_losses,
        anchor_losses=anchor_losses,
        usage=usage,
        withheld=tuple(n for n, use in usage.items() if n in FIXED or use.seen > MOSTLY),
        group_names=config.group_names,
        task=config.task,
    )


def _apart(sets: Sequence[ValidationSet]) -> Iterator[ValidationSet]:
    """Take the golden rows out of the hard set: they are counted, and stand for no other rows."""
    for each in sets:
        if each.name != "hard" or each.golden is None:
            yield each
            continue
        yield _only(each, np.flatnonzero(~each.golden))
        yield replace(_only(each, np.flatnonzero(each.golden)), name=GOLDEN)


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
    present = [n for n in _PER_ROW_PERHAPS if getattr(validation, n) is not None]
    kept = {name: getattr(validation, name)[rows] for name in (*_PER_ROW, *present)}
    return replace(validation, **kept)
