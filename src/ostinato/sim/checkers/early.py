"""Nothing is judged or learned before its time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ostinato.core.records import LabelsArrived, RequestsArrived, RowsMatured
from ostinato.sim.observe import Evidence, TrainingSeen
from ostinato.sim.verdict import Finding

NAME = "no early example"

Told = dict[Any, list[tuple[int, float]]]
"""By request id: (tick in which it was told, value), in the order they were told."""


def check(evidence: Evidence) -> Iterator[Finding]:
    """Rows mature by their label or their horizon; a training knows what its order knew."""
    told: Told = defaultdict(list)
    ids: dict[int, Any] = {}
    moments: dict[int, int] = {}
    for step in evidence.steps:
        for record in step.batch:
            if isinstance(record, LabelsArrived):
                for key, value in zip(record.ids.tolist(), record.values.tolist(), strict=True):
                    told[key].append((step.tick, value))
            elif isinstance(record, RequestsArrived):
                for row, key in enumerate(record.ids.tolist()):
                    ids[record.offset + row] = key
                    moments[record.offset + row] = int(record.times_ns[row])
        for record in step.made:
            if isinstance(record, RowsMatured):
                yield from _matured(evidence, record, step.now_ns, step.tick, told, ids)
    for training in evidence.seen.trainings:
        yield from _learned(evidence, training, told, ids, moments)


def _matured(
    evidence: Evidence,
    record: RowsMatured,
    now_ns: int,
    tick: int,
    told: Told,
    ids: dict[int, Any],
) -> Iterator[Finding]:
    promises = evidence.promises
    columns = (record.offsets.tolist(), record.labels.tolist(), record.times_ns.tolist())
    for (offset, label, time_ns), sign in zip(
        zip(*columns, strict=True), record.signs.tolist(), strict=True
    ):
        if sign < 0:
            continue
        overdue = time_ns + promises.horizon_ns <= now_ns
        if any(value == label for _, value in told.get(ids[offset], ())):
            continue
        means_nothing = math.isnan(label) or (promises.never == "negative" and label == 0.0)
        if not means_nothing:
            yield _finding(tick, f"row {offset} matured with {label}, which nobody told")
        elif not overdue and not record.revision:
            yield _finding(tick, f"row {offset} matured without a label before its horizon")


def _learned(
    evidence: Evidence,
    training: TrainingSeen,
    told: Told,
    ids: dict[int, Any],
    moments: dict[int, int],
) -> Iterator[Finding]:
    order = training.order
    for offset, label in zip(training.rows.tolist(), training.labels.tolist(), strict=True):
        if offset < evidence.rows_before:
            continue
        known = [value for tick, value in told.get(ids[offset], ()) if tick <= training.order_tick]
        if label not in known:
            text = f"{order.request} learned row {offset} with a label told later or never"
            yield _finding(training.tick, text)
            return
        if not order.from_ns <= moments[offset] < order.to_ns:
            yield _finding(training.tick, f"{order.request} learned row {offset} out of its window")
            return


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)
