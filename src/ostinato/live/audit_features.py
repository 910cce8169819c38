"""Check features as they were served: compute every one again, from what is kept of their sources.

Serving keeps sums up to date, event by event; here the other execution of the same definitions
goes over all of history. Both must give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ostinato.features.compute import compute
from ostinato.live.engine.bootstrap import open_folder
from ostinato.live.engine.feed import PAGE, Readable, read_event
from ostinato.live.engine.source_history import source_history
from ostinato.live.events import Answered
from ostinato.live.lake.lake import Lake, WholeLog
from ostinato.live.layout import Layout
from ostinato.stores.eventlog_sqlite import SqliteEventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What came of computing a feature again.

    Parameters
    ----------
    feature
        Its name.
    rows
        How many were served.
    differing
        How many of them came out other than they were served.
    example
        The first of those: its id, what was served and what came out; None: there is none.
    """

    feature: str
    rows: int
    differing: int
    example: tuple[Any, Any, Any] | None

    @property
    def share(self) -> float:
        """Share of rows that differ; 0 without rows."""
        return self.differing / self.rows if self.rows else 0.0


def recompute_features(layout: Layout) -> list[Recomputed]:
    """Compute all features that were ever served again; may run beside the service.

    On the wall clock, an event that was on its way to the log when a request was answered is known
    before it by its time and was not served: a few such rows in a busy service are no error.

    Returns
    -------
    list
        Per computed feature of the loop, in its order; empty where none is computed.

    Raises
    ------
    InputError, StoreError
        If the folder cannot be read, or a feature not be computed.
    """
    folder = open_folder(layout)
    plan = folder.loop.feature_plan
    if not plan.computed:
        return []
    with SqliteEventLog(layout.events, readonly=True) as log:
        answers = list(_answers(WholeLog(log, Lake(layout, folder.schema))))
        events = source_history(folder, log) if plan.tallies else {}
    served = folder.schema.frame([row for each in answers for row in each.rows])
    times = np.array([at for each in answers for at in each.times_ns], dtype=np.int64)
    ids = [key for each in answers for key in each.ids]
    if not ids:
        return [Recomputed(feature=n, rows=0, differing=0, example=None) for n in plan.computed]
    again = compute(plan, served, times, events)
    return [_compared(name, ids, served[name], again[name]) for name in plan.computed]


def _answers(log: Readable) -> Iterator[Answered]:
    offset = 0
    while page := log.read(offset, PAGE):
        for offset, key, payload in page:
            event = read_event(offset, key, payload)
            if isinstance(event, Answered):
                yield event
        offset = page[-1][0] + 1


def _compared(name: str, ids: list[Any], served: pl.Series, again: pl.Series) -> Recomputed:
    both = again.cast(served.dtype, strict=False) if again.dtype != served.dtype else again
    differing = np.flatnonzero(served.ne_missing(both).to_numpy())
    first = int(differing[0]) if len(differing) else None
    return Recomputed(
        feature=name,
        rows=len(ids),
        differing=len(differing),
        example=None if first is None else (ids[first], served[first], again[first]),
    )
