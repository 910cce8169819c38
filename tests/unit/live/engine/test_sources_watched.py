"""A service writes down which columns its sources have had, and says when features go missing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from ostinato.features.schema_book import load_book
from ostinato.live.engine.features import FeatureKeeper
from ostinato.live.engine.missing import MissingWatch
from ostinato.live.events import EventsGiven, encode
from ostinato.live.published import MissingStatus, Status, read
from ostinato.stores.eventlog_sqlite import SqliteEventLog

LOOP = """
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier
import ostinato as ost

F = ost.features
DATA = Path(__file__).parent / "data.parquet"
landings = F.Events("landings", time="at", stale_after="1h", data=DATA)

loop = ost.Loop(
    name="small", task="binary", time="at",
    features=["x0", F.mean(landings, "x1", by="kind", window="1d", name="recent")],
    label=ost.Label("y", delay="6h", horizon="12h"),
    learner=DecisionTreeClassifier(max_depth=2, random_state=0),
    policy=ost.policies.static(), monitors=None,
)
"""


@pytest.fixture(scope="module")
def play(make_play: Callable[..., Any], world: Any) -> Any:
    return make_play(LOOP, world, files={"data": world})


def given(moment_ns: int, **further: str) -> bytes:
    return encode(
        EventsGiven(
            source="landings",
            ids=[None],
            times_ns=[moment_ns],
            known_ns=[moment_ns],
            columns={"kind": ["a"], "x1": [1.0]},
            further=further,
        )
    )


def test_the_columns_of_the_history_and_of_what_was_posted_are_in_the_book(play: Any) -> None:
    start_ns = play.folder.schema.start_ns
    first = load_book(play.layout.schemas)
    with SqliteEventLog(play.layout.events, shared=True) as log:
        keeper = FeatureKeeper(play.folder, lambda said: None)
        log.append([("e/1", given(start_ns + 1)), ("e/2", given(start_ns + 2, gust="number"))])
        keeper.follow(log)
        keeper.write()

    book = load_book(play.layout.schemas)
    [source] = keeper.sources
    assert first.versions() == {"landings": 1}
    assert book.entries[0] == first.entries[0]
    assert book.entries[1].changes.added == ("gust",)
    assert book.entries[1].since_ns == start_ns + 2
    assert book.latest("landings").columns == {
        **first.latest("landings").columns,
        "gust": "number",
    }
    assert (source.columns_version, source.stale_after_ns) == (2, 3_600_000_000_000)


def test_the_status_tells_of_a_feature_that_goes_missing(play: Any, stores: ExitStack) -> None:
    engine, first = play.engine(stores), play.history.first
    while not engine.begun:
        engine.begin()

    def serve(low: int, high: int, recent: float | None) -> tuple[MissingStatus, ...]:
        rows = [(0.5, recent, "a")] * (high - low)
        engine.events.append(play.answered(low, high, rows=rows))
        engine.tick(int(play.history.times_ns[high]))
        status = read(play.layout.status, Status)
        assert status is not None
        return status.missing

    assert play.folder.schema.names == ("x0", "recent", "kind")
    assert serve(first, first + 60, 0.1) == ()
    [told] = serve(first + 60, first + 120, None)
    assert (told.feature, told.served, told.rows) == ("recent", 0.5, 120)
    assert told.trained < 0.1


def test_counts_begin_anew_with_another_champion() -> None:
    watch = MissingWatch(("x", "recent"), ["recent"], lambda version: {"recent": 0.0})

    watch.take("v1", [(1, None)] * 100)
    assert [each.rows for each in watch.moved()] == [100]
    watch.take("v2", [(1, 0.5)] * 100)
    assert watch.moved() == ()
    watch.take(None, [(1, None)] * 100)  # before there is a champion nothing is expected
    assert watch.moved() == ()
