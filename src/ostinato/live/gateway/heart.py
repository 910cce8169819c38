"""The heartbeat: a file that says this gateway lives, what it serves and what it scores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from ostinato.core.errors import OstinatoError
from ostinato.live.published import Alive, write

BEAT_S: Final = 0.5
"""Seconds between two beats. The supervisor kills who has not beaten for several of them."""


class Heart:
    """Writes the file in a thread of its own.

    The time in it is that of the event loop's last turn, so that a loop that hangs is seen, and
    `scoring` says over which version.

    Parameters
    ----------
    path
        The file.
    alive
        Describes the process.
    beside
        What else to do at each beat.
    """

    def __init__(self, path: Path, alive: Callable[[], Alive], beside: Callable[[], None]) -> None:
        self.path, self.alive, self.beside = path, alive, beside
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def beat(self) -> None:
        """Beat now: something changed."""
        self._wake.set()

    def close(self) -> None:
        """Stop, and take the file away."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            _write(self.path, self.alive())
            with suppress(OSError, OstinatoError):
                self.beside()
            self._wake.wait(BEAT_S)
            self._wake.clear()


def _write(path: Path, alive: Alive) -> None:
    try:
        write(path, alive)
    except (OSError, OstinatoError):
        # A full disk must not look like a hang: what lies on it can still be written over.
        with suppress(OSError), path.open("r+b", buffering=0) as file:
            file.write(msgspec.json.format(msgspec.json.encode(alive), indent=1))
            file.truncate()
