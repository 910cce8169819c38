"""A row carries the label that holds: of all told by then the one with the latest time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ostinato.core.records import LabelsArrived, RequestsArrived, RowsMatured
from ostinato.sim.declare import Promises
from ostinato.sim.observe import Evidence, TickSeen
from ostinato.sim.verdict import Finding

NAME = "right label"

NOTHING = (float("nan"), -(2**63))


@dataclass(slots=True)
class _Told:
    """What was told and given.

    By request id: the label that `held` with its time, when it was asked, and the label last
    `given`; by offset: the id. `loose` are ids of which a label may have come too early or too late
    to count.
    """

    held: dict[Any, tuple[float, int]] = field(default_factory=dict)
    asked_ns: dict[Any, int] = field(default_factory=dict)
    ids: dict[int, Any] = field(default_factory=dict)
    given: dict[Any, float] = field(default_factory=dict)
    loose: set[Any] = field(default_factory=set)


def check(evidence: Evidence) -> Iterator[Finding]:
    """After each step every row given out carries the label that holds."""
    told, promises, before_ns = _Told(), evidence.promises, -(2**63)
    for step in evidence.steps:
        touched: set[Any] = set()
        for record in step.batch:
            if isinstance(record, RequestsArrived):
                _asked(told, record)
        for record in step.batch:
            if isinstance(record, LabelsArrived):
                touched.update(_label(told, record, promises, before_ns))
        for record in step.made:
            if isinstance(record, RowsMatured):
                for offset, label in zip(
                    record.offsets.tolist(), record.labels.tolist(), strict=True
                ):
                    told.given[told.ids[offset]] = label
                    touched.add(told.ids[offset])
        yield from _compared(told, touched, promises, step)
        before_ns = step.now_ns


def _asked(told: _Told, record: RequestsArrived) -> None:
    for row, key in enumerate(record.ids.tolist()):
        told.asked_ns.setdefault(key, int(record.times_ns[row]))
        told.ids[record.offset + row] = key


def _label(told: _Told, record: LabelsArrived, promises: Promises, before_ns: int) -> Iterator[Any]:
    """Take labels in the order they were told; yield whose label they are."""
    forgotten_ns = before_ns - promises.horizon_ns - promises.revise_ns
    columns = (record.ids.tolist(), record.values.tolist(), record.times_ns.tolist())
    for key, value, time_ns in zip(*columns, strict=True):
        if not _usable(value, promises.classes):
            continue
        # One without a prediction is kept for a horizon at most.
        if key not in told.asked_ns or told.asked_ns[key] <= forgotten_ns:
            told.loose.add(key)
        if time_ns >= told.held.get(key, NOTHING)[1]:
            told.held[key] = (value, time_ns)
        yield key


def _compared(
    told: _Told, touched: set[Any], promises: Promises, step: TickSeen
) -> Iterator[Finding]:
    for key in sorted(touched & told.given.keys(), key=str):
        if key in told.loose:
            continue
        label = told.held.get(key, NOTHING)[0]
        right = 0.0 if math.isnan(label) and promises.never == "negative" else label
        given = told.given[key]
        if given != right and not (math.isnan(given) and math.isnan(right)):
            text = f"the prediction {key} carries {given}, the label that holds is {right}"
            yield Finding(checker=NAME, tick=step.tick, text=text)
            return


def _usable(value: float, classes: int) -> bool:
    if math.isnan(value):
        return True
    return math.isfinite(value) if classes == 0 else value in range(classes)
