"""No label is used twice."""

from __future__ import annotations

from collections.abc import Iterator

from ostinato.core.records import LossesObserved, RowsMatured
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "labels once"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Every row counts at most once at any time, is judged at most once, is learned once a time.

    A revision must take back exactly what was given before.
    """
    given: dict[int, float] = {}
    judged: set[int] = set()
    for step in evidence.steps:
        for record in step.made:
            if isinstance(record, RowsMatured):
                yield from _matured(record, given, step.tick)
            elif isinstance(record, LossesObserved):
                offsets = record.offsets.tolist()
                twice = judged.intersection(offsets)
                if twice or len(set(offsets)) < len(offsets):
                    yield _finding(step.tick, f"rows judged twice, such as {min(twice or offsets)}")
                judged.update(offsets)
    for training in evidence.seen.trainings:
        rows = training.rows.tolist()
        if len(set(rows)) < len(rows):
            yield _finding(training.tick, f"{training.order.request} learned a row twice")


def _matured(record: RowsMatured, given: dict[int, float], tick: int) -> Iterator[Finding]:
    columns = (record.offsets.tolist(), record.labels.tolist(), record.signs.tolist())
    for offset, label, sign in zip(*columns, strict=True):
        if sign < 0:
            held = given.pop(offset, None)
            if held is None or repr(held) != repr(label):
                yield _finding(tick, f"row {offset} taken back with {label}, was {held}")
        elif offset in given:
            yield _finding(tick, f"row {offset} matured twice")
        else:
            given[offset] = label


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)
