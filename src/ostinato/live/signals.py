"""Signals of a process that waits: a request to stop, a child that died."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Any, Final, Self

STOPPING: Final = ("SIGTERM", "SIGINT", "SIGHUP")


class Signals:
    """While entered, requests to stop are counted and waiting ends at any signal.

    Only the main thread may enter.
    """

    def __init__(self) -> None:
        self.stops = 0
        self._pipe = (-1, -1)
        self._before: list[tuple[signal.Signals, Any]] = []
        self._wakeup = -1

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        # The handler alone would not do: a signal between a look and the wait would be slept over.
        self._wakeup = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        for name in STOPPING:
            self._handle(signal.Signals[name], self._stop)
        self._handle(signal.SIGCHLD, _pass)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before:
            signal.signal(number, before)
        signal.set_wakeup_fd(self._wakeup)
        for end in self._pipe:
            os.close(end)

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the next signal."""
        ready, _, _ = select.select([self._pipe[0]], [], [], seconds)
        if ready:
            os.read(self._pipe[0], 4096)

    def _handle(self, number: signal.Signals, handler: Any) -> None:
        self._before.append((number, signal.signal(number, handler)))

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as Python calls it
        self.stops += 1


def _pass(number: int, frame: FrameType | None) -> None:
    """Do nothing: that there is a handler makes the signal end the wait."""
