"""One process of the service: started, listened to, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ostinato.live import launch

LARGEST_LOG: Final = 10_000_000
"""Bytes of a log; then it becomes ``.log.1`` and a new one begins. Two of them are kept."""


class Child:
    """A running process; its lines go to a file and to the console.

    Parameters
    ----------
    name
        What it is called in front of its lines.
    module, arguments
        What runs, see `ostinato.live.launch`.
    log
        Where its lines are kept.
    say
        Told each line, with the name in front.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: tuple[str, ...],
        *,
        log: Path,
        say: Callable[[str], None],
    ) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, and a kill reaches all that
        # the child has started. Must be started by the thread that lives longest: the child dies
        # with it.
        self._process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            launch.command(module, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.last_line = ""
        self._name, self._log, self._say = name, log, say
        self._reader = threading.Thread(target=self._copy, name=f"{name} lines", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ended(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(0.5)  # its last words
        return code

    def ask_to_stop(self) -> None:
        """Ask it to finish what it is doing and leave."""
        self._process.terminate()

    def kill(self) -> None:
        """End it and all it has started, at once."""
        with suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _copy(self) -> None:
        stream = self._process.stdout
        assert stream is not None, "the child writes to us"
        with stream:
            for raw in stream:
                self._take(raw.decode("utf-8", "replace").rstrip())

    def _take(self, text: str) -> None:
        if text:
            self.last_line = text
            self._say(f"{self._name} | {text}")
            _keep(self._log, text)


def _keep(log: Path, text: str) -> None:
    try:
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        with log.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError:
        pass  # a full disk must not stop the child: the line was said on the console


def exit_text(code: int) -> str:
    """Say how a process ended.

    >>> exit_text(-9), exit_text(1)
    ('killed by SIGKILL', 'exit code 1')
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
