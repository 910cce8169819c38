"""Write labels: which are usable, which wait, which win, and what that changes."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints, LabelsArrived, LabelsUnusable, Record
from ostinato.join.coverage import NO_LABEL
from ostinato.join.early import first_labels
from ostinato.join.matured import revised_rows, shown
from ostinato.join.state import EarlyLabel, JoinState

_LISTED = 20  # values named in the one report of unusable labels


def take_labels(state: JoinState, labels: LabelsArrived, now_ns: int) -> list[Record]:
    """Write the labels of known predictions, keep the others until theirs come."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    values, times_ns, keys = labels.values, labels.times_ns, labels.ids.tolist()
    slots = np.fromiter(map(state.slots.get, keys, repeat(-1)), dtype=np.int64, count=len(keys))
    usable = _usable(values, config.classes)
    if not usable.all():
        left_out = values[~usable]
        if state.count("labels outside the known classes", len(left_out)):
            out.append(_unusable(left_out, now_ns))
    for row in np.flatnonzero((slots < 0) & usable).tolist():
        _hold(state, keys[row], float(values[row]), int(times_ns[row]), now_ns)
    known = (slots >= 0) & usable
    if not known.all():
        slots, values, times_ns = slots[known], values[known], times_ns[known]
    out.extend(write_labels(state, slots, values, times_ns, now_ns))
    return out


def write_labels(
    state: JoinState, slots: Ints, values: Floats, times_ns: Ints, now_ns: int
) -> list[Record]:
    """Write labels by slot, the last one by label time wins; return what that makes known.

    Revisions of matured rows, and rows that got their first label if these are asked for.
    """
    if not len(slots):
        return []
    if len(set(slots.tolist())) == len(slots):
        return _write(state, slots, values, times_ns, now_ns)
    return [
        record
        for part in _rounds(slots, times_ns)
        for record in _write(state, slots[part], values[part], times_ns[part], now_ns)
    ]


def release_early(state: JoinState, slots: dict[Any, int], now_ns: int) -> list[Record]:
    """Write the labels that were waiting for predictions just made (ids to slots)."""
    waiting = [key for key in slots if key in state.early]
    if not waiting:
        return []
    held = [state.early.pop(key) for key in waiting]
    return write_labels(
        state,
        np.array([slots[key] for key in waiting], dtype=np.int64),
        np.array([label.value for label in held]),
        np.array([label.time_ns for label in held], dtype=np.int64),
        now_ns,
    )


def drop_early(state: JoinState, limit_ns: int, now_ns: int) -> list[Record]:
    """Drop labels held since a limit or longer; the first time, say so."""
    lost: list[Any] = []
    for key, label in state.early.items():
        if label.since_ns > limit_ns:
            break  # the oldest stand first
        lost.append(key)
    for key in lost:
        del state.early[key]
    if not state.count("labels without a prediction", len(lost)):
        return []
    report = LabelsUnusable(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject="labels",
        reason="Labels without a prediction, or too late to change one, were left out.",
        evidence={"ids": [str(key) for key in lost[:_LISTED]], "rows": len(lost)},
    )
    return [report]


def _usable(values: Floats, classes: int) -> NDArray[np.bool_]:
    withdrawn = np.isnan(values)
    if classes == 0:
        usable: NDArray[np.bool_] = ~np.isinf(values)
        return usable
    inside: NDArray[np.bool_] = (values >= 0) & (values < classes) & (values == np.floor(values))
    return inside | withdrawn


def _unusable(values: Floats, now_ns: int) -> Record:
    found = sorted({repr(value) for value in values[:_LISTED].tolist()})
    return LabelsUnusable(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject="labels",
        reason="Labels outside the known classes were left out; the first ones are listed.",
        evidence={"values": found, "rows": len(values)},
    )


def _hold(state: JoinState, key: Any, value: float, time_ns: int, now_ns: int) -> None:
    held = state.early.get(key)
    if held is None:
        state.early[key] = EarlyLabel(value, time_ns, now_ns)
    elif time_ns >= held.time_ns:
        state.early[key] = EarlyLabel(value, time_ns, held.since_ns)


def _rounds(slots: Ints, times_ns: Ints) -> list[Ints]:
    """Split labels so that each part has a row once and earlier labels come in earlier parts."""
    order = np.lexsort((times_ns, slots))  # stable: of equal times the one that came last wins
    ranked = slots[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    counts = np.diff(np.r_[starts, len(ranked)])
    rank = np.arange(len(ranked)) - np.repeat(starts, counts)
    by_rank = np.argsort(rank, kind="stable")
    return np.split(order[by_rank], np.cumsum(np.bincount(rank))[:-1])


def _write(
    state: JoinState, slots: Ints, values: Floats, times_ns: Ints, now_ns: int
) -> list[Record]:
    """Write labels of different rows."""
    config, window = state.config_, state.labels
    assert config is not None, "the kernel hands the configuration in at start and restore"
    at = slots - window.first_slot
    first = (window.times_ns[at] == NO_LABEL) & (slots >= state.open_slot)
    told = first_labels(state, slots, values, times_ns, now_ns) if config.early else []
    if first.all():  # nothing is overwritten and nothing was given out: the usual case
        window.values[at], window.times_ns[at] = values, times_ns
        return told
    window.values[at[first]], window.times_ns[at[first]] = values[first], times_ns[first]
    return told + _overwrite(state, slots[~first], values[~first], times_ns[~first], now_ns)


def _overwrite(
    state: JoinState, slots: Ints, values: Floats, times_ns: Ints, now_ns: int
) -> list[Record]:
    """Write labels of rows that have one or that have matured."""
    window = state.labels
    at = slots - window.first_slot
    old, old_times_ns = window.values[at], window.times_ns[at]
    fresh = old_times_ns == NO_LABEL
    same = ~fresh & ((old == values) | (np.isnan(old) & np.isnan(values)))
    stale = ~fresh & ~same & (times_ns < old_times_ns)
    revises = ~fresh & ~same & ~stale
    state.count("labels repeated", int(same.sum()))
    state.count("labels older than the one held", int(stale.sum()))
    state.count("labels revised", int(revises.sum()))
    for row in np.flatnonzero(revises | stale).tolist():
        replaced = (values, times_ns) if stale[row] else (old, old_times_ns)
        entry = (float(replaced[0][row]), int(replaced[1][row]))
        state.history.setdefault(int(slots[row]), []).append(entry)
    won = ~stale
    late = np.flatnonzero(won & (slots < state.open_slot))
    known_before = window.known_times_ns(at[late])
    window.values[at[won]] = values[won]
    window.times_ns[at[won]] = np.maximum(times_ns[won], old_times_ns[won])
    if not len(late):
        return []
    state.count("labels after maturity", int((fresh | revises)[late].sum()))
    return _revise(state, slots[late], old[late], known_before, now_ns)


def _revise(
    state: JoinState, slots: Ints, old: Floats, known_before_ns: Ints, now_ns: int
) -> list[Record]:
    config, window = state.config_, state.labels
    assert config is not None, "the kernel hands the configuration in at start and restore"
    at = slots - window.first_slot
    state.coverage.relabel(
        window.asked_ns[at],
        known_before_ns,
        window.known_times_ns(at),
        horizon_ns=config.horizon_ns,
    )
    before, after = shown(state, old), shown(state, window.values[at])
    differs = (before != after) & ~(np.isnan(before) & np.isnan(after))
    if not differs.any():
        return []
    return revised_rows(state, slots[differs], before[differs], now_ns)
