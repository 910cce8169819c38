"""Follows the log, so that what features are computed of is up to date.

A gateway begins with the file that the engine wrote and takes every event after it. Its own answers
count at once, for the requests after them must see them; when they come by in the log they are
passed over. An answer that counted and was not stored in the end, or had been stored before, makes
the state wrong: then it is loaded anew beside the traffic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ostinato.core.clock import elapsed_ns
from ostinato.core.errors import OstinatoError, StoreError
from ostinato.core.ports import Clock
from ostinato.live.events import Answered
from ostinato.live.tracked import Tracked

IDLE_S: Final = 0.02
"""Seconds between two looks at the log. Longer: what other gateways were told is seen later;
shorter: idle work."""

RETRY_S: Final = 0.25
"""Seconds between two looks at a file of state that is not there or cannot be used."""

PRUNE_S: Final = 60
"""Seconds between two times that what no window reaches any more is dropped. Longer: memory;
shorter: the event loop stands still more often."""

NOT_YET: Final = "the engine has not written it yet"

OWN_KEY: Final = "p/"  # how keys of answers with a client's id begin: those can come twice


class FollowedLog(Protocol):
    """The part of the event log that is followed."""

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]: ...

    def find(self, key: str) -> tuple[int, bytes] | None: ...

    def end(self) -> int: ...

    def close(self) -> None: ...


class Logged(Protocol):
    """An answer on its way to the log."""

    @property
    def key(self) -> str: ...

    @property
    def event(self) -> Answered: ...


class Follower:
    """Keeps the state of features up to date; used inside one event loop.

    Parameters
    ----------
    log
        What is followed; nobody else uses it.
    load
        Reads the state that the engine wrote; None: there is none yet. Called in a thread.
    clock
        Of the gateway.
    say
        Takes sentences for the log.

    Attributes
    ----------
    tracked
        The state in force; None: not ready.
    trouble
        Why there is none, or why it cannot be followed; empty: it can.
    """

    def __init__(
        self,
        log: FollowedLog,
        load: Callable[[], Tracked | None],
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self.log, self.load, self.clock, self.say = log, load, clock, say
        self.tracked: Tracked | None = None
        self.trouble = NOT_YET
        self._own: dict[str, Answered] = {}  # counted, and not come by in the log yet
        self._spoiled = False
        self._pruned_ns = elapsed_ns()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Follow no more, and close the log."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.log.close()

    def known_ns(self, source: str) -> int:
        """Return the newest time at which an event of a source became known; 0: none did."""
        return 0 if self.tracked is None else self.tracked.feed.known_ns.get(source, 0)

    def lag(self) -> int:
        """Return how many events of the log are not in the state."""
        return 0 if self.tracked is None else max(self.log.end() - self.tracked.offset, 0)

    def catch_up(self) -> None:
        """Take what is in the log.

        Raises
        ------
        StoreError
            If the log cannot be read.
        """
        tracked = self.tracked
        if tracked is None:
            return
        try:
            while tracked.follow(self.log, self._is_own):
                pass
        except StoreError:
            self.tracked = None  # the next turn loads it anew, or says why not
            raise

    def logging(self, entries: Sequence[Logged]) -> None:
        """Take answers that go to the log; a retry of a known prediction counts no more."""
        tracked = self.tracked
        if tracked is None or not tracked.feed.needs_answers:
            return
        for entry in entries:
            if entry.key.startswith(OWN_KEY) and self._is_known(entry.key):
                continue
            self._own[entry.key] = entry.event
            tracked.feed.take(entry.event)
        tracked.fold()

    def not_logged(self, entries: Sequence[Logged]) -> None:
        """Take it that answers were not stored, or had been before."""
        for entry in entries:
            if self._own.get(entry.key) is entry.event:
                del self._own[entry.key]
                self._spoiled = True

    async def turn(self) -> None:
        """Do what is due: load, load anew, or follow."""
        if self.tracked is None or self._spoiled:
            await self._load()
        else:
            self.catch_up()
        if self.tracked is not None and elapsed_ns() - self._pruned_ns > PRUNE_S * 1_000_000_000:
            self._pruned_ns = elapsed_ns()
            store = self.tracked.store
            store.prune(max(self.clock.now_ns(), store.now_ns or 0))

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
            except OstinatoError as error:
                self._told(str(error))
            except Exception as error:  # noqa: BLE001 - told, and tried again: it must not end
                self._told(f"{type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_S if self.tracked is None else IDLE_S)

    async def _load(self) -> None:
        self._spoiled = False
        fresh = await asyncio.to_thread(self.load)
        if fresh is None:
            self._told(NOT_YET)
            return
        met: set[str] = set()

        def meets(key: str) -> bool:
            if key in self._own:
                met.add(key)
            return False

        while fresh.follow(self.log, meets):  # noqa: ASYNC110 - lets requests in between
            await asyncio.sleep(0)
        for key, event in list(self._own.items()):
            if key in met:
                del self._own[key]  # it will not come by again
            else:
                fresh.feed.take(event)
        fresh.fold()
        self.tracked, self.trouble = fresh, ""

    def _is_own(self, key: str) -> bool:
        return self._own.pop(key, None) is not None

    def _is_known(self, key: str) -> bool:
        return key in self._own or self.log.find(key) is not None

    def _told(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.say(f"Features: {trouble}")
        self.trouble = trouble
