"""What a service says while it runs: lines, written by a thread of their own.

A terminal that is stopped (Ctrl-S) or a full pipe holds up whoever writes to it; that must not be
the supervisor, nor through it a gateway. Lines that nobody takes are dropped and counted; the files
in ``logs`` have them all.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

WAITING: Final = 10_000
"""Lines kept for a slow reader. Fewer lose more of a burst; more cost memory."""


class Console:
    """Writes lines in the order they are said, without holding up who says them.

    Parameters
    ----------
    write
        Called with each line, without its end.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Say a line."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what was said; give up after two seconds."""
        try:
            self._lines.put(None, timeout=1.0)
        except queue.Full:
            return
        self._thread.join(1.0)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                line = f"({dropped} lines were dropped here: see logs/)\n{line}"
            try:
                self._write(line)
            except (OSError, ValueError):
                return  # the terminal is gone; the logs go on
