"""Work that must not hold up the loop: done in a thread, again after a failure, told apart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from ostinato.core.errors import OstinatoError, StoreError

RETRY_SECONDS: Final = 5.0
MOST_RETRY_SECONDS: Final = 300.0
"""Between two tries after a failure: doubled from the first up to the second."""


class Background:
    """A thread that works whenever it was asked to since it last began.

    Parameters
    ----------
    name
        Of the thread.
    work
        What to do; it returns after how many seconds it is to be done again by itself, None: when
        it is asked for. What it raises is kept as `error`, and it is done again after a while; it
        has to take up where it left off.
    retry_seconds
        How long it waits after the first failure.
    """

    def __init__(
        self, name: str, work: Callable[[], float | None], *, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self.work, self.retry_seconds = work, retry_seconds
        self.error: OstinatoError | None = None
        self._wake, self._stop = threading.Event(), threading.Event()
        self._wait_seconds = retry_seconds
        self._again: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Have the work done soon."""
        self._wake.set()

    def close(self, seconds: float = 10.0) -> None:
        """Let it finish what it does, for so long, and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._wake.wait(self._again)
            if self._stop.is_set():
                return
            self._wake.clear()
            self._try()

    def _try(self) -> None:
        try:
            self._again = self.work()
        except BaseException as error:  # noqa: BLE001 - a thread that is gone would not be missed
            self.error = error if isinstance(error, OstinatoError) else _unforeseen(error)
            self._stop.wait(self._wait_seconds)
            self._wait_seconds = min(2 * self._wait_seconds, MOST_RETRY_SECONDS)
            self._wake.set()
        else:
            self.error, self._wait_seconds = None, self.retry_seconds


def _unforeseen(error: BaseException) -> OstinatoError:
    """Return what a library or the operating system said, as one of our errors.

    Also of those that are no `Exception`: Polars panics so.
    """
    if isinstance(error, OSError):  # files beside the stores: a full disk
        return StoreError(
            "A file of the service could not be written",
            found=f"{error.filename or 'no file is named'} ({error.strerror or error})",
            hint="Check the permissions and the free space on the disk.",
        )
    first = (str(error).splitlines() or [""])[0]
    return StoreError(f"It failed ({type(error).__name__}: {first[:200]})")
