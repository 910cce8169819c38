"""Comparisons in a thread beside the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ostinato.core.clock import SteadyClock
from ostinato.core.ports import Clock
from ostinato.core.units import SECOND_NS, duration_ns
from ostinato.live.engine.background import Background
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.comparisons import Job, RowComparer
from ostinato.live.events import ParityDone
from ostinato.stores.eventlog_sqlite import SqliteEventLog

EVERY_TICKS: Final = 4
"""Between two comparisons. Fewer: rehearsals take longer."""

EVERY_NS_MAX: Final = 60 * SECOND_NS
"""Between two comparisons on the wall clock, where ticks are rare. Longer: faults are found later;
shorter: it costs more."""

PAUSE: Final = 20
"""How many times what a comparison took passes before the next one. Less: much of a processor goes
into it; more: a smaller share of the rows is compared on a busy machine."""


@dataclass(slots=True)
class ComparisonsBeside:
    """`Comparisons` in a thread; see there.

    Parameters
    ----------
    folder
        The service's folder; there is something to compare.
    """

    folder: Folder
    _comparer: RowComparer = field(init=False)
    _background: Background = field(init=False)
    _job: Job | None = None
    _done: ParityDone | None = None
    _next_ns: int = 0
    _steady: Clock = field(default_factory=SteadyClock)

    def __post_init__(self) -> None:
        self._comparer = RowComparer(self.folder)
        self._background = Background("parity", self._work)

    @property
    def under_way(self) -> bool:
        """Whether a comparison was begun that has no outcome yet."""
        return self._job is not None

    @property
    def waiting(self) -> bool:
        """Whether rows of earlier jobs are still to be compared."""
        return self._comparer.waiting

    @property
    def trouble(self) -> str:
        """Why comparisons fail; empty: they do not."""
        error = self._background.error
        return "" if error is None else str(error)

    def wants(self, tick: int) -> bool:
        """Say whether rows are to be compared after a tick."""
        if self._job is not None or self._done is not None:
            return False
        if self.folder.config.clock == "events":
            return tick % EVERY_TICKS == 0
        return self._steady.now_ns() >= self._next_ns

    def begin(self, job: Job) -> None:
        """Begin to compare."""
        assert self._job is None, "one at a time"
        self._job = job
        self._background.ask()

    def outcome(self) -> ParityDone | None:
        """Return what the last comparison showed, once; None: nothing, or nothing yet."""
        done, self._done = self._done, None
        return done

    def close(self) -> None:
        """End the thread; what was not compared is lost to parity."""
        self._background.close()

    def _work(self) -> None:
        job = self._job
        if job is None:
            return
        began_ns = self._steady.now_ns()
        with SqliteEventLog(self.folder.layout.events, readonly=True) as log:
            done = self._comparer.compare(job, log)
        took_ns = self._steady.now_ns() - began_ns
        every_ns = min(EVERY_TICKS * duration_ns(self.folder.config.tick), EVERY_NS_MAX)
        self._next_ns = began_ns + max(every_ns, PAUSE * took_ns)
        self._done = done
        self._job = None  # last: whoever sees that it is not under way finds the outcome
