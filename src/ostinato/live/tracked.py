"""What features are computed of, up to a place in the log.

The engine and every gateway have one each and follow the log with it. The engine writes its own
down, and gateways begin with that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from ostinato.core.errors import InputError, StoreError
from ostinato.features.online import OnlineStore
from ostinato.features.prepare import EventBatch
from ostinato.live.events import Tick, decode
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.feature_state import FeatureState, read_state, write_state
from ostinato.live.layout import Layout
from ostinato.live.schema import InputSchema
from ostinato.loop.loop import Loop

PAGE: Final = 200
"""Entries of the log taken at once: they may hold thousands of events each."""

_SHADOWS: Final = ("s/",)
_ANSWERS: Final = ("s/", "a/", "p/")  # how keys of scores and answers begin


class Store(Protocol):
    """What is kept of events; see `ostinato.features.online.OnlineStore`."""

    @property
    def now_ns(self) -> int | None: ...

    @property
    def memory_bytes(self) -> int: ...

    def ingest(self, batch: EventBatch) -> None: ...

    def lookup(
        self, rows: Sequence[tuple[object, ...]], times_ns: Sequence[int]
    ) -> list[tuple[float | None, ...]]: ...

    def advance(self, now_ns: int) -> None: ...

    def prune(self, now_ns: int) -> None: ...

    def snapshot(self) -> bytes: ...


class Pages(Protocol):
    """Where events are read from."""

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]: ...


class Tracked:
    """The state of features.

    Parameters
    ----------
    feed
        Makes events of sources of what is in the log.
    store
        Keeps what windows need of them.
    offset
        The first event of the log that is not in it.
    say
        Takes sentences for the log.

    Attributes
    ----------
    skipped
        Events that could not be taken.
    ticked_ns
        The time of the last tick that was followed; 0: none was.
    """

    def __init__(
        self, feed: FeatureFeed, store: Store, offset: int, say: Callable[[str], None]
    ) -> None:
        self.feed, self.store, self.offset, self.say = feed, store, offset, say
        self.skipped = self.ticked_ns = 0
        self._unneeded = _SHADOWS if feed.needs_answers else _ANSWERS

    def follow(self, log: Pages, passed: Callable[[str], bool]) -> bool:
        """Take some entries of the log, except those that are passed over; False: it was the last.

        Raises
        ------
        StoreError
            If entries were dropped before they could be taken.
        """
        page = log.read(self.offset, PAGE)
        if page and page[0][0] != self.offset:
            raise StoreError(
                "The log was trimmed before features had its events",
                found=f"offset {page[0][0]}",
                expected=f"offset {self.offset}",
                hint="The state that the engine wrote last goes further: it is loaded.",
            )
        for offset, key, payload in page:
            self.offset = offset + 1
            if passed(key) or key.startswith(self._unneeded):
                continue
            try:
                event = decode(payload)
            except msgspec.MsgspecError as error:
                self._skip(1, f"offset {offset} cannot be read: {error}")
                continue
            if isinstance(event, Tick):
                self.ticked_ns = max(self.ticked_ns, event.now_ns)
            self.feed.take(event)
        self.fold()
        return len(page) == PAGE

    def fold(self) -> None:
        """Hand what the feed has taken to the store; a bad event is left out alone."""
        for batch in self.feed.batches():
            try:
                self.store.ingest(batch)
            except InputError:
                self._one_by_one(batch)

    def ages_ns(self, now_ns: int) -> Mapping[str, int]:
        """Return by source how long ago its newest event happened."""
        return {source: now_ns - newest for source, newest in self.feed.newest_ns.items()}

    def _one_by_one(self, batch: EventBatch) -> None:
        for place in range(len(batch)):
            part = slice(place, place + 1)
            one = EventBatch(
                source=batch.source,
                times_ns=batch.times_ns[part],
                known_ns=batch.known_ns[part],
                frame=batch.frame[part],
            )
            try:
                self.store.ingest(one)
            except InputError as error:
                self._skip(1, str(error))

    def _skip(self, count: int, why: str) -> None:
        if not self.skipped:
            self.say(f"An event was left out of features: {why}")
        self.skipped += count


def load_tracked(
    loop: Loop, schema: InputSchema, layout: Layout, *, say: Callable[[str], None]
) -> Tracked | None:
    """Load the state that the engine wrote last; None: there is none.

    Raises
    ------
    StoreError
        If it is damaged, or of other definitions.
    """
    plan = loop.feature_plan
    state = read_state(layout.features, plan=plan.digest)
    if state is None:
        return None
    feed = FeatureFeed(schema, plan, horizon_ns=loop.label.horizon_ns)
    feed.restore(state.feed)
    return Tracked(feed, OnlineStore.restore(plan, state.store), state.offset, say)


def write_tracked(layout: Layout, tracked: Tracked) -> None:
    """Write a state for gateways to begin with.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    state = FeatureState(
        offset=tracked.offset,
        plan=tracked.feed.plan.digest,
        store=tracked.store.snapshot(),
        feed=tracked.feed.snapshot(),
    )
    write_state(layout.features, state)
