"""Make `RowsMatured` records out of cohorts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints, PredictionsMade, Record, RowsMatured
from ostinato.join.coverage import NO_LABEL
from ostinato.join.state import Cohort, JoinState


def matured_rows(state: JoinState, cohorts: Sequence[Cohort], now_ns: int) -> list[Record]:
    """Put cohorts that matured together into as few records as their layouts allow."""
    out: list[Record] = []
    for _, run in groupby(cohorts, key=lambda cohort: cohort.layout):
        each = list(run)
        rows = slice(
            each[0].first_slot - state.labels.first_slot,
            each[-1].first_slot + len(each[-1]) - state.labels.first_slot,
        )
        labels = shown(state, state.labels.values[rows])
        times_ns = np.where(np.isnan(labels), NO_LABEL, state.labels.times_ns[rows])
        signs = np.ones(len(labels), dtype=np.int8)
        out.append(_record(state, [(c, None) for c in each], labels, times_ns, signs, now_ns))
    return out


def revised_rows(state: JoinState, slots: Ints, old: Floats, now_ns: int) -> list[Record]:
    """Take matured rows back with their old label and give them again with the one held now.

    Parameters
    ----------
    slots
        (n,) slots of matured rows, each once.
    old
        (n,) the labels they were given with.
    """
    order = np.argsort(slots, kind="stable")
    slots, old = slots[order], old[order]
    out: list[Record] = []
    for pieces, part in by_layout(state, slots):
        out.append(_revision(state, pieces, slots[part], old[part], now_ns))
    return out


def by_layout(state: JoinState, slots: Ints) -> Iterator[tuple[list[tuple[Cohort, Ints]], slice]]:
    """Yield the rows that can stand in one record: (cohort, its rows) each, and which slots.

    Parameters
    ----------
    slots
        (n,) rising, n >= 1, of cohorts that are held.
    """
    places = np.searchsorted(state.first_slots, slots, side="right") - 1
    cuts = np.r_[0, np.flatnonzero(np.diff(places)) + 1, len(places)]
    runs = [
        (state.cohorts[int(places[start])], slice(int(start), int(stop)))
        for start, stop in pairwise(cuts)
    ]
    for _, alike in groupby(runs, key=lambda run: run[0].layout):
        each = list(alike)
        pieces = [(cohort, slots[rows] - cohort.first_slot) for cohort, rows in each]
        yield pieces, slice(each[0][1].start, each[-1][1].stop)


def shown(state: JoinState, labels: Floats) -> Floats:
    """Return labels as others see them: what an overdue label means stands where there is none."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    if config.never != "negative":
        return labels.copy()
    filled: Floats = np.where(np.isnan(labels), 0.0, labels)
    return filled


Piece = tuple[Cohort, Ints | None]  # a cohort and which of its rows; None: all of them


def _revision(
    state: JoinState, pieces: Sequence[Piece], slots: Ints, old: Floats, now_ns: int
) -> RowsMatured:
    at = slots - state.labels.first_slot
    count = len(at)
    return _record(
        state,
        [*pieces, *pieces],
        np.concatenate([old, shown(state, state.labels.values[at])]),
        np.tile(state.labels.times_ns[at], 2),
        np.repeat(np.array([-1, 1], dtype=np.int8), count),
        now_ns,
        revision=True,
    )


def _record(
    state: JoinState,
    pieces: Sequence[Piece],
    labels: Floats,
    label_times_ns: Ints,
    signs: NDArray[np.int8],
    now_ns: int,
    *,
    revision: bool = False,
) -> RowsMatured:
    versions = pieces[0][0].made.versions
    assert state.matured_to_ns is not None, "rows are given out once some have matured"
    return RowsMatured(
        ts_event_ns=now_ns if revision else pieces[-1][0].last_ns,
        ts_record_ns=now_ns,
        offsets=_gather([(cohort.offsets, rows) for cohort, rows in pieces]),
        times_ns=_column(pieces, lambda made: made.times_ns),
        label_times_ns=label_times_ns,
        unit_hashes=_column(pieces, lambda made: made.unit_hashes),
        groups=_column(pieces, lambda made: made.groups),
        labels=labels,
        versions=versions,
        answered=_column(pieces, lambda made: made.answered),
        roles=_column(pieces, lambda made: made.roles),
        scores={version: _scores(pieces, version) for version in versions},
        signs=signs,
        matured_to_ns=state.matured_to_ns,
        revision=revision,
        propensities=_propensities(pieces),
    )


def _propensities(pieces: Sequence[Piece]) -> Floats | None:
    if all(cohort.made.propensities is None for cohort, _ in pieces):
        return None
    return _column(pieces, _chances)


def _chances(made: PredictionsMade) -> Floats:
    return np.ones(len(made)) if made.propensities is None else made.propensities


def _scores(pieces: Sequence[Piece], version: str) -> Floats:
    return _column(pieces, lambda made: made.scores[version])


def _column(
    pieces: Sequence[Piece], column: Callable[[PredictionsMade], NDArray[Any]]
) -> NDArray[Any]:
    return _gather([(column(cohort.made), rows) for cohort, rows in pieces])


def _gather(parts: Sequence[tuple[NDArray[Any], Ints | None]]) -> NDArray[Any]:
    picked = [values if rows is None else values[rows] for values, rows in parts]
    return picked[0] if len(picked) == 1 else np.concatenate(picked)
