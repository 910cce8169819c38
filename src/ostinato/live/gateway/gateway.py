"""The gateway's parts, put together: what one process serves of one folder."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import polars as pl

from ostinato.core.clock import ForwardClock, WallClock
from ostinato.core.errors import LoopError
from ostinato.core.ids import content_id
from ostinato.core.ports import Clock
from ostinato.live.config import ServiceConfig
from ostinato.live.events import Id
from ostinato.live.gateway.acts import Acts
from ostinato.live.gateway.batcher import Batcher
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.counting import BatchMeter
from ostinato.live.gateway.event_check import EventCheck
from ostinato.live.gateway.feature_parts import make_features
from ostinato.live.gateway.heart import Heart
from ostinato.live.gateway.labels import Labels, summed_of
from ostinato.live.gateway.loader import SAMPLE_ROWS, Compile, Loader
from ostinato.live.gateway.meters import Meters
from ostinato.live.gateway.ports import Prediction
from ostinato.live.gateway.posted_events import PostedEvents
from ostinato.live.gateway.predict import Predict
from ostinato.live.gateway.rehearsal import EventsClock, Rehearsal
from ostinato.live.gateway.resources import ResourceMeter
from ostinato.live.gateway.route import Route
from ostinato.live.gateway.routing import Table
from ostinato.live.gateway.shadow import Shadows
from ostinato.live.gateway.status import Standing
from ostinato.live.gateway.watch import Watcher
from ostinato.live.history_file import read_history
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Published, read
from ostinato.live.schema import InputSchema
from ostinato.live.usage import watches_resources
from ostinato.loop.loop import Loop
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.registry_folder import FolderRegistry

CLOCK_WAIT_S = 600.0
"""Seconds that a move of the clock waits for the engine: trainings may be due."""


class Gateway:
    """Answers requests of a service's folder; used inside one event loop.

    Parameters
    ----------
    layout, config, schema
        Of the service.
    loop
        The declaration.
    compiling
        Turns a model into its fastest form.
    index
        Which of the service's gateways this is.
    suspects
        Versions that are not asked for a while: a gateway died over them.
    """

    def __init__(
        self,
        layout: Layout,
        config: ServiceConfig,
        schema: InputSchema,
        loop: Loop,
        *,
        compiling: Compile,
        index: int = 0,
        suspects: Sequence[str] = (),
    ) -> None:
        self.layout, self.config, self.schema = layout, config, schema
        self.plan = loop.feature_plan
        self.index, self.event_loop = index, asyncio.get_running_loop()
        wall = ForwardClock(WallClock())
        timed = config.clock == "events"
        self.clock: Clock = EventsClock(layout, schema.start_ns) if timed else wall
        self.wall, self.started_ns = wall, wall.now_ns()
        self.turned_ns = self.started_ns
        self.instance = content_id("g", str(layout.folder), index, os.getpid(), self.started_ns)[2:]
        self.log = SqliteEventLog(layout.events, shared=True)
        safe = config.durability == "fsync"
        self.committer = Committer(
            self.log, self.event_loop, window_ms=0 if safe else config.async_window_ms
        )
        classes = len(schema.classes) if schema.task == "multiclass" else 0
        fallback = loop.fallback
        self.batcher = Batcher(
            loop_name=schema.loop,
            unit=None if schema.unit is None else schema.names.index(schema.unit),
            asked_unit=None if schema.unit is None else schema.input_names.index(schema.unit),
            classes=classes,
            fallback=list(fallback) if isinstance(fallback, Sequence) else fallback,
            timeout_ms=config.predict_timeout_ms,
            instance=self.instance,
            clock=self.clock,
            committer=self.committer,
            wait_for_disk=safe,
        )
        self.features = make_features(loop, schema, layout, self.clock, config=config, say=say)
        self.batcher.features = self.features
        self.shadows = Shadows(
            self.committer, classes=classes, timeout_ms=config.predict_timeout_ms
        )
        self.batcher.shadow = self.shadows.add
        self.watcher = Watcher(
            layout,
            Loader(
                FolderRegistry(layout.registry),
                compiling,
                read_sample(layout, schema),
                features=schema.names[: schema.features],
                clock=wall,
                suspects=suspects,
            ),
            self._swap,
            say,
        )
        self.meters = Meters(schema.loop, index, self.started_ns)
        self.batcher.watching = BatchMeter(self.meters)
        self.committer.observe = self.meters.committed
        self.resources = self._make_resources(loop)
        self.heart = Heart(layout.run / f"gateway-{index}.json", self.alive, self._tell_figures)
        self.predicting = Predict(schema, self.batcher, timed=timed)
        self._routes = self._make_routes(timed=timed, safe=safe)
        self._turning: asyncio.TimerHandle | None = None
        self._in_force = asyncio.Event()
        self.closing = False

    def start(self) -> None:
        """Begin to watch the routes, and to beat."""
        if self.features is not None:
            self.features.start()
        self._turn()
        self.heart.start()
        self.watcher.start()

    async def loaded(self, seconds: float) -> None:
        """Wait until there are routes in force, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._in_force.wait()
                if self.features is not None:
                    await self.features.loaded()

    async def close(self) -> None:
        """Answer what was asked, write what was answered, and stop."""
        self.closing = True
        await self.batcher.drain()
        await self.shadows.drain()
        await asyncio.to_thread(self.watcher.close)
        await self.committer.close()
        if self.features is not None:
            await self.features.close()
        await asyncio.to_thread(self.heart.close)
        if self._turning is not None:
            self._turning.cancel()
        self.log.close()

    # -- what the protocols ask (see ports.Predictor)

    async def predict(
        self,
        rows: Sequence[tuple[Any, ...]],
        ids: Sequence[Id] | None,
        times_ns: Sequence[int] | None,
    ) -> list[Prediction]:
        """Answer rows, as of their times, under their ids; see `ostinato.live.gateway.ports`."""
        return await self.batcher.ask(rows, ids, times_ns) if rows else []

    def ready(self) -> bool:
        """Return whether requests can be answered: routes in force, log and features in order."""
        return (
            self.batcher.table is not None
            and self.committer.trouble is None
            and (self.features is None or self.features.ready)
            and not self.closing
        )

    def published(self) -> Published | None:
        """Return the routes in force; None before the first."""
        return None if self.batcher.table is None else self.batcher.table.published

    # -- what it tells of itself

    @property
    def routes(self) -> list[Route]:
        """What the gateway's core answers."""
        return self._routes

    def epoch(self) -> int:
        """Return the epoch served; -1 before the first."""
        return -1 if self.batcher.table is None else self.batcher.table.epoch

    def alive(self) -> Alive:
        """Describe the process for its heartbeat."""
        return Alive(
            pid=os.getpid(),
            started_ns=self.started_ns,
            # A slow disk is no hang of ours: killing the process would not make it faster.
            beat_ns=WallClock().now_ns() if self.committer.inside else self.turned_ns,
            epoch=self.epoch(),
            scoring=self.batcher.scoring or self.watcher.loading,
        )

    def described(self) -> dict[str, Any]:
        """Describe this gateway: what it serves, in which forms, and what is wrong."""
        table = self.batcher.table
        trouble = self.committer.trouble
        return {
            "index": self.index,
            "pid": os.getpid(),
            "instance": self.instance,
            "since_ns": self.started_ns,
            "ready": self.ready(),
            "epoch": self.epoch(),
            "undone": table is not None and table.undone,
            "published": self.published(),
            "versions": {} if table is None else {n: _told(v) for n, v in table.loaded.items()},
            "problems": self.watcher.problems,
            "features": None if self.features is None else self.features.described(),
            "log": None if trouble is None else trouble.to_dict(),
        }

    # -- inside

    def _swap(self, table: Table) -> None:
        self.event_loop.call_soon_threadsafe(self._put, table)

    def _put(self, table: Table) -> None:
        news = table.epoch != self.epoch()
        self.batcher.table = table
        self._in_force.set()
        self.meters.serving(table.epoch)
        if news:
            self.heart.beat()  # a rehearsal waits for it

    def _tell_figures(self) -> None:
        self.meters.write(self.layout.run)

    def _turn(self) -> None:
        self.turned_ns = self.wall.now_ns()
        if self.features is not None:
            self.features.measure(self.meters)
        if self.resources is not None and not self.closing:
            self.resources.look()
        self._turning = self.event_loop.call_later(0.25, self._turn)

    def _make_resources(self, loop: Loop) -> ResourceMeter | None:
        """Return what tells of resources, where they are watched: not on the clock of events."""
        if not watches_resources(loop, self.config):
            return None
        return ResourceMeter(
            meters=self.meters,
            source=f"gateway-{self.index}",
            instance=self.instance,
            clock=self.wall,
            waiting=lambda: self.batcher.waiting,
            submit=self.committer.submit_later,
        )

    def _make_routes(self, *, timed: bool, safe: bool) -> list[Route]:
        new_key: Callable[[], str] = self.batcher.new_key
        follows = None if self.features is None else self.features.follower
        labels = Labels(
            self.schema,
            self.committer,
            self.clock,
            timed=timed,
            new_key=new_key,
            wait_for_disk=safe,
            summed=summed_of(self.plan),
            follows=follows,
        )
        acts = Acts(
            self.schema,
            self.layout,
            self.committer,
            self.clock,
            new_key=new_key,
            obey=self.watcher.look,
        )
        events = PostedEvents(
            self.schema,
            self.plan,
            self.committer,
            self.clock,
            timed=timed,
            new_key=new_key,
            checked=EventCheck(self.plan, self.schema).check,
            follows=follows,
            tallies=self.meters,
        )
        standing = Standing(self.schema, self.layout, self.described)
        parts = (self.predicting, labels, events, acts, standing)
        routes = [route for part in parts for route in part.routes()]
        if timed:
            rehearsal = Rehearsal(
                self.schema,
                self.layout,
                self.committer,
                epoch=self.epoch,
                own=f"gateway-{self.index}.json",
                timeout_s=CLOCK_WAIT_S,
            )
            routes.extend(rehearsal.routes())
        return routes


