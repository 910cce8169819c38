"""Turns between processes: a lock on a file that the operating system gives back at death."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

if sys.platform != "win32":
    import fcntl


class Turns:
    """A lock that processes wait for; within one process it nests, and threads are not its matter.

    Unlike SQLite's own wait, which sleeps in growing steps, a waiting process goes on as soon as
    the lock is free.

    Parameters
    ----------
    path
        An empty file beside what is guarded; made if there is none.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        self._depth = 0

    def __enter__(self) -> None:
        # On Windows there is no blocking lock: SQLite's own wait (busy timeout) does it there.
        if self._depth == 0 and sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up the file."""
        os.close(self._file)
