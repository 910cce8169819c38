"""What features are computed of before the first request: kept once, and read to begin with.

Sources as they were known at the start, the loop's own requests and labels of the history, and the
predictions of the history that wait for their label. Of these files the state of features is made,
at the first start and again if it is ever damaged; the log tells the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from ostinato.features.online import OnlineStore
from ostinato.features.prepare import EventBatch
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.layout import Layout
from ostinato.live.open_predictions import read_open, write_open
from ostinato.live.schema import DTYPES, InputSchema
from ostinato.live.source_files import read_batch, write_batches
from ostinato.live.tracked import Tracked, write_tracked
from ostinato.loop.loop import Loop
from ostinato.replay.history import NEVER, History
from ostinato.replay.labels import label_times
from ostinato.stores.times import as_ns


def keep_known(
    layout: Layout,
    loop: Loop,
    schema: InputSchema,
    table: pl.DataFrame,
    history: History,
    sources: Mapping[str, EventBatch],
) -> None:
    """Keep what is known at the start.

    Parameters
    ----------
    layout
        Of the service's folder.
    loop, schema
        The declaration, and what requests look like.
    table
        The data with all columns, in any order.
    history
        The same, made ready.
    sources
        Of each source from outside its history, as `ostinato.features.reading.read_sources`
        gives it; what becomes known after the start is left out: it will be posted.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    times_ns = as_ns(table[loop.time], name=f"time column {loop.time!r}")
    ordered = table[np.argsort(times_ns, kind="stable")[: len(history)]]
    inputs = ordered.select(pl.col(f.name).cast(DTYPES[f.kind]) for f in schema.inputs)
    known = label_times(loop, ordered, history.times_ns)
    outside = {name: _known_by(batch, history.start_ns) for name, batch in sources.items()}
    write_batches(layout.sources, {**history.events, **outside}.values())
    feed = FeatureFeed(schema, loop.feature_plan, horizon_ns=loop.label.horizon_ns)
    if feed.remembers:
        recent = history.times_ns > history.start_ns - feed.keep_ns
        rows = np.flatnonzero(recent & ((known == NEVER) | feed.joins_units))
        write_open(
            layout.open_predictions,
            history.ids[rows].tolist(),
            history.times_ns[rows].tolist(),
            (known[rows] != NEVER).tolist(),
            inputs[rows],
        )


def first_tracked(
    layout: Layout, loop: Loop, schema: InputSchema, say: Callable[[str], None]
) -> Tracked:
    """Make the state of features as it was at the start, of what was kept.

    Labels of the history that become known later wait in it.

    Raises
    ------
    StoreError
        If a file cannot be read.
    """
    plan = loop.feature_plan
    store = OnlineStore(plan, now_ns=schema.start_ns)
    for name in plan.sources:
        store.ingest(read_batch(layout.sources, name))
    feed = FeatureFeed(schema, plan, horizon_ns=loop.label.horizon_ns)
    if feed.remembers:
        for key, time_ns, labelled, row in read_open(layout.open_predictions, schema):
            feed.remember(key, time_ns, row, labelled=labelled)
    feed.newest_ns = {name: at for name, at in store.freshness().items() if at is not None}
    return Tracked(feed, store, 0, say)


def begin_features(layout: Layout, loop: Loop, schema: InputSchema) -> None:
    """Write the state of features as it was at the start.

    Raises
    ------
    StoreError
        If what was kept cannot be read, or the state cannot be written.
    """
    write_tracked(layout, first_tracked(layout, loop, schema, _to_nobody))


def _to_nobody(sentence: str) -> None:
    """Nothing can go wrong with single events that was not found when they were read."""


def _known_by(batch: EventBatch, moment_ns: int) -> EventBatch:
    rows = np.flatnonzero(batch.known_ns <= moment_ns)
    return EventBatch(
        source=batch.source,
        times_ns=batch.times_ns[rows],
        known_ns=batch.known_ns[rows],
        frame=batch.frame[rows],
    )
