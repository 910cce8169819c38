"""How far a long run is, on stderr: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from ostinato.cli.output import say
from ostinato.core.clock import Stopwatch
from ostinato.core.units import format_time
from ostinato.replay.progress import Progress, Report

SECONDS_PER_LINE: Final = 10.0
"""Smaller fills logs; larger leaves people wondering whether it hangs."""


@dataclass(slots=True)
class Pace:
    """Events per second of each policy, by the wall clock.

    A policy may pause and be taken up again: what it had done before does not count.
    """

    policy: str = ""
    done_before: int = 0
    watch: Stopwatch = field(default_factory=Stopwatch)
    since_line: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)

    def per_second(self, now: Progress) -> float:
        """Return the mean rate since this policy began or went on."""
        if now.policy != self.policy:
            self.done_before = self.seen.get(now.policy, 0)
            self.policy, self.watch = now.policy, Stopwatch()
            self.watch.__enter__()
        self.seen[now.policy] = now.events
        return (now.events - self.done_before) / max(self._seconds(), 1e-3)

    def line_is_due(self) -> bool:
        """Whether the last plain line is long enough ago; asking resets it when it is."""
        seconds = self._seconds()
        if seconds < self.since_line:  # a new policy has a new watch
            self.since_line = 0.0
        if seconds - self.since_line < SECONDS_PER_LINE:
            return False
        self.since_line = seconds
        return True

    def _seconds(self) -> float:
        self.watch.__exit__()
        self.watch.__enter__()
        return self.watch.wall_seconds


def described(now: Progress, rate: float) -> str:
    """Write where a run is in one line, without its bar."""
    return f"{rate:,.0f} events/s  {format_time(now.now_ns)[:10]}  {now.decisions:,} decisions"


@contextmanager
def progress_on_stderr() -> Iterator[Report]:
    """Yield what a run reports to, and clean up after it."""
    if sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        pace = Pace()

        def line(now: Progress) -> None:
            rate = pace.per_second(now)
            if pace.line_is_due():
                share = now.events / max(now.events_total, 1)
                of = f" ({now.policy_index + 1} of {now.policies})" if now.policies > 1 else ""
                say(f"{now.policy}{of}: {share:.0%}  {described(now, rate)}")

        yield line


@contextmanager
def _bars() -> Iterator[Report]:
    pace, tasks = Pace(), dict[str, TaskID]()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def update(now: Progress) -> None:
            if now.policy not in tasks:
                tasks[now.policy] = bars.add_task(now.policy, total=now.events_total, told="")
            told = described(now, pace.per_second(now))
            bars.update(tasks[now.policy], completed=now.events, told=told)

        yield update
