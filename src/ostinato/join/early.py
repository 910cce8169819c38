"""Tell of predictions before they mature: when a label is awaited, and when the first one comes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints, LabelsAwaited, PredictionsMade, Record, RowsLabelled
from ostinato.join.coverage import NO_LABEL
from ostinato.join.matured import by_layout
from ostinato.join.state import Cohort, JoinState


def awaited(made: PredictionsMade, now_ns: int) -> LabelsAwaited:
    """Say which predictions wait for a label from now on, and which version scored which."""
    return LabelsAwaited(
        ts_event_ns=made.ts_event_ns,
        ts_record_ns=now_ns,
        times_ns=made.times_ns,
        versions=made.versions,
        answered=made.answered,
        roles=made.roles,
        scored={version: _scored(scores) for version, scores in made.scores.items()},
    )


def _scored(scores: Floats) -> NDArray[np.bool_]:
    scored: NDArray[np.bool_] = ~np.isnan(scores if scores.ndim == 1 else scores[:, 0])
    return scored


def first_labels(
    state: JoinState, slots: Ints, values: Floats, times_ns: Ints, now_ns: int
) -> list[Record]:
    """Tell of rows that get their first label; call it before the labels are written.

    A label that is repeated, revised, or taken back and given again is not the first one; nor is
    one older than what is held, which never counts.

    Parameters
    ----------
    slots
        (n,) slots of the rows, each once.
    values, times_ns
        (n,) their new labels, NaN where one is withdrawn.
    """
    window = state.labels
    at = slots - window.first_slot
    fresh = ~window.told[at] & ~np.isnan(values) & (times_ns >= window.times_ns[at])
    window.told[at] |= fresh
    return _labelled(state, slots[fresh], values[fresh], times_ns[fresh], now_ns)


def overdue_labels(state: JoinState, first_slot: int, stop_slot: int, now_ns: int) -> list[Record]:
    """Tell of rows that mature without ever having had a label, where that means no."""
    rows = state.labels.rows(first_slot, stop_slot - first_slot)
    missing = np.flatnonzero(~state.labels.told[rows] & np.isnan(state.labels.values[rows]))
    state.labels.told[rows] = True
    none = np.full(len(missing), NO_LABEL, dtype=np.int64)
    return _labelled(state, missing + first_slot, np.zeros(len(missing)), none, now_ns)


def _labelled(
    state: JoinState, slots: Ints, values: Floats, times_ns: Ints, now_ns: int
) -> list[Record]:
    """Put rows of one layout into one record, in the order of their labels."""
    if not len(slots):
        return []
    order = np.argsort(slots, kind="stable")
    slots, values, times_ns = slots[order], values[order], times_ns[order]
    out: list[Record] = []
    for pieces, part in by_layout(state, slots):
        out.append(_record(pieces, values[part], times_ns[part], now_ns))
    return out


def _record(
    pieces: list[tuple[Cohort, Ints]], values: Floats, times_ns: Ints, now_ns: int
) -> RowsLabelled:
    by_time = np.argsort(times_ns, kind="stable")
    versions = pieces[0][0].made.versions

    def column(of: Callable[[PredictionsMade], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([of(cohort.made)[rows] for cohort, rows in pieces])[by_time]

    return RowsLabelled(
        ts_event_ns=now_ns if times_ns[by_time[-1]] == NO_LABEL else int(times_ns[by_time[-1]]),
        ts_record_ns=now_ns,
        times_ns=column(lambda made: made.times_ns),
        label_times_ns=times_ns[by_time],
        labels=values[by_time],
        versions=versions,
        answered=column(lambda made: made.answered),
        roles=column(lambda made: made.roles),
        scores={v: column(partial(_scores, version=v)) for v in versions},
    )


def _scores(made: PredictionsMade, *, version: str) -> Floats:
    return made.scores[version]
