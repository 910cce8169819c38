"""One service per folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ostinato.core.errors import ConfigError, InputError

if sys.platform != "win32":
    import fcntl

PATIENCE_S: Final = 1.0
"""Shorter, and a start may be refused because somebody looks whether the service runs; longer, and
a second start is refused late."""


class FolderLock:
    """Held by the supervisor as long as it lives; says its process id to others.

    Parameters
    ----------
    path
        The lock file; made if there is none. It stays when the lock is given back.

    Raises
    ------
    InputError
        On entering, if another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def __enter__(self) -> Self:
        _check_platform()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        tries = int(PATIENCE_S / 0.05)
        while not _take(self._file, shared=False):
            tries -= 1
            if tries < 0:
                found = f"process {_written(self._file)} on {self.path.parent}"
                os.close(self._file)
                raise InputError(
                    "A service runs in this folder already",
                    found=found,
                    expected="one service per folder",
                    hint="Stop it first, or give another folder: --dir.",
                )
            threading.Event().wait(0.05)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)


def holder(path: Path) -> int | None:
    """Return the process that holds a lock; None where nobody does."""
    _check_platform()
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _take(file, shared=True) else _written(file)
    finally:
        os.close(file)


def _take(file: int, *, shared: bool) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(file: int) -> int:
    text = os.pread(file, 20, 0)
    return int(text) if text.isdigit() else 0


def _check_platform() -> None:
    if sys.platform == "win32":
        raise ConfigError(
            "A service cannot run on this system",
            found=sys.platform,
            expected="Linux or macOS",
            hint="Replays run everywhere; for a service use WSL, a container or a Linux machine.",
        )
