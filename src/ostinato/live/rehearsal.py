"""Rehearse: a real service, a history driven through it, and what came of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ostinato.core.clock import SteadyClock
from ostinato.core.errors import InputError, LoopError
from ostinato.core.ports import Entry
from ostinato.core.units import SECOND_NS, to_datetime
from ostinato.live.child import Child, exit_text
from ostinato.live.client import answers
from ostinato.live.config import ServiceConfig
from ostinato.live.layout import Layout
from ostinato.live.published import read
from ostinato.live.rehearse import Answers, Driver, Moment
from ostinato.live.same_journal import Difference, first_difference
from ostinato.live.schema import InputSchema
from ostinato.live.service import service_url, set_up
from ostinato.live.told import tell
from ostinato.live.transport import HttpTransport
from ostinato.loop.loop import Loop
from ostinato.replay.history import History, make_history
from ostinato.replay.ledger import known_labels, losses_of
from ostinato.replay.run import replay, ticks
from ostinato.replay.tables import overall_metrics
from ostinato.stores.journal_sqlite import SqliteJournal

STOP_S = 180.0
"""How long a service may take to stop before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of a rehearsal.

    Parameters
    ----------
    loop, url, folder
        The service.
    rows, ticks, seconds
        What was told, and how long it took by the wall.
    wait_ms
        Quantiles 0.5 and 0.99 of how long a request took.
    metrics
        As `Replay.metrics`, of the answers that came back.
    answers
        How many rows each version answered in each role.
    decisions
        How many of each kind are in the journal.
    same
        Whether the journal is the replay's, byte for byte; None: not compared.
    difference
        Where the two part.
    """

    loop: str
    url: str
    folder: str
    rows: int
    ticks: int
    seconds: float
    wait_ms: dict[str, float]
    metrics: dict[str, float]
    answers: dict[str, int]
    decisions: dict[str, int]
    same: bool | None = None
    difference: Difference | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        found["difference"] = None if self.difference is None else self.difference.to_dict()
        found["metrics"] = _finite(self.metrics)
        found["wait_ms"] = _finite(self.wait_ms)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A rehearsal to run.

    Parameters
    ----------
    loop, table, data
        The loop, its data with all columns, and the path where the data is (None: the loop file
        brings it).
    config
        How the service runs: on the clock of events; its tick is also the rehearsal's.
    tick
        A duration, or a number of rows.
    start, end
        When serving begins and which rows are left out, as in a replay.
    speed, rows_per_request, exact
        As `ostinato.live.rehearse.Driver` takes them.
    """

    loop: Loop
    table: pl.DataFrame
    data: Path | None
    config: ServiceConfig
    tick: str | int
    start: str | None
    end: str | None
    speed: float
    rows_per_request: int
    exact: bool

    def run(
        self,
        layout: Layout,
        *,
        compare: bool,
        say: Callable[[str], None],
        report: Callable[[Moment], None],
        stay: Callable[[str], None] | None = None,
    ) -> Rehearsed:
        """Run it in an empty folder.

        Parameters
        ----------
        layout
            The folder.
        compare
            Replay the same history too, and compare the journals.
        say
            Told what the service says.
        report
            Told where it is, after each tick.
        stay
            Called with the service's address at the end, before the service stops.

        Raises
        ------
        InputError
            If the folder holds a service already, or the declaration or data cannot be used.
        """
        if layout.schema.exists():
            raise InputError(
                "A rehearsal begins with an empty folder",
                found=layout.folder,
                hint="Give another folder: --dir FOLDER, or none for a temporary one.",
            )
        history = make_history(self.loop, self.table, start=self.start, end=self.end)
        begins = to_datetime(history.start_ns).isoformat()
        set_up(layout, self.config, data=self.data, start=begins)
        url = service_url(self.config)
        with running(layout, url, say):
            told = self._drive(layout, url, history, report)
            if stay is not None:
                stay(url)
        difference = self._compare(layout) if compare else None
        return self._drawn_up(layout, url, history, told, compare=compare, difference=difference)

    def _drive(
        self, layout: Layout, url: str, history: History, report: Callable[[Moment], None]
    ) -> tuple[Answers, int, float]:
        schema = read(layout.schema, InputSchema)
        assert schema is not None, "the folder was made ready"
        transport = HttpTransport(url, self.loop.name)
        driver = Driver(
            tell(self.loop, self.table, history, schema),
            transport,
            rows_per_request=self.rows_per_request,
            exact=self.exact,
            speed=self.speed,
        )
        clock = SteadyClock()
        began_ns, moments = clock.now_ns(), list(ticks(history, self.tick))
        with ExitStack() as stack:
            stack.callback(transport.close)
            driver.run(moments, report)
        return driver.answers, len(moments), (clock.now_ns() - began_ns) / SECOND_NS

    def _compare(self, layout: Layout) -> Difference | None:
        path = layout.folder / "replay.db"
        replay(
            self.loop,
            self.table,
            None,
            self.tick,
            self.start,
            self.end,
            self.config.seed,
            train_takes=self.config.train_takes,
            journal=str(path),
        )
        with (
            SqliteJournal(layout.journal, readonly=True) as ours,
            SqliteJournal(path, readonly=True) as theirs,
        ):
            return first_difference(ours.entries(), theirs.entries())

    def _drawn_up(
        self,
        layout: Layout,
        url: str,
        history: History,
        told: tuple[Answers, int, float],
        *,
        compare: bool,
        difference: Difference | None,
    ) -> Rehearsed:
        got, count, seconds = told
        return Rehearsed(
            loop=self.loop.name,
            url=url,
            folder=str(layout.folder),
            rows=len(history) - history.first,
            ticks=count,
            seconds=seconds,
            wait_ms={"p50": got.wait_ms(0.5), "p99": got.wait_ms(0.99)},
            metrics=self._metrics(history, got),
            answers={f"{v} as {role}": n for (v, role), n in sorted(got.versions.items())},
            decisions=dict(sorted(Counter(each.kind for each in _entries(layout)).items())),
            same=difference is None if compare else None,
            difference=difference,
        )

    def _metrics(self, history: History, got: Answers) -> dict[str, float]:
        labels = known_labels(history, slice(history.first, len(history)))
        *_, (end_ns, _) = ticks(history, self.tick)
        # As in a replay: what comes after the end and after its horizon never comes.
        labels[history.label_times_ns[history.first :] > end_ns + self.loop.label.horizon_ns] = (
            np.nan
        )
        scored = ~np.isnan(got.scores if got.scores.ndim == 1 else got.scores[:, 0])
        answered = np.where(scored, 0, -1).astype(np.int16)
        _, both = losses_of(self.loop, labels, got.scores, answered)
        return overall_metrics(self.loop, labels, got.scores, scored, both)


@contextmanager
def running(layout: Layout, url: str, say: Callable[[str], None]) -> Iterator[None]:
    """Run the service of a folder that was made ready, until the block ends.

    Raises
    ------
    LoopError
        If the service ends before it is ready.
    """
    service = Child(
        "service",
        "ostinato.live.supervisor",
        ("--dir", str(layout.folder)),
        log=layout.logs / "service.log",
        say=say,
    )
    try:
        while not answers(url):
            code = service.ended()
            if code is not None:
                raise LoopError(
                    "The service did not start",
                    found=f"{exit_text(code)}: {service.last_line}",
                    hint=f"See {layout.logs}.",
                )
            threading.Event().wait(0.1)
        yield
    finally:
        _stop(service)


def _stop(service: Child) -> None:
    service.ask_to_stop()
    clock = SteadyClock()
    until_ns = clock.now_ns() + int(STOP_S * SECOND_NS)
    while service.ended() is None and clock.now_ns() < until_ns:
        threading.Event().wait(0.05)
    service.kill()


def _entries(layout: Layout) -> Iterator[Entry]:
    with SqliteJournal(layout.journal, readonly=True) as journal:
        yield from journal.entries()


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
