"""The engine's process: open the folder, recover, and turn until it is told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from ostinato.core.clock import SteadyClock, WallClock
from ostinato.core.ports import Clock
from ostinato.core.units import SECOND_NS, duration_ns
from ostinato.live.engine.bootstrap import Folder, open_folder
from ostinato.live.engine.compare_beside import ComparisonsBeside
from ostinato.live.engine.comparisons import comparable
from ostinato.live.engine.engine import Engine
from ostinato.live.engine.house import House
from ostinato.live.engine.own_resources import EngineResources
from ostinato.live.engine.publish import Publisher
from ostinato.live.engine.train_elsewhere import TrainingsElsewhere
from ostinato.live.engine.trainings import EXAMINATIONS
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, write
from ostinato.live.usage import watches_resources
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry

LOOK_SECONDS: Final = 0.02
"""Between two looks at the log. Longer: acts of operators wait; shorter: idling costs."""

PATIENCE_NS: Final = 10 * SECOND_NS
"""How long a moved clock waits for shadow scores: whoever owes them may be dead."""

COMPARED_NS: Final = 120 * SECOND_NS
"""How long a moved clock waits for a comparison of features: rehearsals then tell it at the same
tick every time. Shorter: a slow machine makes it another one."""

_BEAT_NS: Final = SECOND_NS


@dataclass(slots=True, kw_only=True)
class Driver:
    """Turns an engine: by the wall clock, or as the clock of a rehearsal is moved.

    Parameters
    ----------
    engine
        Recovered.
    house, heart
        What goes on beside it, and its signs of life.
    clock, steady
        What time it is; and what paces the ticks, since the first may be set back.
    stop
        Set when it is to end.
    resources
        Tells what the engine takes; None: that is not watched.
    """

    engine: Engine
    house: House
    heart: Heart
    clock: Clock
    steady: Clock
    stop: threading.Event
    resources: EngineResources | None = None
    _ticked_ns: int = field(init=False)
    _seen_tick: int = -1
    _seen_snapshot: int = -1
    _waits_since_ns: int | None = None

    def __post_init__(self) -> None:
        self._ticked_ns = self.steady.now_ns()

    def run(self) -> None:
        """Turn until stopped; then write a snapshot."""
        while not self.stop.is_set():
            self.heart.epoch = self.engine.epoch
            self.heart.beat()
            if not self.look():
                self.stop.wait(LOOK_SECONDS)
            self.see_to_the_house()
        self.engine.save()

    def see_to_the_house(self) -> None:
        """Let what goes on beside the loop know of ticks and snapshots, and say how it is."""
        engine = self.engine
        if engine.saved.place.tick != self._seen_tick:
            self._seen_tick = engine.saved.place.tick
            self.house.ticked(engine.now_ns)
            self._ask_the_house()
        if engine.saved_tick != self._seen_snapshot:
            self._seen_snapshot = engine.saved_tick
            self.house.saved(engine.now_ns)

    def _ask_the_house(self) -> None:
        publisher, house = self.engine.publisher, self.house
        publisher.lake, publisher.registry = house.lake_status, house.registry_status
        publisher.features, publisher.sources = house.features_status, house.sources
        publisher.alerts = house.alerts_status

    def look(self) -> bool:
        """Do what is due; False if nothing was."""
        engine = self.engine
        if not engine.begun:
            return engine.begin()
        engine.catch_up()
        if engine.folder.config.clock == "events":
            return self._follow()
        width = duration_ns(engine.folder.config.tick, name="tick")
        due = self.steady.now_ns() - self._ticked_ns >= width
        if not due and not engine.feed.acts_waiting:
            return False
        if self.resources is not None:
            engine.events.append(self.resources.entries(engine.saved.place.tick))
        engine.tick(self.clock.now_ns())
        if due:
            self._ticked_ns = self.steady.now_ns()
        return True

    def _follow(self) -> bool:
        """Tick where the clock was moved, once all that belongs before is there."""
        engine = self.engine
        to_ns = engine.feed.moved_to_ns
        if to_ns is None:
            if engine.feed.acts_waiting:
                engine.tick(engine.now_ns)
                return True
            return False
        if self._owed(max(to_ns, engine.now_ns)):
            return False
        self._waits_since_ns = None
        engine.tick(to_ns)
        return True

    def _owed(self, to_ns: int) -> bool:
        """Whether results due by then, a diagnosis, a comparison, or shadow scores are to come."""
        due_ns = self.engine.result_due_ns()
        if due_ns is not None and due_ns <= to_ns and not self.engine.result_ready():
            return True
        if self.engine.examining:
            return True
        if not self.engine.feed.shadows_waiting and not self.engine.comparing:
            return False
        now_ns = self.steady.now_ns()
        if self._waits_since_ns is None:
            self._waits_since_ns = now_ns
        patience_ns = COMPARED_NS if self.engine.comparing else PATIENCE_NS
        return now_ns - self._waits_since_ns < patience_ns


class Heart:
    """Writes now and then that the process lives: between any two steps, so that a hang shows."""

    def __init__(self, layout: Layout, clock: Clock, steady: Clock) -> None:
        self.layout, self.clock, self.steady = layout, clock, steady
        self.epoch, self.started_ns = -1, clock.now_ns()
        self._beat_ns: int | None = None

    def beat(self, _point: str = "") -> None:
        """Write it, unless it was just written."""
        now_ns = self.steady.now_ns()
        if self._beat_ns is not None and now_ns - self._beat_ns < _BEAT_NS:
            return
        self._beat_ns = now_ns
        alive = Alive(
            pid=os.getpid(),
            started_ns=self.started_ns,
            beat_ns=self.clock.now_ns(),
            epoch=self.epoch,
        )
        write(self.layout.run / "engine.json", alive)


@contextmanager
def opened(layout: Layout, clock: Clock, steady: Clock) -> Iterator[tuple[Engine, House, Heart]]:
    """Open a folder's stores and recover its engine."""
    folder, heart = open_folder(layout), Heart(layout, clock, steady)
    with ExitStack() as stores:
        events = stores.enter_context(SqliteEventLog(layout.events, shared=True))
        journal = stores.enter_context(SqliteJournal(layout.journal))
        registry = stores.enter_context(FolderRegistry(layout.registry))
        trainings = TrainingsElsewhere(layout, folder.config)
        examinations = TrainingsElsewhere(layout, folder.config, name=EXAMINATIONS)
        stores.callback(trainings.close)
        stores.callback(examinations.close)
        engine = Engine.recover(
            folder,
            events=events,
            journal=journal,
            registry=registry,
            trainings=trainings,
            examinations=examinations,
            publisher=Publisher(layout),
            comparisons=_comparisons(folder, stores),
            between=heart.beat,
        )
        house = House(folder, say)
        stores.callback(house.close)
        yield engine, house, heart


def _comparisons(folder: Folder, stores: ExitStack) -> ComparisonsBeside | None:
    if not comparable(folder):
        return None
    found = ComparisonsBeside(folder)
    stores.callback(found.close)
    return found


def say(text: str) -> None:
    """Say something in one line: who keeps the engine alive repeats the last as why it died."""
    sys.stderr.write(f"engine: {' '.join(text.splitlines())}\n")


def run_engine(layout: Layout) -> None:
    """Run the engine of a prepared folder until SIGTERM or SIGINT: it finishes its tick, and saves.

    Raises
    ------
    OstinatoError
        If the folder cannot be used or the loop cannot go on.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    clock, steady = WallClock(), SteadyClock()
    with opened(layout, clock, steady) as (engine, house, heart):
        watched = watches_resources(engine.folder.loop, engine.folder.config)
        driver = Driver(
            engine=engine,
            house=house,
            heart=heart,
            clock=clock,
            steady=steady,
            stop=stop,
            resources=EngineResources(clock) if watched else None,
        )
        driver.run()
