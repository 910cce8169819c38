"""Where a rehearsal is, in one line: rewritten on a terminal, else said now and then."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final, Self, TextIO

from ostinato.core.clock import SteadyClock
from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Entry
from ostinato.core.units import SECOND_NS, format_time
from ostinato.live.layout import Layout
from ostinato.live.published import Published, read
from ostinato.live.rehearse import Moment
from ostinato.stores.journal_sqlite import SqliteJournal

ON_TERMINAL_S: Final = 0.2
"""Between two lines; shorter flickers."""
ELSEWHERE_S: Final = 10.0
"""Shorter fills logs; longer leaves people wondering whether it hangs."""

QUIET: Final = ("evidence_registered", "labels_unusable")
"""Decisions that say little to somebody who watches."""


class Line:
    """Shows where a rehearsal is, and what its service says when something goes wrong.

    Parameters
    ----------
    layout
        The folder of the service.
    out
        Where the line goes.
    """

    def __init__(self, layout: Layout, out: TextIO) -> None:
        self._layout, self._out = layout, out
        self._live = out.isatty()
        self._clock, self._shown_ns = SteadyClock(), 0
        self._journal: SqliteJournal | None = None
        self._seq, self._last = 0, "-"
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._journal is not None:
            self._journal.close()
        if self._live and self._shown_ns:
            self._write("\n")

    def said(self, line: str) -> None:
        """Tell what the service says: all of it before the first line, then only troubles."""
        if not self._shown_ns or any(word in line for word in ("died", "error", "Error")):
            self._write(f"\r\x1b[2K{line}\n" if self._live else f"{line}\n")

    def show(self, moment: Moment) -> None:
        """Show where it is, if the last time is long enough ago."""
        now_ns = self._clock.now_ns()
        pause_s = ON_TERMINAL_S if self._live else ELSEWHERE_S
        done = moment.rows == moment.rows_total
        if now_ns - self._shown_ns < pause_s * SECOND_NS and not done:
            return
        self._shown_ns = now_ns
        text = self._text(moment)
        self._write(f"\r\x1b[2K{text}" if self._live else f"{text}\n")

    def _text(self, moment: Moment) -> str:
        routes = read(self._layout.routes, Published) or Published(epoch=-1)
        self._read_on()
        share = moment.rows / max(moment.rows_total, 1)
        where = f"{format_time(moment.now_ns)[:16]}  {share:4.0%}  {moment.per_second:,.0f} rows/s"
        return f"{where}  epoch {routes.epoch}  {routes.champion}  {self._last}"

    def _read_on(self) -> None:
        try:
            if self._journal is None:
                self._journal = SqliteJournal(self._layout.journal, readonly=True)
            for entry in self._journal.entries(self._seq):
                self._seq = entry.seq + 1
                if entry.kind not in QUIET:
                    self._last = _short(entry)
        except OstinatoError:
            return  # not there yet, or just being written: the next line has it

    def _write(self, text: str) -> None:
        with self._lock:
            self._out.write(text)
            self._out.flush()


def _short(entry: Entry) -> str:
    return f"{entry.kind} ({format_time(entry.ts_record_ns)[:10]})"
