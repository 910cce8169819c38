"""Join business outcomes to predictions; give them out when no more can come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints, LabelsUnusable, PredictionsMade, Record
from ostinato.core.watched import OutcomesArrived, OutcomesJoined

_LISTED = 20  # ids named in the one report of outcomes that do not count


@dataclass(slots=True)
class OpenOutcomes:
    """Predictions of one tick whose outcomes may still come: their sums so far, by name.

    Units and times are in the order of the rows; `first_slot` numbers the first row over the life
    of the loop.
    """

    first_slot: int
    last_ns: int
    ids: NDArray[Any]
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    sums: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(slots=True)
class OutcomeState:
    """Open predictions, oldest first, the way from an id to its slot, and how far names settled.

    `settled` counts, by name, the cohorts at the front that are settled for it; a cohort leaves
    when it is settled for all. `left_out` counts outcomes that found no open prediction.
    """

    cohorts: list[OpenOutcomes] = field(default_factory=list)
    slots: dict[Any, int] = field(default_factory=dict)
    next_slot: int = 0
    settled: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def expect_outcomes(
    state: OutcomeState, made: PredictionsMade, horizons: Mapping[str, int]
) -> None:
    """Await the outcomes of predictions; one that was retried is awaited once."""
    firsts: dict[Any, int] = {}
    for row, key in enumerate(made.ids.tolist()):
        if key not in state.slots:
            firsts.setdefault(key, row)
    rows: Any = slice(None)
    if len(firsts) < len(made):
        rows = np.fromiter(firsts.values(), dtype=np.int64, count=len(firsts))
    times = made.times_ns[rows]
    if not len(times):
        return
    cohort = OpenOutcomes(
        first_slot=state.next_slot,
        last_ns=int(times.max()),
        ids=made.ids[rows],
        times_ns=times,
        unit_hashes=made.unit_hashes[rows],
        versions=made.versions,
        answered=made.answered[rows],
        sums={name: np.zeros(len(times)) for name in horizons},
    )
    state.cohorts.append(cohort)
    state.slots.update(zip(firsts, count(state.next_slot), strict=False))
    state.next_slot += len(cohort)


def take_outcomes(
    state: OutcomeState, told: OutcomesArrived, horizons: Mapping[str, int], now_ns: int
) -> list[Record]:
    """Add outcomes to their predictions; say once, by name, that some find none."""
    horizon_ns = horizons.get(told.name)
    if horizon_ns is None or not len(told):
        return []
    slots = _of_units(state, told) if told.by_unit else _of_ids(state, told)
    usable = (slots >= 0) & np.isfinite(told.values)
    firsts = np.array([each.first_slot for each in state.cohorts], dtype=np.int64)
    places = np.searchsorted(firsts, slots, side="right") - 1
    for place in np.unique(places[usable]).tolist():
        cohort, rows = state.cohorts[place], np.flatnonzero(usable & (places == place))
        at = slots[rows] - cohort.first_slot
        age = told.times_ns[rows] - cohort.times_ns[at]
        settled = place < state.settled.get(told.name, 0)
        counts = (age >= 0) & (age <= horizon_ns) & (not settled)
        np.add.at(cohort.sums[told.name], at[counts], told.values[rows[counts]])
        usable[rows[~counts]] = False
    return _left_out(state, told, ~usable, now_ns)


def _of_ids(state: OutcomeState, told: OutcomesArrived) -> Ints:
    keys = told.ids.tolist()
    return np.fromiter(map(state.slots.get, keys, repeat(-1)), dtype=np.int64, count=len(keys))


def _of_units(state: OutcomeState, told: OutcomesArrived) -> Ints:
    """Return the slot of each unit's newest prediction that is not after the outcome; -1: none.

    Cohorts are searched from the newest on, so that most outcomes cost one search.
    """
    slots = np.full(len(told), -1, dtype=np.int64)
    best_ns = np.full(len(told), np.iinfo(np.int64).min)
    for cohort in reversed(state.cohorts):
        left = np.flatnonzero((slots < 0) | (best_ns < cohort.last_ns))
        if not len(left):
            break
        order = np.lexsort((cohort.times_ns, cohort.unit_hashes))
        units, times = cohort.unit_hashes[order], cohort.times_ns[order]
        asked, until = told.ids[left].astype(np.uint64), told.times_ns[left]
        first = np.searchsorted(units, asked, side="left")
        stop = np.searchsorted(units, asked, side="right")
        for place, low, high, time_ns in zip(
            left.tolist(), first.tolist(), stop.tolist(), until.tolist(), strict=True
        ):  # the few units that have a prediction here
            if low < high:
                at = low + int(np.searchsorted(times[low:high], time_ns, side="right")) - 1
                if at >= low and int(times[at]) > best_ns[place]:
                    best_ns[place] = int(times[at])
                    slots[place] = cohort.first_slot + int(order[at])
    return slots


def _left_out(
    state: OutcomeState, told: OutcomesArrived, lost: NDArray[np.bool_], now_ns: int
) -> list[Record]:
    rows = int(lost.sum())
    if not rows:
        return []
    before = state.left_out.get(told.name, 0)
    state.left_out[told.name] = before + rows
    if before:
        return []
    report = LabelsUnusable(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=f"outcomes {told.name}",
        reason="Outcomes without an open prediction, later than their horizon, or that are no "
        "number, were left out; the first ones are listed.",
        evidence={"ids": [str(key) for key in told.ids[lost][:_LISTED].tolist()], "rows": rows},
    )
    return [report]


def settle(state: OutcomeState, horizons: Mapping[str, int], now_ns: int) -> list[Record]:
    """Give out the predictions whose outcomes of a name are settled, in order, and forget them."""
    out: list[Record] = []
    for name, horizon_ns in horizons.items():
        done = state.settled.get(name, 0)
        for cohort in state.cohorts[done:]:
            if cohort.last_ns + horizon_ns >= now_ns:
                break
            done += 1
            out.append(_joined(name, cohort, now_ns))
        state.settled[name] = done
    gone = min((state.settled[name] for name in horizons), default=0)
    for cohort in state.cohorts[:gone]:
        for key in cohort.ids.tolist():
            del state.slots[key]
    del state.cohorts[:gone]
    state.settled = {name: done - gone for name, done in state.settled.items()}
    return out


def _joined(name: str, cohort: OpenOutcomes, now_ns: int) -> OutcomesJoined:
    return OutcomesJoined(
        ts_event_ns=cohort.last_ns,
        ts_record_ns=now_ns,
        name=name,
        times_ns=cohort.times_ns,
        versions=cohort.versions,
        answered=cohort.answered,
        values=cohort.sums[name],
        settled_to_ns=cohort.last_ns,
    )
