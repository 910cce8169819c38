"""The events that a loop's features are made of: those of its sources, and its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.reading import read_sources
from ostinato.features.rows.inputs import in_kinds, kinds_of
from ostinato.features.sources import LABEL, Labels, Requests


def history_events(
    plan: FeaturePlan,
    requests: pl.DataFrame,
    times_ns: Ints,
    labels: Floats,
    label_times_ns: Ints,
    *,
    labelled: NDArray[np.bool_],
    until_ns: int | None,
) -> dict[str, EventBatch]:
    """Return the events of all sources of a plan, in the order in which they became known.

    Parameters
    ----------
    plan
        The features.
    requests, times_ns
        The history's rows in order of time, and when they were asked for.
    labels, label_times_ns, labelled
        (n,) class places or targets, when each became known, and whether it ever did: that no
        label came is no event, even where it means no.
    until_ns
        Events of outside sources from here on are left out; None: there are none.

    Raises
    ------
    DataError
        If the history of a source cannot be read.
    """
    found = {name: _before(batch, until_ns) for name, batch in read_sources(plan).items()}
    for name, source in plan.sources.items():
        if isinstance(source, Requests):
            frame = _columns(requests, plan.columns_of(name))
            found[name] = EventBatch(source=name, times_ns=times_ns, known_ns=times_ns, frame=frame)
        elif isinstance(source, Labels):
            columns = [column for column in plan.columns_of(name) if column != LABEL]
            frame = _columns(requests, columns).with_columns(pl.Series(LABEL, labels))
            found[name] = _labels(name, frame, label_times_ns, labelled)
    return {name: found[name] for name in plan.sources}


def _columns(requests: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    return in_kinds(requests, columns, kinds_of(requests, columns))


def _labels(
    source: str, frame: pl.DataFrame, known_ns: Ints, labelled: NDArray[np.bool_]
) -> EventBatch:
    rows = np.flatnonzero(labelled)
    rows = rows[np.argsort(known_ns[rows], kind="stable")]
    return EventBatch(
        source=source, times_ns=known_ns[rows], known_ns=known_ns[rows], frame=frame[rows]
    )


def _before(batch: EventBatch, until_ns: int | None) -> EventBatch:
    if until_ns is None:
        return batch
    kept = np.flatnonzero(np.maximum(batch.times_ns, batch.known_ns) < until_ns)
    return replace(
        batch,
        times_ns=batch.times_ns[kept],
        known_ns=batch.known_ns[kept],
        frame=batch.frame[kept],
    )