def say(sentence: str) -> None:
    """Say a sentence on stderr, where the supervisor picks it up."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - the log of a process


def read_service(layout: Layout) -> tuple[ServiceConfig, InputSchema]:
    """Read how the service was started, and what requests look like.

    Raises
    ------
    LoopError
        If the service was never started in this folder.
    StoreError
        If a file cannot be read.
    """
    config, schema = read(layout.service, ServiceConfig), read(layout.schema, InputSchema)
    if config is None or schema is None:
        raise LoopError(
            "There is no service in this folder",
            found=layout.folder,
            expected="service.json and schema.json",
            hint="ostinato serve FILE makes them.",
        )
    return config, schema


def read_sample(layout: Layout, schema: InputSchema) -> pl.DataFrame:
    """Read real rows of the history, features only, evenly over all of it.

    Raises
    ------
    StoreError
        If there is no history, or it is damaged.
    """
    frame = read_history(layout.history, schema).frame
    step = max(frame.height // SAMPLE_ROWS, 1)
    return frame.gather_every(step).head(SAMPLE_ROWS)


def _told(version: Any) -> dict[str, Any]:
    return {
        "artifact": version.artifact,
        "form": version.compiled.form,
        "exact": version.compiled.exact,
        "inline": version.inline,
        "reason": version.compiled.reason,
        "since_ns": version.since_ns,
        "aside": version.aside or None,
    }
