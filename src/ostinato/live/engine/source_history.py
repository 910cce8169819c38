"""All events that features were ever made of: what was known at the start, the lake, the log.

With it features can be computed again as of any moment, by the execution that serving does not use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.features.prepare import EventBatch
from ostinato.features.sources import Events
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.feed import PAGE, Readable, read_event
from ostinato.live.events import EventsGiven
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.lake.lake import Lake, WholeLog
from ostinato.live.open_predictions import read_open
from ostinato.live.source_files import read_batch


def source_history(folder: Folder, log: Readable) -> dict[str, EventBatch]:
    """Return the events of every source, in the order in which they became known.

    Posted ones come from the tables of the lake as far as those go, all others from the log: what
    the first label of a prediction was depends on its order.

    Raises
    ------
    StoreError
        If the lake, or what was kept of the start, cannot be read.
    """
    plan, layout, schema = folder.loop.feature_plan, folder.layout, folder.schema
    lake = Lake(layout, schema)
    found = {name: [read_batch(layout.sources, name)] for name in plan.sources}
    posted = [name for name, source in plan.sources.items() if isinstance(source, Events)]
    carried_to = lake.place().offset
    for name in posted:
        found[name].append(lake.events_of(name, before_offset=carried_to))
    from_offset = carried_to if len(posted) == len(plan.sources) else 0
    for batch in _logged(folder, WholeLog(log, lake), from_offset, carried_to):
        found[batch.source].append(batch)
    return {name: _joined(parts) for name, parts in found.items()}


def recent_events(
    folder: Folder, log: Readable, names: Sequence[str], since_ns: int
) -> dict[str, EventBatch]:
    """Return the events of posted sources that happened at a moment or later, all that is known.

    In the order in which they became known. May run while the lake grows.

    Raises
    ------
    StoreError
        If the lake, or what was kept of the start, cannot be read.
    """
    lake = Lake(folder.layout, folder.schema)
    carried_to = lake.place().offset  # before the tables: what comes into them meanwhile is passed
    found: dict[str, list[EventBatch]] = {name: [] for name in names}
    for name in names:
        if since_ns <= folder.schema.start_ns:
            found[name].append(since(read_batch(folder.layout.sources, name), since_ns))
        found[name].append(lake.events_of(name, since_ns=since_ns, before_offset=carried_to))
    for batch in _posted(folder, WholeLog(log, lake), carried_to):
        if batch.source in found:
            found[batch.source].append(since(batch, since_ns))
    return {name: _joined(parts) for name, parts in found.items()}


def since(batch: EventBatch, moment_ns: int) -> EventBatch:
    """Return the events that happened at a moment or later."""
    return chosen(batch, batch.times_ns >= moment_ns)


def chosen(batch: EventBatch, which: NDArray[np.bool_]) -> EventBatch:
    """Return some events of a batch: `which` says of each whether it is one."""
    return replace(
        batch,
        times_ns=batch.times_ns[which],
        known_ns=batch.known_ns[which],
        frame=batch.frame.filter(which),
    )


def _posted(folder: Folder, log: Readable, from_offset: int) -> Iterator[EventBatch]:
    plan, horizon_ns = folder.loop.feature_plan, folder.loop.label.horizon_ns
    feed = FeatureFeed(folder.schema, plan, horizon_ns=horizon_ns)
    while page := log.read(from_offset, PAGE):
        for offset, key, payload in page:
            event = read_event(offset, key, payload)
            if isinstance(event, EventsGiven):
                feed.take(event)
        yield from feed.batches()
        from_offset = page[-1][0] + 1


def _logged(folder: Folder, log: Readable, from_offset: int, carried_to: int) -> list[EventBatch]:
    """Return what the log tells of sources, without posted events that are in the lake."""
    feed = FeatureFeed(
        folder.schema, folder.loop.feature_plan, horizon_ns=folder.loop.label.horizon_ns
    )
    if feed.remembers:
        for key, time_ns, labelled, row in read_open(folder.layout.open_predictions, folder.schema):
            feed.remember(key, time_ns, row, labelled=labelled)
    found: list[EventBatch] = []
    while page := log.read(from_offset, PAGE):
        for offset, key, payload in page:
            event = read_event(offset, key, payload)
            if offset >= carried_to or not isinstance(event, EventsGiven):
                feed.take(event)
        found += feed.batches()
        from_offset = page[-1][0] + 1
    return found


def _joined(parts: list[EventBatch]) -> EventBatch:
    frames = [part.frame for part in parts if len(part)] or [parts[0].frame]
    return EventBatch(
        source=parts[0].source,
        times_ns=np.concatenate([part.times_ns for part in parts]),
        known_ns=np.concatenate([part.known_ns for part in parts]),
        frame=pl.concat(frames, how="diagonal_relaxed"),
    )
