"""A small service played in process: a seeded world, and the events that a gateway would write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.clock import VirtualClock
from ostinato.core.records import Routes
from ostinato.core.units import format_time
from ostinato.learn.model import Model
from ostinato.live.config import ServiceConfig
from ostinato.live.engine.bootstrap import Folder, prepare
from ostinato.live.engine.engine import Engine
from ostinato.live.engine.publish import Publisher
from ostinato.live.engine.train_here import TrainingsHere
from ostinato.live.engine.trainings import EXAMINATIONS
from ostinato.live.events import Answered, LabelsGiven, OutcomesGiven, Shadowed, encode
from ostinato.live.layout import Layout
from ostinato.live.published import Published, read
from ostinato.loop.loading import load_loop
from ostinato.replay.history import NEVER, History, make_history
from ostinato.replay.run import ticks
from ostinato.serve.assign import assign, owner, probabilities, versions_of
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry

TICK = "6h"
BATCH = 8

LOOP = """
import ostinato as ost
from sklearn.tree import DecisionTreeClassifier

loop = ost.Loop(
    name="small",
    task="binary",
    time="at",
    features=["x0", "x1", "kind"],
    label=ost.Label("y", delay="6h", horizon="12h"),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0),
    slices=["kind"],
    policy=ost.policies.scheduled("5d", holdout="2d"),
    monitors=ost.Monitors(examine="8d", window="1d", fast="6h"),
)
"""


def make_world(rows: int = 1500, *, days: int = 30, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(0, days * 86_400, rows))
    x = rng.normal(size=(rows, 2))
    kind = rng.choice(["a", "b", "c"], rows)
    odds = 1.5 * x[:, 0] * np.where(np.arange(rows) < rows // 2, 1, -1) - x[:, 1] + (kind == "a")
    label = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    times = pl.Series("at", seconds * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.DataFrame({"at": times, "x0": x[:, 0], "x1": x[:, 1], "kind": kind, "y": label})


@dataclass
class Play:
    """One service and the history that is played to it, tick by tick."""

    place: Path
    loop: ost.Loop
    history: History
    folder: Folder
    models: dict[str, Model] = field(default_factory=dict)
    sent: pl.DataFrame | None = None

    @property
    def layout(self) -> Layout:
        return self.folder.layout

    def moments(self) -> list[tuple[int, int, int, int, int]]:
        """(now, first row, stop row, first label, stop label) of every tick."""
        labels, at = self.label_order()
        found, row, told = [], self.history.first, 0
        for now_ns, stop in ticks(self.history, TICK):
            before, last = np.searchsorted(at, [now_ns, now_ns + 1]).tolist()
            last = before + int(np.searchsorted(labels[before:last], stop))
            found.append((now_ns, row, stop, told, last))
            row, told = stop, last
        return found

    def label_order(self) -> tuple[Any, Any]:
        history = self.history
        served = np.arange(history.first, len(history))
        arriving = served[history.label_times_ns[served] != NEVER]
        order = arriving[np.argsort(history.label_times_ns[arriving], kind="stable")]
        return order, history.label_times_ns[order]

    def events(self, start: int, stop: int, from_label: int, to_label: int) -> list[Any]:
        """What gateways write between two ticks, under the routes that are published."""
        found = []
        for low in range(start, stop, BATCH):
            found.extend(self.answered(low, min(low + BATCH, stop)))
        order, at = self.label_order()
        rows = order[from_label:to_label]
        if len(rows):
            given = LabelsGiven(
                ids=self.history.ids[rows].tolist(),
                times_ns=at[from_label:to_label].tolist(),
                values=[self.label(v) for v in self.history.labels[rows].tolist()],
            )
            found.append((f"l/0/{from_label}", encode(given)))
        return found

    def label(self, value: float) -> Any:
        """A label as a client gives it."""
        classes = self.history.classes
        if not classes:
            return value
        return classes[int(value)] if value < len(classes) else "(unheard of)"

    def inputs(self) -> pl.DataFrame:
        """What clients send, in order of time."""
        if self.sent is None:
            data = pl.read_parquet(self.place / "data.parquet").sort("at", maintain_order=True)
            self.sent = data.select(self.folder.schema.names)
        return self.sent

    def answered(
        self, low: int, high: int, rows: list[tuple[Any, ...]] | None = None
    ) -> list[tuple[str, bytes]]:
        """A micro-batch as it is answered, and its shadows' scores after it.

        `rows` are the served rows where features are computed.
        """
        published = read(self.layout.routes, Published)
        assert published is not None
        routes = Routes(
            epoch=published.epoch,
            champion=published.champion,
            canary=published.canary,
            canary_share=published.canary_share,
            holdback=published.holdback,
            holdback_share=published.holdback_share,
            shadows=published.shadows,
            explore_share=published.explore_share,
        )
        history, frame = self.history, self.history.frame[low:high]
        if rows is not None:
            served = self.folder.schema.frame(rows)
            frame = served.select(pl.col(n).cast(t) for n, t in frame.schema.items())
        versions = versions_of(routes)
        scores = {v: self.model(v).score(frame).tolist() for v in versions}
        roles = assign(routes, history.unit_hashes[low:high], loop=self.loop.name).tolist()
        chances = probabilities(routes)
        key = f"a/0/{low}"
        answers = Answered(
            epoch=routes.epoch,
            versions=list(versions),
            ids=history.ids[low:high].tolist(),
            times_ns=history.times_ns[low:high].tolist(),
            rows=self.inputs()[low:high].rows() if rows is None else rows,
            answered=[versions.index(owner(routes, role) or versions[0]) for role in roles],
            roles=roles,
            scores={v: s for v, s in scores.items() if v not in routes.shadows},
            awaits=list(routes.shadows),
            propensities=[] if chances is None else chances[roles].tolist(),
        )
        shadows = {v: s for v, s in scores.items() if v in routes.shadows}
        after = [(f"s/0/{low}", encode(Shadowed(of=key, scores=shadows)))] if shadows else []
        return [(key, encode(answers)), *after]

    def model(self, version: str) -> Model:
        if version not in self.models:
            registry = FolderRegistry(self.layout.registry)
            self.models[version] = Model.from_bytes(registry.load(version))
        return self.models[version]

    def engine(self, stores: ExitStack, **settings: Any) -> Engine:
        """Open the stores and recover the engine."""
        return Engine.recover(
            self.folder,
            events=stores.enter_context(SqliteEventLog(self.layout.events, shared=True)),
            journal=stores.enter_context(SqliteJournal(self.layout.journal)),
            registry=stores.enter_context(FolderRegistry(self.layout.registry)),
            **{
                "trainings": TrainingsHere(self.folder),
                "examinations": TrainingsHere(self.folder, EXAMINATIONS),
                "publisher": Publisher(self.layout),
                **settings,
            },
        )

    def live(self, engine: Engine) -> None:
        """Play what this engine has not folded yet, to the end."""
        self.live_until(engine, None)

    def live_until(self, engine: Engine, ticks: int | None) -> None:
        """Play what this engine has not folded yet, up to so many ticks."""
        while not engine.begun:
            engine.begin()
        first = engine.saved.place.tick - 3
        for now_ns, start, stop, from_label, to_label in self.moments()[first:ticks]:
            engine.events.append(self.events(start, stop, from_label, to_label))
            engine.events.append(self.outcomes(engine.now_ns, now_ns, start, stop))
            engine.tick(now_ns)

    def outcomes(self, since_ns: int, now_ns: int, start: int, stop: int) -> list[Any]:
        """What gateways write of the outcomes that became known between two ticks."""
        found = []
        for each in self.history.outcomes:
            low, high = each.stop(0, since_ns, start), each.stop(0, now_ns, stop)
            if low < high:
                given = OutcomesGiven(
                    ids=self.history.ids[each.rows[low:high]].tolist(),
                    units=[None] * (high - low),
                    names=[each.name] * (high - low),
                    times_ns=each.times_ns[low:high].tolist(),
                    values=each.values[low:high].tolist(),
                )
                found.append((f"o/{each.name}/{low}", encode(given)))
        return found

    def entries(self) -> list[tuple[str, str]]:
        """The journal: bodies and hashes."""
        with SqliteJournal(self.layout.journal, readonly=True) as journal:
            return [(entry.body, entry.hash) for entry in journal.entries()]


@pytest.fixture(scope="session")
def world() -> pl.DataFrame:
    return make_world()


@pytest.fixture(scope="session")
def make_play(world: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Play]:
    def make(
        declared: str = LOOP,
        data: pl.DataFrame = world,
        files: Mapping[str, pl.DataFrame] | None = None,
        **settings: Any,
    ) -> Play:
        place = tmp_path_factory.mktemp("service")
        for name, table in (files or {}).items():
            table.write_parquet(place / f"{name}.parquet")
        (place / "loop.py").write_text(declared)
        data.write_parquet(place / "data.parquet")
        target = str(place / "loop.py")
        loop = load_loop(target).loop
        history = make_history(loop, data, start=None, end=None)
        config = ServiceConfig(
            **{
                "target": target,
                "loop": loop.name,
                "tick": TICK,
                "clock": "events",
                "autonomy": "auto",
                **settings,
            }
        )
        folder = prepare(
            Layout(place / "service"),
            config,
            clock=VirtualClock(history.start_ns),
            data=place / "data.parquet",
            start=format_time(history.start_ns),
        )
        return Play(place=place, loop=loop, history=history, folder=folder)

    return make


@pytest.fixture
def stores() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def played(make_play: Callable[..., Play]) -> Play:
    """A service that lived through the whole history without trouble."""
    play = make_play()
    with ExitStack() as stores:
        play.live(play.engine(stores))
    return play
