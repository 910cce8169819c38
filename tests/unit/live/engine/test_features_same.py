"""A service that computes features decides what a replay decides, byte for byte, killed or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import StoreError
from ostinato.features.rows import row_features
from ostinato.live.audit import replay_journal
from ostinato.live.audit_features import recompute_features
from ostinato.live.engine.engine import Engine
from ostinato.live.engine.features import FeatureKeeper
from ostinato.live.events import EventsGiven, LabelsGiven, OutcomesGiven, encode, event_key
from ostinato.live.gateway.features import Features
from ostinato.live.lake.lake import Lake
from ostinato.live.rehearse import Driver
from ostinato.live.told import tell
from ostinato.live.tracked import Tracked, load_tracked
from ostinato.replay.run import ticks
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal

pytestmark = pytest.mark.timeout(400)  # kernels are compiled, once on a machine

LOOP = """
from pathlib import Path
import polars as pl
from sklearn.tree import DecisionTreeClassifier
import ostinato as ost

F = ost.features
HERE = Path(__file__).parent
landings = F.Events(
    "landings", time="landed", known="heard", data=HERE / "landings.parquet",
)
sold = F.outcomes("sold", data=HERE / "sold.parquet")

loop = ost.Loop(
    name="small", task="binary", time="at", id="key", unit="who",
    features=[
        "x0", "kind",
        *F.windows(landings, {"delay": ["mean", "max", "last"], "gate": ["distinct"]},
                   by="kind", windows=["3h", "1d"]),
        F.quantile(landings, "delay", 0.9, by="kind", window="2d", default=-1.0),
        F.decayed_mean(landings, "delay", by="kind", half_life="2h"),
        F.count(landings, by="kind", window="6h", where=pl.col("delay") > 0, name="delayed"),
        F.mean(F.labels(), "label", by="kind", window="1d"),
        F.mean(F.labels(), "x0", by="who", window="3d", where=pl.col("label") > 0, name="ones"),
        F.count(F.requests(), by="who", window="1d"),
        F.last(F.requests(), "x0", by="kind", window="1d"),
        F.sum(sold, "value", by={"who": "unit"}, window="2d"),
        F.Expr("doubled", pl.col("x0") * 2),
    ],
    label=ost.Label("y", time="known", horizon="12h"),
    learner=DecisionTreeClassifier(max_depth=4, random_state=0), slices=["kind"],
    policy=ost.policies.scheduled("5d", holdout="2d"),
    monitors=ost.Monitors(window="2d", fast="1d"),
)
"""

BEGIN = np.datetime64("2024-01-01", "us")


def moments(seconds: Any) -> pl.Series:
    return pl.Series(BEGIN + seconds * np.timedelta64(1, "s")).cast(pl.Datetime("us", "UTC"))


def make_world(rows: int = 500, days: int = 20) -> dict[str, pl.DataFrame]:
    """Requests, landings and sales; events are late, out of order, and some are not complete."""
    rng = np.random.default_rng(7)
    seconds = np.sort(rng.integers(0, days * 86_400, rows))
    kind = rng.choice(["a", "b", "c"], rows)
    count = 2 * rows
    landed = rng.integers(0, days * 86_400, count)
    late = np.where(rng.random(count) < 0.2, rng.integers(0, 90_000, count), 0)
    whose, delay = rng.choice(["a", "b", "c", "d"], count), rng.normal(size=count)
    recent = np.array(
        [
            delay[(whose == k) & (np.abs(landed - t) < 9_000)].sum()
            for k, t in zip(kind, seconds, strict=True)
        ]
    )
    x = rng.normal(size=rows)
    odds = 1.5 * x * np.where(np.arange(rows) < rows // 2, 1, -1) + recent
    missing = pl.Series(rng.random(count) < 0.1)
    sold_at = np.sort(rng.integers(0, days * 86_400, rows // 2))
    return {
        "data": pl.DataFrame(
            {
                "at": moments(seconds),
                "known": moments(seconds + rng.integers(600, 40_000, rows)),
                "key": [f"k{row}" for row in range(rows)],
                "who": rng.integers(0, 40, rows),
                "x0": x,
                "kind": kind,
                "y": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64),
            }
        ),
        "landings": pl.DataFrame(
            {
                "landed": moments(landed),
                "heard": moments(landed + late),
                "kind": pl.Series(whose).set(missing.shift(2, fill_value=False), None),
                "delay": pl.Series(delay).set(missing, None),
                "gate": pl.Series(rng.integers(0, 30, count)),
            }
        ),
        "sold": pl.DataFrame(
            {
                "time": moments(sold_at),
                "unit": rng.integers(0, 40, rows // 2),
                "value": rng.normal(size=rows // 2),
            }
        ),
    }


class DiedError(Exception):
    """The process dies here."""


@dataclass
class Following:
    """Follows the log of a service in this process, as a gateway does in its own."""

    load: Callable[[], Tracked]
    log: Any
    trouble: str = ""
    tracked: Tracked = field(init=False)

    def __post_init__(self) -> None:
        self.tracked = self.load()

    def catch_up(self) -> None:
        try:
            self._follow()
        except StoreError:  # the log was trimmed: the file goes at least as far
            self.tracked = self.load()
            self._follow()

    def _follow(self) -> None:
        while self.tracked.follow(self.log, lambda key: False):
            pass


@dataclass
class InProcess:
    """A service behind no sockets: what a driver sends is logged, served, and folded at ticks.

    `perhaps_die` is called between any two steps of the engine and of its copy of the state; what
    it raises ends the life of all processes, and another one begins.
    """

    play: Any
    perhaps_die: Callable[[str], None] = lambda point: None
    lives: int = 0
    compacts: bool = False
    stores: ExitStack = field(default_factory=ExitStack)
    served: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def start(self) -> None:
        """Begin a life."""
        self.stores.close()
        self.lives += 1
        play, folder = self.play, self.play.folder
        while True:
            try:
                self.log = self.stores.enter_context(
                    SqliteEventLog(play.layout.events, shared=True)
                )
                self.keeper = FeatureKeeper(folder, lambda said: None, self.perhaps_die)
                self.engine: Engine = play.engine(self.stores, between=self.perhaps_die)
                while not self.engine.begun:
                    self.engine.begin()
                self.keeper.follow(self.log)
                break
            except DiedError:
                self.stores.close()
                self.lives += 1
        loop, schema = folder.loop, folder.schema

        def load() -> Tracked:
            tracked = load_tracked(loop, schema, play.layout, say=print)
            assert tracked is not None
            return tracked

        kinds = {field.name: field.kind for field in schema.fields}
        self.features = Features(
            loop.feature_plan,
            schema,
            by_row=row_features(loop.feature_plan, kinds),
            follower=Following(load, self.log),  # type: ignore[arg-type] # in its place
            first=True,
        )

    def close(self) -> None:
        self.stores.close()

    def predict(self, body: bytes) -> list[dict[str, Any]]:
        given, play = json.loads(body), self.play
        names = play.folder.schema.input_names
        asked = [tuple(row[name] for name in names) for row in given["inputs"]]
        served = self.features.serve(asked, given["time"])
        low = int(given["prediction_id"][0][1:])
        events = play.answered(low, low + len(asked), rows=list(served))
        self.log.append(events)
        self.served.update(zip(range(low, low + len(asked)), served, strict=True))
        return [{"score": 0.5, "version": "v", "role": "champion"}] * len(asked)

    def label(self, body: bytes) -> None:
        labels = json.loads(body)["labels"]
        given = LabelsGiven(
            ids=[each["prediction_id"] for each in labels],
            times_ns=[each["time"] for each in labels],
            values=[each["label"] for each in labels],
        )
        self.log.append([(f"l/{labels[0]['prediction_id']}", encode(given))])

    def event(self, where: str, body: bytes) -> None:
        given = json.loads(body)
        if where == "outcomes":
            rows = given["outcomes"]
            event: Any = OutcomesGiven(
                ids=[None] * len(rows),
                units=[each["unit"] for each in rows],
                names=[each["name"] for each in rows],
                times_ns=[each["time"] for each in rows],
                values=[each["value"] for each in rows],
            )
            self.log.append([(f"o/{rows[0]['time']}", encode(event))])
            return
        entries = []
        for each, known in zip(given["events"], given["known"], strict=True):
            columns = {name: [each[name]] for name in ("kind", "delay", "gate")}
            event = EventsGiven("landings", [each["id"]], [each["landed"]], [known], columns)
            entries.append((event_key("landings", each["id"]), encode(event)))
        self.log.append(entries)

    def move_clock(self, now_ns: int) -> None:
        try:
            self.engine.tick(now_ns)
            self.keeper.follow(self.log)
            if self.engine.saved_tick == self.engine.saved.place.tick:
                self.keeper.write()
                self._tidy_up()
        except DiedError:
            self.start()
            if self.engine.now_ns < now_ns:
                self.move_clock(now_ns)

    def _tidy_up(self) -> None:
        if self.compacts:
            lake = Lake(self.play.layout, self.play.folder.schema)
            self.log.trim(min(lake.compact(self.log).needed_from, self.keeper.written or 0))


def table_of(play: Any) -> pl.DataFrame:
    return pl.read_parquet(play.place / "data.parquet")


def run(service: InProcess) -> None:
    play = service.play
    told = tell(play.loop, table_of(play), play.history, play.folder.schema)
    driver = Driver(told, service, rows_per_request=8, exact=True, speed=0.0)
    service.start()
    driver.run(ticks(play.history, "6h"), lambda _: None)


@pytest.fixture
def negative(make_play: Callable[..., Any]) -> Any:
    """A service where a label that stays away means no."""
    world, declared = make_world(), LOOP.replace('horizon="12h"', 'horizon="12h", never="negative"')
    came = pl.col("y") == 1
    data = world["data"].with_columns(known=pl.when(came).then("known"), y=pl.when(came).then("y"))
    return make_play(declared, data, files={**world, "data": data})


@pytest.fixture(scope="module")
def made(make_play: Callable[..., Any]) -> Callable[[], Any]:
    world = make_world()

    def make() -> Any:
        return make_play(LOOP, world["data"], files=world)

    return make


@pytest.fixture(scope="module")
def replayed(made: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    play = made()
    path = tmp_path_factory.mktemp("replay") / "replay.db"
    ost.replay(play.loop, table_of(play), tick="6h", journal=str(path))
    with SqliteJournal(path, readonly=True) as journal:
        return [(entry.body, entry.hash) for entry in journal.entries()]


def check(service: InProcess, replayed: list[Any]) -> None:
    """Every feature of every row as in the replay, and so every decision."""
    play, schema = service.play, service.play.folder.schema
    rows = [service.served[row] for row in range(play.history.first, len(play.history))]
    served = schema.frame(rows).select(play.history.frame.columns)
    for column in play.history.frame[play.history.first :]:
        assert served[column.name].cast(column.dtype).equals(column, null_equal=True), column.name
    audited = recompute_features(play.layout)
    assert [each.feature for each in audited] == list(play.loop.feature_plan.computed)
    assert [each for each in audited if each.differing or each.rows != len(rows)] == []
    for live, other in zip(play.entries(), replayed, strict=False):
        assert live[0] == other[0]
    assert play.entries() == replayed
    assert sum("candidate_trained" in body for body, _ in replayed) > 1
    assert replay_journal(play.layout) is None


def test_features_and_decisions_are_the_replays(
    made: Callable[[], Any], replayed: list[Any]
) -> None:
    service = InProcess(made())
    run(service)
    check(service, replayed)
    service.close()
    computed = service.play.history.frame[service.play.history.first :]
    for name in service.play.loop.feature_plan.computed:
        assert computed[name].n_unique() > 3, name


def test_a_label_that_stays_away_is_no_event_and_means_the_same(negative: Any) -> None:
    service = InProcess(negative)
    run(service)
    path = negative.place / "replay.db"
    ost.replay(negative.loop, table_of(negative), tick="6h", journal=str(path))
    with SqliteJournal(path, readonly=True) as journal:
        replayed = [(entry.body, entry.hash) for entry in journal.entries()]
    check(service, replayed)
    service.close()
    assert "labels" in negative.loop.feature_plan.sources
    assert negative.history.frame["labels_label_mean_1d_by_kind"].n_unique() < 3, "all were yes"


def test_killed_anywhere_features_and_decisions_stay_the_same(
    made: Callable[[], Any], replayed: list[Any]
) -> None:
    rng, points = np.random.default_rng(11), set()

    def perhaps_die(point: str) -> None:
        points.add(point)
        if rng.random() < 0.06:
            raise DiedError(point)

    service = InProcess(made(), perhaps_die, compacts=True)
    run(service)
    assert service.lives > 10
    assert {"before state", "after state", "after follow", "after snapshot"} <= points
    assert service.log.read(0, 1)[0][0] > 0, "the log was trimmed"
    check(service, replayed)
    service.close()
