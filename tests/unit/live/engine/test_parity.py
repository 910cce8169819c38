"""Parity in a service: what was served beside the raw events, and what the loop does about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from ostinato.cli.status import app
from ostinato.core import snapshot
from ostinato.core.units import DAY_NS
from ostinato.features.asof import as_of
from ostinato.features.prepare import EventBatch
from ostinato.live.audit import replay_journal
from ostinato.live.engine.comparisons import Job, RowComparer, comparable
from ostinato.live.events import EventsGiven, ParityDone, decode, encode
from ostinato.live.lake.lake import Lake
from ostinato.live.published import Status, read, write
from ostinato.stores.eventlog_sqlite import SqliteEventLog

LOOP = """
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier
import ostinato as ost

F = ost.features
HERE = Path(__file__).parent
landings = F.Events("landings", time="landed", known="heard", data=HERE / "landings.parquet")

loop = ost.Loop(
    name="small", task="binary", time="at",
    features=[
        "x0",
        F.mean(landings, "delay", by="kind", window="7d", name="mean_delay"),
        F.count(F.requests(), by="kind", window="1d", name="asked"),
    ],
    label=ost.Label("y", delay="6h", horizon="12h"),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0),
    policy=ost.policies.scheduled("3d", holdout="1d"), monitors=None,
)
"""

BEGIN_NS = 1_704_067_200 * 1_000_000_000
DAYS = 12


def moments(times_ns: Any) -> pl.Series:
    return pl.Series(np.asarray(times_ns) // 1000).cast(pl.Datetime("us", "UTC"))


def make_requests(rows: int = 900) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    times = BEGIN_NS + np.sort(rng.integers(0, DAYS * 86_400, rows)) * 1_000_000_000
    x = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "at": moments(times),
            "x0": x,
            "kind": rng.choice(["a", "b", "c"], rows),
            "y": (x + rng.normal(size=rows) > 0).astype(np.int64),
        }
    )


def make_landings(rows: int = 1_500) -> tuple[np.ndarray, pl.DataFrame]:
    """When each landed, and its columns."""
    rng = np.random.default_rng(4)
    times = BEGIN_NS + np.sort(rng.integers(0, DAYS * 86_400, rows)) * 1_000_000_000
    columns = {"kind": rng.choice(["a", "b", "c"], rows), "delay": rng.normal(30.0, 8.0, rows)}
    return times, pl.DataFrame(columns)


def as_table(times: np.ndarray, columns: pl.DataFrame, *, late_ns: int = 0) -> pl.DataFrame:
    return columns.with_columns(landed=moments(times), heard=moments(times + late_ns))


class DiedError(Exception):
    """The engine dies here."""


@dataclass
class Here:
    """Comparisons that are made at once."""

    comparer: RowComparer
    log: Any
    every: int = 2
    jobs: list[Job] = field(default_factory=list)
    done: ParityDone | None = None
    under_way: bool = False
    trouble: str = ""

    @property
    def waiting(self) -> bool:
        return self.comparer.waiting

    def wants(self, tick: int) -> bool:
        return self.done is None and tick % self.every == 0

    def begin(self, job: Job) -> None:
        self.jobs.append(job)
        self.done = self.comparer.compare(job, self.log)

    def outcome(self) -> ParityDone | None:
        done, self.done = self.done, None
        return done


@dataclass
class Service:
    """Serves the history of a play, and what landed is posted in time."""

    play: Any
    stores: ExitStack
    compacts: bool = False
    perhaps_die: Callable[[str], None] = lambda point: None
    mortal: list[bool] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    lives: int = 0

    def __post_init__(self) -> None:
        self.log = self.stores.enter_context(SqliteEventLog(self.play.layout.events, shared=True))
        self.times, self.columns = make_landings()
        self.posted_to_ns = self.play.folder.schema.start_ns
        self.life = self.stores.enter_context(ExitStack())
        self.live()

    def live(self) -> None:
        """Begin a life of the engine."""
        self.life.close()
        self.lives += 1
        here = Here(RowComparer(self.play.folder), self.log, jobs=self.jobs)
        self.engine = self.play.engine(self.life, comparisons=here, between=self.perhaps_die)
        while not self.engine.begun:
            self.engine.begin()

    def rows(self, low: int, high: int) -> list[tuple[Any, ...]]:
        """Rows as a gateway serves them that has every event in time."""
        data = pl.read_parquet(self.play.place / "data.parquet").sort("at", maintain_order=True)
        asked, times_ns = data[low:high], self.play.history.times_ns[low:high]
        plan = self.play.loop.feature_plan
        ours = data["at"].dt.timestamp("ns").to_numpy()
        events = {
            "landings": EventBatch(
                source="landings",
                times_ns=self.times,
                known_ns=self.times,
                frame=self.columns,
            ),
            "requests": EventBatch(
                source="requests", times_ns=ours, known_ns=ours, frame=data.select("kind")
            ),
        }
        computed = as_of(plan, asked, times_ns, events)
        served = pl.concat([asked, computed], how="horizontal")
        return served.select(self.play.folder.schema.names).rows()

    def post(self, now_ns: int) -> None:
        which = (self.times > self.posted_to_ns) & (self.times <= now_ns)
        self.posted_to_ns = now_ns
        if which.any():
            times = self.times[which].tolist()
            columns = self.columns.filter(which).to_dict(as_series=False)
            event = EventsGiven("landings", [None] * len(times), times, times, columns)
            self.log.append([(f"g/{now_ns}", encode(event))])

    def run(self) -> None:
        play = self.play
        for now_ns, start, stop, *labels in play.moments():
            self.post(now_ns)
            for low in range(start, stop, 20):
                high = min(low + 20, stop)
                self.log.append(play.answered(low, high, rows=self.rows(low, high)))
            self.log.append(play.events(stop, stop, *labels))
            self.tick(now_ns)
            if self.compacts and self.engine.saved_tick == self.engine.saved.place.tick:
                self.log.trim(Lake(play.layout, play.folder.schema).compact(self.log).needed_from)

    def tick(self, now_ns: int) -> None:
        while self.engine.now_ns < now_ns:
            try:
                self.mortal[:] = [True]
                self.engine.tick(now_ns)
            except DiedError:
                self.live()

    def told(self) -> list[ParityDone]:
        events = [decode(payload) for _, _, payload in self.log.read(0, 100_000)]
        return [event for event in events if isinstance(event, ParityDone)]

    def decisions(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body, _ in self.play.entries()]

    def status(self) -> Status:
        found = read(self.play.layout.status, Status)
        assert found is not None
        return found


@pytest.fixture
def make_service(make_play: Callable[..., Any], stores: ExitStack) -> Callable[..., Service]:
    def make(table: pl.DataFrame, **settings: Any) -> Service:
        play = make_play(LOOP, make_requests(), files={"landings": table})
        return Service(play, stores, **settings)

    return make


def test_a_table_that_is_a_day_late_breaks_parity_and_holds_learning(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(as_table(*make_landings(), late_ns=DAY_NS))
    service.run()
    decisions = service.decisions()
    (broken,) = [each for each in decisions if each["kind"] == "parity_broken"]
    assert broken["subject"] == "mean_delay"
    assert broken["cause"] == "lag"
    assert broken["evidence"]["parameter"] == -DAY_NS
    assert "1 d late where it is recomputed" in broken["reason"]
    assert broken["evidence"]["effect"] >= 0.0, "the champion scored the rows again"
    after = decisions[decisions.index(broken) + 1 :]
    assert not [each for each in after if each["kind"] == "training_requested"]
    assert any("parity of mean_delay is broken" in each["reason"] for each in after)
    (feature,) = service.status().parity
    assert feature.mismatches > 0
    assert feature.broken is not None
    assert replay_journal(service.play.layout) is None, "the audit derives it from the log"


def test_a_table_in_another_unit_is_named(make_service: Callable[..., Service]) -> None:
    times, columns = make_landings()
    seconds = columns.with_columns(pl.col("delay") * 60)
    service = make_service(as_table(times, seconds))
    service.run()
    (broken,) = [each for each in service.decisions() if each["kind"] == "parity_broken"]
    assert broken["cause"] == "unit"
    write(service.play.layout.service, service.play.folder.config)
    said = CliRunner().invoke(app, ["--dir", str(service.play.layout.folder)]).output
    assert "mean_delay is broken" in said
    assert "another unit" in said


def test_where_the_table_says_the_same_nothing_is_decided(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(as_table(*make_landings()))
    service.run()
    (feature,) = service.status().parity
    assert feature.feature == "mean_delay", "requests have no second origin"
    assert feature.rows > 400
    assert feature.mismatches == 0
    assert not [each for each in service.decisions() if "parity" in each["kind"]]
    assert [each for each in service.decisions() if each["kind"] == "candidate_trained"]


def test_without_a_table_rows_are_compared_with_what_was_posted(
    make_service: Callable[..., Service],
) -> None:
    times, columns = make_landings()
    begun = times < BEGIN_NS + DAY_NS
    service = make_service(as_table(times[begun], columns.filter(begun)), compacts=True)
    service.posted_to_ns = int(times[begun].max())
    service.run()
    (feature,) = service.status().parity
    assert feature.rows > 400
    assert feature.mismatches == 0
    assert service.log.read(0, 1)[0][0] > 0, "the log was trimmed: events came from the lake"


def test_a_fault_in_serving_is_found_and_is_over_when_it_is_repaired(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(as_table(*make_landings()))
    right = service.rows
    at = service.play.folder.schema.names.index("mean_delay")

    def wrong(low: int, high: int) -> list[tuple[Any, ...]]:
        return [
            (*row[:at], 0.0, *row[at + 1 :]) if place in range(250, 400) else row
            for place, row in enumerate(right(low, high), low)
        ]

    service.rows = wrong  # type: ignore[method-assign]
    service.run()
    broken = [each for each in service.decisions() if each["kind"] == "parity_broken"]
    assert broken[-1]["cause"] == "default"
    assert broken[-1]["evidence"]["share"] > 0.0


def test_rows_are_compared_once_whenever_the_engine_dies(
    make_service: Callable[..., Service],
) -> None:
    rng, points, mortal = np.random.default_rng(5), set(), list[bool]()

    def perhaps_die(point: str) -> None:
        points.add(point)
        if mortal and rng.random() < (0.3 if point == "after parity" else 0.03):
            mortal.clear()  # until its next life goes on
            raise DiedError(point)

    service = make_service(as_table(*make_landings()), perhaps_die=perhaps_die)
    service.mortal = mortal
    service.run()
    mortal.clear()
    service.tick(service.engine.now_ns + 1)  # tells the last
    assert service.lives > 5
    assert "after parity" in points
    told = service.told()
    assert [done.to_row for done in told] == sorted({done.to_row for done in told})
    records = [record for done in told for record in snapshot.decode(done.records)]
    (feature,) = service.status().parity
    assert feature.rows == sum(int(record.rows[0]) for record in records)
    assert feature.rows <= len(np.unique(np.concatenate([job.rows.places for job in service.jobs])))
    assert feature.rows > 200
    assert replay_journal(service.play.layout) is None


def test_a_loop_without_events_from_outside_compares_nothing(
    make_play: Callable[..., Any],
) -> None:
    assert not comparable(make_play().folder)
