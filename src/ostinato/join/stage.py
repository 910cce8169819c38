"""Join labels to predictions and let cohorts mature in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    Floats,
    Ints,
    LabelsArrived,
    LabelsUnusable,
    PredictionsMade,
    Record,
    RowsMatured,
)
from ostinato.core.stage import Stage
from ostinato.join.config import JoinConfig
from ostinato.join.matured import matured_rows, revised_rows
from ostinato.join.state import Cohort, JoinState


def start(config: JoinConfig) -> JoinState:
    """Begin with nothing to join."""
    return JoinState(config_=config)


def step(state: JoinState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take predictions and labels; return the rows that matured or were revised."""
    out: list[Record] = []
    # Predictions first: a label of the same tick belongs to one of them.
    for record in inbox:
        if isinstance(record, PredictionsMade):
            out.extend(_expect(state, record, now_ns))
    for record in inbox:
        if isinstance(record, LabelsArrived):
            out.extend(_label(state, record, now_ns))
    out.extend(_mature(state, now_ns))
    _forget(state, now_ns)
    return out


def _expect(state: JoinState, made: PredictionsMade, now_ns: int) -> list[Record]:
    cohort = Cohort.of(made, state.next_slot)
    keys = made.ids.tolist()
    known_before = len(state.slots)
    state.slots.update(zip(keys, range(state.next_slot, state.next_slot + len(keys)), strict=True))
    doubled = len(keys) - (len(state.slots) - known_before)
    if doubled:  # a retried prediction counts once: the later one takes the label
        state.count("predictions doubled", doubled)
    state.next_slot += len(keys)
    state.cohorts.append(cohort)
    if not state.early:
        return []
    waiting = [key for key in keys if key in state.early]
    if not waiting:
        return []
    held = [state.early.pop(key) for key in waiting]
    labels = LabelsArrived(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        ids=_as_ids(waiting),
        times_ns=np.array([h[1] for h in held], dtype=np.int64),
        values=np.array([h[0] for h in held]),
    )
    return _label(state, labels, now_ns)


def _as_ids(keys: list[Any]) -> NDArray[Any]:
    ids = np.empty(len(keys), dtype=object)
    ids[:] = keys
    return ids


def _label(state: JoinState, labels: LabelsArrived, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    usable = _usable(labels.values, config.classes)
    if not usable.all() and state.count("labels outside the known classes", int((~usable).sum())):
        out.append(_unusable(labels.values[~usable], now_ns))
    get = state.slots.get
    keys = labels.ids.tolist()
    slots = np.fromiter((get(key, -1) for key in keys), dtype=np.int64, count=len(keys))
    for row in np.flatnonzero((slots < 0) & usable).tolist():
        state.early[keys[row]] = (float(labels.values[row]), int(labels.times_ns[row]), now_ns)
    known = np.flatnonzero((slots >= 0) & usable)
    if not len(known):
        return out
    firsts = np.array([cohort.first_slot for cohort in state.cohorts], dtype=np.int64)
    places = np.searchsorted(firsts, slots[known], side="right") - 1
    order = np.argsort(places, kind="stable")
    known, places = known[order], places[order]
    cuts = np.flatnonzero(np.diff(places)) + 1
    for rows, place in zip(np.split(known, cuts), places[np.r_[0, cuts]].tolist(), strict=True):
        cohort = state.cohorts[place]
        at = slots[rows] - cohort.first_slot
        out.extend(_write(state, cohort, at, labels.values[rows], labels.times_ns[rows], now_ns))
    return out


def _usable(values: Floats, classes: int) -> NDArray[np.bool_]:
    if classes == 0:
        usable: NDArray[np.bool_] = np.isfinite(values)
        return usable
    inside: NDArray[np.bool_] = (values >= 0) & (values < classes) & (values == np.floor(values))
    return inside


def _unusable(values: Floats, now_ns: int) -> Record:
    found = sorted({repr(value) for value in values[:20].tolist()})
    return LabelsUnusable(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject="labels",
        reason="Labels outside the known classes were left out; the first ones are listed.",
        evidence={"values": found, "rows": len(values)},
    )


def _write(
    state: JoinState, cohort: Cohort, at: Ints, values: Floats, times_ns: Ints, now_ns: int
) -> list[Record]:
    """Write labels into one cohort; the last write by label time wins."""
    if len(at) > 1 and len(np.unique(at)) < len(at):
        # Several labels for one row in one batch: write them one after the other.
        return [
            record
            for k in np.argsort(times_ns, kind="stable").tolist()
            for record in _write(state, cohort, at[k : k + 1], values[k : k + 1], times_ns[k : k + 1], now_ns)
        ]
    old, old_times = cohort.labels[at], cohort.label_times_ns[at]
    fresh = old_times < 0
    if fresh.all() and not cohort.matured:
        cohort.labels[at], cohort.label_times_ns[at] = values, times_ns
        cohort.missing -= len(at)
        return []
    same = ~fresh & (old == values)
    stale = ~fresh & ~same & (times_ns < old_times)
    state.count("labels repeated", int(same.sum()))
    state.count("labels older than the one held", int(stale.sum()))
    write = ~same & ~stale
    revises = write & ~fresh
    state.count("labels revised", int(revises.sum()))
    for k in np.flatnonzero(revises).tolist():
        cohort.history.append((int(at[k]), float(old[k]), int(old_times[k])))
    cohort.labels[at[write]], cohort.label_times_ns[at[write]] = values[write], times_ns[write]
    cohort.missing -= int((write & fresh).sum())
    if not cohort.matured or not write.any():
        return []
    state.count("labels after maturity", int(write.sum()))
    return [revised_rows(cohort, at[write], old[write], state.matured_to_ns, now_ns)]


def _mature(state: JoinState, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    ready = state.open_from
    while ready < len(state.cohorts):
        cohort = state.cohorts[ready]
        if cohort.missing and cohort.last_ns + config.horizon_ns > now_ns:
            break
        ready += 1
    fresh = state.cohorts[state.open_from : ready]
    if not fresh:
        return []
    for cohort in fresh:
        cohort.matured = True
        if cohort.missing and config.never == "negative":
            cohort.labels[np.isnan(cohort.labels)] = 0.0
        state.count("rows matured", len(cohort.labels))
        state.count("labels overdue", cohort.missing)
    state.open_from = ready
    state.matured_to_ns = max(state.matured_to_ns, fresh[-1].last_ns)
    return matured_rows(fresh, state.matured_to_ns, now_ns)


def _forget(state: JoinState, now_ns: int) -> None:
    """Drop cohorts that can no longer change and labels that found no prediction."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    gone = 0
    while gone < state.open_from and (
        state.cohorts[gone].last_ns + config.horizon_ns + config.revise_ns <= now_ns
    ):
        cohort = state.cohorts[gone]
        for slot, key in enumerate(cohort.ids.tolist(), cohort.first_slot):
            if state.slots.get(key) == slot:
                del state.slots[key]
        gone += 1
    if gone:
        del state.cohorts[:gone]
        state.open_from -= gone
    if state.early:
        limit = now_ns - config.horizon_ns
        lost = [key for key, held in state.early.items() if held[2] <= limit]
        for key in lost:
            del state.early[key]
        state.count("labels without a prediction", len(lost))


STAGE = Stage("join", frozenset({"predictions_made", "labels_arrived"}), start, step)
