"""Join labels to predictions and let cohorts mature in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import LabelsArrived, PredictionsMade, Record
from ostinato.core.stage import Stage
from ostinato.core.watched import OutcomesArrived
from ostinato.join.config import JoinConfig
from ostinato.join.early import awaited, overdue_labels
from ostinato.join.labels import drop_early, release_early, take_labels
from ostinato.join.matured import matured_rows
from ostinato.join.outcomes import OutcomeState, expect_outcomes, settle, take_outcomes
from ostinato.join.state import Cohort, JoinState


def start(config: JoinConfig) -> JoinState:
    """Begin with nothing to join."""
    return JoinState(config_=config)


def step(state: JoinState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take predictions and labels; return the rows that matured or were revised."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    # Predictions first: a label of the same tick belongs to one of them.
    for record in inbox:
        if isinstance(record, PredictionsMade):
            out.extend(_expect(state, record, now_ns))
    for record in inbox:
        if isinstance(record, LabelsArrived) and len(record):
            out.extend(take_labels(state, record, now_ns))
    if config.outcomes:
        out.extend(_outcomes(state.outcomes, config, inbox, now_ns))
    out.extend(_mature(state, config, now_ns))
    _forget(state, now_ns - config.horizon_ns - config.revise_ns)
    if state.early:
        out.extend(drop_early(state, now_ns - config.horizon_ns, now_ns))
    return out


def _outcomes(
    state: OutcomeState, config: JoinConfig, inbox: Sequence[Record], now_ns: int
) -> list[Record]:
    """Join business outcomes, as labels: predictions first."""
    out: list[Record] = []
    for record in inbox:
        if isinstance(record, PredictionsMade):
            expect_outcomes(state, record, config.outcomes)
    for record in inbox:
        if isinstance(record, OutcomesArrived):
            out.extend(take_outcomes(state, record, config.outcomes, now_ns))
    return out + settle(state, config.outcomes, now_ns)


def _expect(state: JoinState, made: PredictionsMade, now_ns: int) -> list[Record]:
    """Open a cohort; a prediction that was retried counts once, the first time."""
    offsets = np.arange(made.offset, made.offset + len(made), dtype=np.int64)
    slots = _slots(state, made)
    if len(slots) < len(made) or not state.slots.keys().isdisjoint(slots):
        kept = _first_ones(state, made.ids.tolist())
        state.count("predictions doubled", int((~kept).sum()))
        made, offsets = _only(made, kept), offsets[kept]
        slots = _slots(state, made)
    if not len(made):
        return []
    times_ns = made.times_ns
    cohort = Cohort(state.next_slot, int(times_ns.min()), int(times_ns.max()), offsets, made)
    state.cohorts.append(cohort)
    state.first_slots = np.append(state.first_slots, state.next_slot)
    state.labels.extend(times_ns)
    state.slots.update(slots)
    state.next_slot += len(made)
    out: list[Record] = []
    if state.config_ is not None and state.config_.early:
        out.append(awaited(made, now_ns))
    if state.early:
        out.extend(release_early(state, slots, now_ns))
    return out


def _slots(state: JoinState, made: PredictionsMade) -> dict[Any, int]:
    keys = made.ids.tolist()
    return dict(zip(keys, range(state.next_slot, state.next_slot + len(keys)), strict=True))


def _first_ones(state: JoinState, keys: list[Any]) -> NDArray[np.bool_]:
    seen: dict[Any, int] = {}
    firsts = [
        seen.setdefault(key, row) == row and key not in state.slots for row, key in enumerate(keys)
    ]
    return np.array(firsts, dtype=np.bool_)


def _only(made: PredictionsMade, kept: NDArray[np.bool_]) -> PredictionsMade:
    return replace(
        made,
        ids=made.ids[kept],
        times_ns=made.times_ns[kept],
        unit_hashes=made.unit_hashes[kept],
        groups=made.groups[kept],
        answered=made.answered[kept],
        roles=made.roles[kept],
        scores={version: scores[kept] for version, scores in made.scores.items()},
        propensities=None if made.propensities is None else made.propensities[kept],
    )


def _mature(state: JoinState, config: JoinConfig, now_ns: int) -> list[Record]:
    """Let cohorts mature from the oldest on: all labels are in, or the horizon has passed."""
    ready = state.open_from
    while ready < len(state.cohorts):
        cohort = state.cohorts[ready]
        waits = cohort.last_ns + config.horizon_ns > now_ns
        if waits and state.labels.incomplete(state.labels.rows(cohort.first_slot, len(cohort))):
            break
        ready += 1
    fresh = state.cohorts[state.open_from : ready]
    if not fresh:
        return []
    # Another prediction of the same moment may be open, or still to come at this very tick.
    next_ns = state.cohorts[ready].first_ns if ready < len(state.cohorts) else now_ns
    up_to_ns, before_ns = min(fresh[-1].last_ns, next_ns - 1), state.matured_to_ns
    state.matured_to_ns = up_to_ns if before_ns is None else max(before_ns, up_to_ns)
    state.open_from = ready
    state.open_slot = fresh[-1].first_slot + len(fresh[-1])
    _count_matured(state, config, fresh)
    out = matured_rows(state, fresh, now_ns)
    if config.early and config.never == "negative":
        out.extend(overdue_labels(state, fresh[0].first_slot, state.open_slot, now_ns))
    return out


def _count_matured(state: JoinState, config: JoinConfig, fresh: Sequence[Cohort]) -> None:
    first = fresh[0].first_slot
    rows = state.labels.rows(first, state.open_slot - first)
    overdue_before = state.coverage.overdue
    state.coverage.mature(
        state.labels.asked_ns[rows],
        state.labels.known_times_ns(rows),
        horizon_ns=config.horizon_ns,
    )
    state.count("rows matured", state.open_slot - first)
    state.count("labels overdue", state.coverage.overdue - overdue_before)


def _forget(state: JoinState, limit_ns: int) -> None:
    """Drop cohorts that can no longer change: predicted up to the limit, and matured."""
    gone = 0
    while gone < state.open_from and state.cohorts[gone].last_ns <= limit_ns:
        for key in state.cohorts[gone].made.ids.tolist():
            del state.slots[key]
        gone += 1
    if not gone:
        return
    kept_from = state.cohorts[gone].first_slot if gone < len(state.cohorts) else state.next_slot
    if state.history:
        state.history = {slot: old for slot, old in state.history.items() if slot >= kept_from}
    state.labels.cut(kept_from)
    del state.cohorts[:gone]
    state.first_slots = state.first_slots[gone:]
    state.open_from -= gone


STAGE = Stage(
    "join", frozenset({"predictions_made", "labels_arrived", "outcomes_arrived"}), start, step
)
