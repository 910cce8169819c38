"""Which rows a service compares, when, and with what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import polars as pl
import pytest

from ostinato.core import snapshot
from ostinato.core.ids import place
from ostinato.core.units import DAY_NS, SECOND_NS
from ostinato.decide.parity import begin_parity
from ostinato.live.engine.comparisons import TABLE_BEHIND_NS, Job, RowComparer
from ostinato.live.engine.served_rows import ServedRows, ServedSample, thinned
from ostinato.live.events import EventsGiven, encode
from ostinato.loop.plan import parity_rule
from ostinato.stores.eventlog_sqlite import SqliteEventLog

LOOP = """
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier
import ostinato as ost

F = ost.features
landings = F.Events("landings", time="landed", data=Path(__file__).parent / "landings.parquet")

loop = ost.Loop(
    name="small", task="binary", time="at",
    features=["x0", F.sum(landings, "delay", by="kind", window="1d", name="delays")],
    label=ost.Label("y", delay="6h", horizon="12h"), learner=DecisionTreeClassifier(),
    monitors=None,
)
"""


def served_rows(places: list[int], times_ns: list[int], rows: list[Any]) -> ServedRows:
    units = np.arange(len(places), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ServedRows(
        places=np.array(places),
        times_ns=np.array(times_ns, dtype=np.int64),
        unit_hashes=units,
        rows=rows,
    )


def table(times_ns: list[int], delays: list[float]) -> pl.DataFrame:
    moments = pl.Series(np.array(times_ns) // 1000).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"landed": moments, "kind": ["a"] * len(delays), "delay": delays})


class Service:
    """A folder on the wall clock, its log, and who compares."""

    def __init__(self, play: Any, log: SqliteEventLog) -> None:
        self.play, self.log = play, log
        self.start_ns = play.folder.schema.start_ns
        self.comparer = RowComparer(play.folder)

    def post(self, time_ns: int, delay: float) -> None:
        columns = {"kind": ["a"], "delay": [delay]}
        event = EventsGiven("landings", [None], [time_ns], [time_ns], columns)
        self.log.append([(f"g/{time_ns}", encode(event))])

    def compare(
        self, times_ns: list[int], delays: list[float], *, now_ns: int, first: int = 0
    ) -> list[tuple[int, int]] | None:
        """(rows, mismatches) of each record; None: all rows wait. Rows are (x0, delays, kind)."""
        rule = parity_rule(self.play.loop)
        assert rule is not None
        rows = [(0.5, delay, "a") for delay in delays]
        places = list(range(first, first + len(rows)))
        job = Job(
            rows=served_rows(places, times_ns, rows),
            now_ns=now_ns,
            parity=begin_parity(rule),
            champion=None,
        )
        done = self.comparer.compare(job, self.log)
        if done is None:
            return None
        records = snapshot.decode(done.records)
        return [(int(each.rows[0]), int(each.mismatches[0])) for each in records]


@pytest.fixture
def service(make_play: Callable[..., Any], stores: ExitStack) -> Service:
    rng = np.random.default_rng(0)
    at = pl.Series(np.arange(600) * 3_600_000_000).cast(pl.Datetime("us", "UTC"))
    columns = {"x0": rng.normal(size=600), "kind": ["a"] * 600, "y": rng.integers(0, 2, 600)}
    data = pl.DataFrame({"at": at, **columns})
    play = make_play(LOOP, data, files={"landings": table([0], [1.0])}, clock="wall")
    assert play.folder.schema.names == ("x0", "delays", "kind")
    log = stores.enter_context(SqliteEventLog(play.layout.events, shared=True))
    return Service(play, log)


def test_what_was_posted_in_time_has_to_be_in_the_value(service: Service) -> None:
    at = service.start_ns + DAY_NS * 2
    service.post(at, 5.0)
    after = [at + 10 * SECOND_NS] * 2
    assert service.compare(after, [5.0, 0.0], now_ns=at + 60 * SECOND_NS) == [(2, 1)]


def test_a_row_that_an_event_of_the_last_moment_changes_is_left_out(service: Service) -> None:
    at = service.start_ns + DAY_NS * 2
    service.post(at, 5.0)
    times = [at + SECOND_NS // 2, at + 2 * SECOND_NS]
    assert service.compare(times, [0.0, 0.0], now_ns=at + 60 * SECOND_NS) == [(1, 1)]


def test_rows_of_the_last_moment_wait(service: Service) -> None:
    at = service.start_ns + DAY_NS * 2
    assert service.compare([at], [0.0], now_ns=at) is None
    later = at + 10 * SECOND_NS
    assert service.compare([later], [0.0], now_ns=later, first=1) == [(1, 0)], "the first one"


def test_rows_that_wait_are_compared_although_no_more_come(service: Service) -> None:
    at = service.start_ns + DAY_NS * 2

    assert service.compare([at], [0.0], now_ns=at) is None
    assert service.comparer.waiting
    assert service.compare([], [], now_ns=at + 10 * SECOND_NS) == [(1, 0)]
    assert not service.comparer.waiting


def test_rows_wait_for_a_table_that_is_kept_up(service: Service) -> None:
    at = service.start_ns + DAY_NS
    path = service.play.place / "landings.parquet"
    service.post(at, 5.0)
    table([0, at], [1.0, 300.0]).write_parquet(path)
    asked = at + 60 * SECOND_NS
    assert service.compare([asked], [5.0], now_ns=asked + DAY_NS) is None
    table([0, at, asked + SECOND_NS], [1.0, 300.0, 0.0]).write_parquet(path)
    service.comparer = RowComparer(service.play.folder)  # a table is not read again at once
    assert service.compare([asked], [5.0], now_ns=asked + DAY_NS) == [(1, 1)], "it says 300"


def test_a_table_that_nobody_writes_any_more_is_passed_over(service: Service) -> None:
    at = service.start_ns + DAY_NS
    service.post(at, 5.0)
    table([0, at], [1.0, 300.0]).write_parquet(service.play.place / "landings.parquet")
    asked = at + 60 * SECOND_NS
    now_ns = at + TABLE_BEHIND_NS + 1
    assert service.compare([asked], [5.0], now_ns=now_ns) == [(1, 0)], "what was posted counts"


def test_a_table_that_did_not_change_since_the_start_is_none(service: Service) -> None:
    at = service.start_ns + DAY_NS * 2
    service.post(at, 5.0)
    asked = at + 10 * SECOND_NS
    assert service.compare([asked], [5.0], now_ns=asked + DAY_NS) == [(1, 0)]


def test_the_units_of_a_sample_are_drawn_as_in_a_replay() -> None:
    rows = served_rows(list(range(1_000)), [0] * 1_000, [()] * 1_000)

    class Answered:
        offset, unit_hashes = 0, rows.unit_hashes

    class Gathered:
        answered, rows, asked_ns = Answered, [()] * 1_000, np.zeros(1_000, dtype=np.int64)

    sample = ServedSample("small", 0.2)
    sample.take([Gathered], everything=False)  # type: ignore[list-item]
    drawn = np.flatnonzero(place(rows.unit_hashes, "small/parity") < 0.2)
    assert 100 < len(drawn) < 300
    sample.drop(500)
    assert sample.hand_over().places.tolist() == drawn[drawn >= 500].tolist()
    sample.take([Gathered], everything=True)  # type: ignore[list-item]
    assert len(sample) == 1_000
    assert len(sample.hand_over()) == 1_000
    assert len(sample) == 0


def test_too_many_rows_are_thinned_evenly() -> None:
    rows = served_rows(list(range(1_000)), [0] * 1_000, [()] * 1_000)
    assert thinned(rows, 300).places.tolist() == list(range(0, 1_000, 4))
