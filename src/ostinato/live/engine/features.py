"""The engine's copy of what features are computed of: it follows the log, and writes the file.

Nobody is served from it. It is there so that the log can be trimmed and gateways need not read all
of it when they start: the file goes up to an offset, the log is kept from there on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ostinato.core.errors import StoreError
from ostinato.core.ports import EventLog
from ostinato.features.freshness import freshness
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.first_features import first_tracked
from ostinato.live.lake.lake import Lake, WholeLog
from ostinato.live.published import SourceStatus
from ostinato.live.source_schemas import SourceSchemas
from ostinato.live.tracked import Tracked, load_tracked, write_tracked

PRUNE_PAGES: Final = 500
"""Pages of the log between two times that what no window reaches is dropped, while it is read
again. Fewer: more work; more: memory for events that are long over."""


_PASSES_NONE: Final[Callable[[str], bool]] = frozenset[str]().__contains__


def _nothing(point: str) -> None:
    """Between two steps nothing happens, unless a test has something happen."""


@dataclass(slots=True)
class FeatureKeeper:
    """Keeps the state of features up to date, and its file whole; used by one thread at a time.

    Parameters
    ----------
    folder
        The service's folder.
    say
        Takes sentences for the log of the process.
    between
        Called with the name of each point between two steps; tests die there.

    Attributes
    ----------
    written
        The offset up to which the file goes; None: there is none that can be used.
    trouble
        What is wrong with the state, empty: nothing.
    sources
        How each source stands.
    """

    folder: Folder
    say: Callable[[str], None]
    between: Callable[[str], None] = _nothing
    written: int | None = None
    trouble: str = ""
    sources: tuple[SourceStatus, ...] = ()
    _tracked: Tracked | None = field(default=None)
    _left: tuple[int, ...] = ()
    _schemas: SourceSchemas | None = field(default=None)

    def follow(self, log: EventLog) -> None:
        """Take what is in the log; make the state anew first, if its file cannot be used.

        Raises
        ------
        StoreError
            If the log, the lake, or what was kept of the start cannot be read.
        """
        whole = WholeLog(log, Lake(self.folder.layout, self.folder.schema))
        tracked, anew = self._tracked or self._load(log), False
        if tracked is None:
            tracked, anew = self._first(), True
        schemas = self._schemas or self._listen()
        tracked.feed.heard = schemas.take
        pages = 0
        while tracked.follow(whole, _PASSES_NONE):
            pages += 1
            if pages % PRUNE_PAGES == 0:
                _prune(tracked)
        _advance(tracked)
        self._tracked, self._schemas = tracked, schemas
        self.between("after follow")
        if anew:
            self.write()
            self.say(f"features: made anew, up to offset {tracked.offset:,} of the log")
        elif _look_of(self.folder.layout.features) != self._left:
            self.write()  # from what is in memory: a gateway that starts cannot wait for the next
            self.say("features: the file was changed or removed by another hand; written again")
        self.trouble = ""
        self.sources = _standing(tracked, schemas)

    def write(self) -> None:
        """Write the file that gateways begin with.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        tracked, schemas = self._tracked, self._schemas
        assert tracked is not None, "follow() makes it"
        assert schemas is not None, "follow() makes them"
        _prune(tracked)
        self.between("before state")
        schemas.save()  # first: what the state has gone past is not heard again
        write_tracked(self.folder.layout, tracked)
        self.between("after state")
        self.written, self._left = tracked.offset, _look_of(self.folder.layout.features)

    def _listen(self) -> SourceSchemas:
        folder = self.folder
        specs = {spec.name: spec for spec in folder.schema.sources}
        return SourceSchemas(folder.layout.schemas, folder.loop.feature_plan, specs)

    def _load(self, log: EventLog) -> Tracked | None:
        """Load the file; None, and the reason told, where it cannot be used."""
        self._left = _look_of(self.folder.layout.features)
        try:
            found = self._found(log.end())
        except StoreError as error:
            self.trouble = f"made anew from the history, the lake and the log. {error}"
            self.say(f"features: {self.trouble}")
            return None
        self.written = found.offset
        return found

    def _found(self, end: int) -> Tracked:
        folder = self.folder
        found = load_tracked(folder.loop, folder.schema, folder.layout, say=self.say)
        if found is None:
            raise StoreError("The state of features is gone", found=folder.layout.features)
        if found.offset > end:
            raise StoreError(
                "The state of features goes further than the log",
                found=f"offset {found.offset:,}",
                expected=f"at most {end:,}",
            )
        return found

    def _first(self) -> Tracked:
        folder = self.folder
        return first_tracked(folder.layout, folder.loop, folder.schema, self.say)


def _look_of(path: Path) -> tuple[int, ...]:
    """Return what a file that others leave alone keeps; empty: there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _advance(tracked: Tracked) -> None:
    """Go on to the last tick: requests to come are not before it."""
    if tracked.ticked_ns > (tracked.store.now_ns or 0):
        tracked.store.advance(tracked.ticked_ns)


def _prune(tracked: Tracked) -> None:
    _advance(tracked)
    if tracked.store.now_ns is not None:
        tracked.store.prune(tracked.store.now_ns)


def _standing(tracked: Tracked, schemas: SourceSchemas) -> tuple[SourceStatus, ...]:
    feed = tracked.feed
    versions = schemas.book.versions()
    return tuple(
        SourceStatus(
            name=each.source,
            events=feed.taken.get(each.source, 0),
            newest_ns=each.newest_ns,
            stale_after_ns=each.stale_after_ns,
            columns_version=versions.get(each.source),
        )
        for each in freshness(feed.plan, feed.newest_ns, tracked.ticked_ns)
    )
