"""The way to the disk: one thread, and everything that waits goes in one commit.

Where the disk is quick, the event loop commits by itself: handing a commit to the thread and the
answer back takes two changes of thread, a tenth of a millisecond, and often longer than the disk.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from ostinato.core.clock import elapsed_ns
from ostinato.core.errors import OstinatoError, StoreError
from ostinato.stores.eventlog_sqlite import Stored
from ostinato.stores.events import Event

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes that may wait. Smaller: requests are refused when the disk only pauses; larger: memory."""

RETRY_S: Final = 0.2
"""Pause after a commit that failed, before what nobody waits for is tried again."""

QUICK_S: Final = 0.000_5
QUICK_COMMITS: Final = 8
"""The event loop commits by itself when so many commits in a row took no longer than this. Longer
or fewer: it stands still for a slow disk more often; shorter or more: the thread is woken for less
than its waking costs."""

Outcome = list[Stored] | OstinatoError
Told = Callable[[Outcome], None]


class Log(Protocol):
    """The part of the event log that a gateway writes to."""

    def append_once(self, events: Sequence[Event]) -> list[Stored]: ...


class _Batch:
    __slots__ = ("events", "size", "told")

    def __init__(self, events: Sequence[Event], told: Told | None) -> None:
        self.events, self.told = events, told
        self.size = sum(len(payload) for _, payload in events)


class Committer:
    """Commits events in groups, from an event loop, without blocking it.

    Parameters
    ----------
    log
        Where events go; nobody else in this process should write to it.
    loop
        Whose callbacks are called.
    window_ms
        How long events that nobody waits for may wait for company.

    Attributes
    ----------
    trouble
        Why the last commit failed; None: it did not.
    inside
        Whether the event loop is committing at this moment.
    observe
        Called after each commit in the thread that made it, one at a time, with the number of
        events, seconds, and the first offset behind them.
    """

    def __init__(self, log: Log, loop: asyncio.AbstractEventLoop, *, window_ms: int = 0) -> None:
        self.log, self.loop, self.window_ms = log, loop, window_ms
        self.trouble: OstinatoError | None = None
        self.observe: Callable[[int, float, int], None] = _ignore
        self._queue: SimpleQueue[_Batch | None] = SimpleQueue()  # None: no more will come
        self._held: list[_Batch] = []  # in the window; the thread sleeps meanwhile
        self._window: asyncio.TimerHandle | None = None
        self._put_bytes = self._done_bytes = 0  # one written by the loop, one by the thread
        self._put_batches = self._done_batches = 0  # as above
        self._quick = 0  # commits since the last slow one
        self.inside = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether no more should be handed in for now."""
        return self._put_bytes - self._done_bytes > MOST_BYTES

    def submit(self, events: Sequence[Event], told: Told) -> None:
        """Commit events with whatever else waits; `told` is called in the loop when it is done.

        On a quick disk that is before this returns.
        """
        self._release()
        batch = _Batch(events, told)
        if self._quick >= QUICK_COMMITS and self._put_batches == self._done_batches:
            self._commit_here(batch, told)
        else:
            self._put(batch)

    def submit_later(self, events: Sequence[Event]) -> None:
        """Commit events within the window; nobody is told, and a failure is tried again."""
        batch = _Batch(events, None)
        if not self.window_ms:
            self._put(batch)
            return
        self._put_bytes += batch.size
        self._held.append(batch)
        if self._window is None:  # half of it: the commit takes time as well
            self._window = self.loop.call_later(self.window_ms / 2000, self._release)

    async def commit(self, events: Sequence[Event]) -> list[Stored]:
        """Commit events and wait for it.

        Raises
        ------
        OstinatoError
            If they could not be stored.
        """
        waiting: asyncio.Future[Outcome] = self.loop.create_future()

        def told(outcome: Outcome) -> None:
            if not waiting.done():
                waiting.set_result(outcome)

        self.submit(events, told)
        outcome = await waiting
        if isinstance(outcome, OstinatoError):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Commit what waits and end the thread."""
        self._release()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _commit_here(self, batch: _Batch, told: Told) -> None:
        self.inside = True
        (outcome,) = self._commit([batch])
        self.inside = False
        try:
            told(outcome)
        except Exception as error:  # noqa: BLE001 - no fault of whoever submits
            self.loop.call_exception_handler({"message": "Telling of a commit", "exception": error})

    def _release(self) -> None:
        if self._window is not None:
            self._window.cancel()
            self._window = None
        held, self._held = self._held, []
        self._put_batches += len(held)
        for batch in held:
            self._queue.put(batch)

    def _put(self, batch: _Batch) -> None:
        self._put_bytes += batch.size
        self._put_batches += 1
        self._queue.put(batch)

    def _run(self) -> None:
        failed: list[_Batch] = []
        while not self._closing:
            batches = self._taken(failed)
            if not batches:
                continue
            outcomes = self._commit(batches)
            # What nobody waits for is tried again, but not after the end: the disk refuses it.
            failed = [b for b in batches if b.told is None] if self.trouble else []
            self._done_bytes += sum(b.size for b in batches) - sum(b.size for b in failed)
            self._done_batches += len(batches) - len(failed)
            told = [(b.told, o) for b, o in zip(batches, outcomes, strict=True) if b.told]
            if told and not self.loop.is_closed():
                self.loop.call_soon_threadsafe(_tell, told)

    def _taken(self, failed: list[_Batch]) -> list[_Batch]:
        """Wait for events, and take all that are there, after those that failed."""
        batches = list(failed)
        pause_s = RETRY_S if failed else None
        while not self._closing:
            try:
                batch = self._queue.get(timeout=pause_s)
            except Empty:
                break
            if batch is None:
                self._closing = True
                break
            batches.append(batch)
            pause_s = 0.0
        return batches

    def _commit(self, batches: list[_Batch]) -> Sequence[Outcome]:
        events = [event for batch in batches for event in batch.events]
        began_ns = elapsed_ns()
        try:
            stored = self.log.append_once(events)
        except OstinatoError as error:
            self.trouble, self._quick = error, 0
            return [error] * len(batches)
        except Exception as error:  # noqa: BLE001 - the thread must live: all answers go through it
            self.trouble = StoreError(
                "The events were not stored", found=f"{type(error).__name__}: {error}"
            )
            self._quick = 0
            return [self.trouble] * len(batches)
        self.trouble = None
        log_end = max((offset for offset, _ in stored), default=-1) + 1
        took_s = (elapsed_ns() - began_ns) / 1e9
        self._quick = self._quick + 1 if took_s <= QUICK_S else 0
        self.observe(len(events), took_s, log_end)
        outcomes: list[Outcome] = []
        start = 0
        for batch in batches:
            outcomes.append(stored[start : start + len(batch.events)])
            start += len(batch.events)
        return outcomes


def _tell(told: list[tuple[Told, Outcome]]) -> None:
    for call, outcome in told:
        call(outcome)


def _ignore(events: int, seconds: float, log_end: int) -> None:
    """Nobody counts commits."""
