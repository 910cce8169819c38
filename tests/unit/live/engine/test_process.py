"""The process around the engine: when it ticks, whom it waits for, and what goes on beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.units import DAY_NS, SECOND_NS
from ostinato.live.audit import replay_journal
from ostinato.live.engine.house import House, first_after
from ostinato.live.engine.process import PATIENCE_NS, Driver, Heart
from ostinato.live.events import Acted, Answered, ClockMoved, Tick, decode, encode
from ostinato.live.published import Alive, Status, read
from ostinato.stores.eventlog_sqlite import SqliteEventLog


class NoHouse:
    """Nothing goes on beside the loop."""

    lake_status, registry_status, features_status, sources = "", "", "", ()
    alerts_status = ()

    def ticked(self, now_ns: int) -> None:
        pass

    def saved(self, now_ns: int) -> None:
        pass


@pytest.fixture
def make_driver(make_play: Callable[..., Any], stores: ExitStack) -> Callable[..., Any]:
    def make(**settings: Any) -> tuple[Any, Driver, VirtualClock, VirtualClock]:
        play = make_play(**settings)
        engine = play.engine(stores)
        while not engine.begun:
            engine.begin()
        clock, steady = VirtualClock(engine.now_ns + SECOND_NS), VirtualClock(0)
        heart = Heart(play.layout, clock, steady)
        driver = Driver(
            engine=engine,
            house=NoHouse(),
            heart=heart,
            clock=clock,
            steady=steady,
            stop=threading.Event(),
        )
        return play, driver, clock, steady

    return make


def act(driver: Driver, key: str) -> None:
    event = Acted(act="pause", act_id=key, who="ann", reason="why", subject="", time_ns=1)
    driver.engine.events.append([(f"act/{key}", encode(event))])


def test_on_the_wall_clock_it_ticks_when_it_is_time_and_at_once_for_an_act(
    make_driver: Callable[..., Any],
) -> None:
    _, driver, clock, steady = make_driver(clock="wall", tick="1m")
    assert not driver.look()
    steady.advance_to(60 * SECOND_NS)
    clock.advance_to(clock.now_ns() + 60 * SECOND_NS)
    assert driver.look()
    assert driver.engine.now_ns == clock.now_ns()
    assert not driver.look()
    act(driver, "1")
    assert driver.look()
    kinds = [entry.kind for entry in driver.engine.journal.entries()]
    assert "operator_acted" in kinds


def test_on_the_clock_of_events_it_ticks_where_the_clock_was_moved(
    make_driver: Callable[..., Any],
) -> None:
    _, driver, _, steady = make_driver()
    steady.advance_to(10**15)
    assert not driver.look()
    to_ns = driver.engine.now_ns + 5 * SECOND_NS
    driver.engine.events.append([("clock/1", encode(ClockMoved(to_ns=to_ns)))])
    assert driver.look()
    assert driver.engine.now_ns == to_ns
    act(driver, "1")
    assert driver.look()
    assert driver.engine.now_ns == to_ns


def test_a_moved_clock_waits_for_shadows_but_not_for_ever(make_driver: Callable[..., Any]) -> None:
    play, driver, _, steady = make_driver()
    event = Answered(
        epoch=1,
        versions=["v1", "v2"],
        ids=[10_000],
        times_ns=[driver.engine.now_ns],
        rows=[play.history.frame.row(0)],
        answered=[0],
        roles=[0],
        scores={"v1": [0.5]},
        awaits=["v2"],
    )
    driver.engine.events.append(
        [
            ("a/9/1", encode(event)),
            ("clock/1", encode(ClockMoved(to_ns=driver.engine.now_ns + SECOND_NS))),
        ]
    )
    assert not driver.look()
    steady.advance_to(PATIENCE_NS - 1)
    assert not driver.look()
    steady.advance_to(PATIENCE_NS)
    assert driver.look()
    assert len(driver.engine.saved.place.held) == 1


def test_a_moved_clock_waits_for_a_training_that_is_due(
    make_driver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    play, driver, _, _ = make_driver()
    engine, there = driver.engine, False
    for now_ns, start, stop, from_label, to_label in play.moments():
        engine.events.append(play.events(start, stop, from_label, to_label))
        engine.tick(now_ns)
        if engine.saved.open:
            break
    outcome = engine.trainings.outcome
    monkeypatch.setattr(
        type(engine.trainings), "outcome", lambda self, name: outcome(name) if there else None
    )
    due_ns = engine.result_due_ns()
    assert due_ns == engine.now_ns + 600 * SECOND_NS
    engine.events.append([("clock/1", encode(ClockMoved(to_ns=due_ns)))])
    assert not driver.look()
    there = True
    assert driver.look()
    told = [entry for entry in engine.journal.entries() if entry.kind == "candidate_trained"]
    assert told[-1].ts_event_ns == due_ns


def test_it_says_that_it_lives(make_driver: Callable[..., Any]) -> None:
    play, driver, clock, steady = make_driver()
    driver.heart.beat()
    path = play.layout.run / "engine.json"
    before = read(path, Alive)
    assert (before.pid, before.beat_ns) == (os.getpid(), clock.now_ns())
    clock.advance_to(clock.now_ns() + 1)
    driver.heart.beat("somewhere")
    assert read(path, Alive) == before, "it was said just now"
    steady.advance_to(SECOND_NS)
    driver.heart.beat()
    assert read(path, Alive).beat_ns == clock.now_ns()


@pytest.fixture
def process(make_play: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(play: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "ostinato.live.engine", str(play.layout.folder)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not come to that")


def test_killed_and_started_again_it_goes_on_and_stops_cleanly(
    make_play: Callable[..., Any], process: Callable[..., Any]
) -> None:
    play = make_play(registry=str(make_play().place / "mirror"))
    log = SqliteEventLog(play.layout.events, shared=True)

    def move(to: int, number: int) -> None:
        log.append([(f"clock/{number}", encode(ClockMoved(to_ns=to)))])
        wait_for(lambda: read(play.layout.status, Status).now_ns >= to)

    first = process(play)
    wait_for(play.layout.routes.exists)
    (now_ns, start, stop, from_label, to_label), (later_ns, *_) = play.moments()[:2]
    log.append(play.events(start, stop, from_label, to_label))
    move(now_ns, 1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = process(play)
    move(later_ns, 2)
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    log.close()
    assert replay_journal(play.layout) is None
    assert list(play.layout.snapshots.iterdir())
    mirrored = Path(play.folder.config.registry) / "versions"
    assert len(list(mirrored.iterdir())) == 1


def test_a_first_champion_that_cannot_be_trained_is_told_with_exit_code_2(
    make_play: Callable[..., Any], process: Callable[..., Any]
) -> None:
    play = make_play()
    loop = play.place / "loop.py"
    loop.write_text(loop.read_text().replace("max_depth=3", "max_depth=-3"))
    engine = process(play)
    _, said = engine.communicate(timeout=90)
    assert engine.returncode == 2
    assert b"The first champion could not be trained" in said


def test_the_first_tick_after_a_moment_is_found_also_where_ticks_were_trimmed(
    make_play: Callable[..., Any],
) -> None:
    play = make_play()
    with SqliteEventLog(play.layout.events, shared=True) as log:
        log.append([(f"tick/{n}", encode(Tick(number=n, now_ns=n * 10))) for n in range(20)])
        assert first_after(log, -1, 20) == 0
        assert first_after(log, 70, 20) == 8
        assert first_after(log, 10**9, 20) == 20
        log.trim(5)
        assert first_after(log, 70, 20) == 8


def test_a_lake_that_cannot_be_read_holds_up_nobody_and_is_told(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play(registry=str(make_play().place / "mirror"))
    (play.layout.lake / "state.json").write_text("{")
    house = House(play.folder)
    stores.callback(house.close)
    wait_for(lambda: house.lake_status.startswith("A file of the service cannot be read"))


def test_events_in_the_lake_that_are_old_enough_are_dropped(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play(retention_days=12, registry=str(make_play().place / "mirror"))
    engine = play.engine(stores)
    house = House(play.folder)
    stores.callback(house.close)
    play.live(engine)
    house.saved(engine.now_ns)
    wait_for(lambda: house.lake.place().offset == engine.saved.place.offset)
    wait_for(lambda: engine.events.read(0, 1)[0][0] > 0)
    ((_, _, payload),) = [e for e in engine.events.read(0, 1_000) if e[1].startswith("tick/")][:1]
    kept_ns = decode(payload).now_ns
    assert engine.now_ns - 12 * DAY_NS < kept_ns < engine.now_ns - 11 * DAY_NS
    assert house.lake_status.startswith("at offset")
    assert replay_journal(play.layout) is None


def test_what_people_should_know_reaches_the_addresses_of_the_service(
    make_play: Callable[..., Any], stores: ExitStack, taker: Any
) -> None:
    host, took = taker
    place = str(make_play().place / "mirror")
    play = make_play(alerts=(f"info=http://{host}/hook", "http://127.0.0.1:1/"), registry=place)
    engine = play.engine(stores)
    house = House(play.folder)
    stores.callback(house.close)
    play.live_until(engine, 1)
    house.ticked(engine.now_ns)
    wait_for(lambda: took.taken)
    path, content = took.taken[0]
    told = json.loads(content)
    assert path == "/hook"
    assert "promoted" in [each["kind"] for each in told["notices"]]
    assert told["link"] == "http://127.0.0.1:8000/loops/small/alarms"
    (there, away) = house.alerts_status
    assert (there.tries, away.tries) == (0, 0), "the other hears warnings, and there are none"
