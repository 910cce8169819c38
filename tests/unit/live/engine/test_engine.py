"""The engine decides what a replay decides, wherever it dies on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import ConfigError
from ostinato.live.audit import replay_journal
from ostinato.live.engine.bootstrap import open_folder
from ostinato.live.engine.saved import read_snapshots
from ostinato.live.events import Acted, ExaminationDone, TrainingDone, decode, encode
from ostinato.live.lake.lake import Lake
from ostinato.live.published import Published, Status, Undo, read, write
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry


class DiedError(Exception):
    """The engine dies here."""


def test_its_journal_is_byte_for_byte_that_of_a_replay(played: Any, world: pl.DataFrame) -> None:
    path = played.place / "replay.db"
    ost.replay(played.loop, world, tick="6h", journal=str(path))
    with SqliteJournal(path, readonly=True) as journal:
        replayed = [(entry.body, entry.hash) for entry in journal.entries()]
    live = played.entries()
    assert live == replayed
    kinds = {body.split('"kind":"')[1].split('"')[0] for body, _ in live}
    assert {"training_requested", "candidate_trained", "routes_changed"} <= kinds
    assert {"examination_requested", "diagnosis_made"} <= kinds
    assert sum("training_requested" in body for body, _ in live) > 2, "the champion is challenged"


def test_it_publishes_the_routes_with_the_hash_of_every_version(played: Any) -> None:
    routes, status = read(played.layout.routes, Published), read(played.layout.status, Status)
    registry = FolderRegistry(played.layout.registry)
    assert registry.aliases()["champion"] == routes.champion == status.champion
    assert routes.epoch == status.epoch
    assert set(routes.artifacts) >= {routes.champion}
    assert status.decisions == len(played.entries())


def test_it_publishes_what_is_watched_and_what_was_found(played: Any) -> None:
    watch = read(played.layout.status, Status).watch
    made = [json.loads(body) for body, _ in played.entries()]
    last = [each for each in made if each["kind"] == "diagnosis_made"][-1]
    assert watch["diagnosis"]["cause"] == last["cause"]
    assert watch["diagnosis"]["champion"] == last["subject"]
    raised = {each["subject"] for each in made if each["kind"] == "alarm_raised"}
    assert {each["stream"] for each in watch["standing"]} <= raised
    assert watch["budget"]["declared"] == pytest.approx(1.0)
    assert watch["streams"] > 1
    assert {each["stream"] for each in watch["estimates"]} >= {"estimate/log_loss"}


def test_killed_between_any_two_steps_it_comes_to_the_same_journal(
    make_play: Callable[..., Any], played: Any
) -> None:
    play, rng, points, deaths = make_play(), np.random.default_rng(0), set(), 0

    def perhaps_die(point: str) -> None:
        points.add(point)
        if deaths < 25 and rng.random() < 0.05:
            raise DiedError(point)

    done = False
    while not done:
        with ExitStack() as stores:
            try:
                play.live(play.engine(stores, between=perhaps_die))
                done = True
            except DiedError:
                deaths += 1
    assert deaths == 25
    assert len(points) == 11
    assert play.entries() == played.entries()
    for alias in ("champion", "previous", "challenger"):
        found = FolderRegistry(play.layout.registry).alias_history(alias)
        assert found == FolderRegistry(played.layout.registry).alias_history(alias)
    assert results(play) == results(played)


def results(play: Any) -> list[str]:
    with SqliteEventLog(play.layout.events, readonly=True) as events:
        found = [decode(payload) for _, _, payload in events.read(0, 100_000)]
    return [each.request for each in found if isinstance(each, TrainingDone | ExaminationDone)]


def test_a_torn_snapshot_is_passed_over(make_play: Callable[..., Any], played: Any) -> None:
    play = make_play()
    with ExitStack() as stores:
        engine = play.engine(stores)
        while not engine.begun:
            engine.begin()
        for now_ns, start, stop, from_label, to_label in play.moments()[:40]:
            engine.events.append(play.events(start, stop, from_label, to_label))
            engine.tick(now_ns)
    newest, older = sorted(play.layout.snapshots.iterdir(), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-100])
    saved, _ = next(read_snapshots(play.layout.snapshots))
    assert older.name.startswith(f"{saved.place.tick:012d}")
    with ExitStack() as stores:
        play.live(play.engine(stores))
    assert play.entries() == played.entries()


def test_parts_of_snapshots_that_a_death_left_are_taken_away(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play()
    (play.layout.snapshots / ".000000000016.snapshot.4711.tmp").write_bytes(b"half")
    engine = play.engine(stores)
    while not engine.begun:
        engine.begin()
    engine.save()
    assert [path.name for path in play.layout.snapshots.iterdir()] == ["000000000003.snapshot"]


def of_another_release(path: Path) -> None:
    """Have a snapshot name a part of the state that this release does not know."""
    body = path.read_bytes().partition(b"\n")[2].replace(b":LoopState", b":OtherState")
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


@pytest.mark.parametrize("spoil", [Path.unlink, of_another_release])
def test_without_a_snapshot_it_folds_the_log_again_and_the_lake_before_it(
    make_play: Callable[..., Any], played: Any, spoil: Callable[[Path], None]
) -> None:
    play = make_play()
    with ExitStack() as stores:
        engine = play.engine(stores)
        while not engine.begun:
            engine.begin()
        for now_ns, start, stop, from_label, to_label in play.moments()[:50]:
            engine.events.append(play.events(start, stop, from_label, to_label))
            engine.tick(now_ns)
        Lake(play.layout, play.folder.schema).compact(engine.events)
        engine.events.trim(engine.saved.place.needed_from)
    for path in sorted(play.layout.snapshots.iterdir()):
        spoil(path)
    with ExitStack() as stores:
        play.live(play.engine(stores))
    assert play.entries() == played.entries()
    found = FolderRegistry(play.layout.registry).alias_history("champion")
    assert found == FolderRegistry(played.layout.registry).alias_history("champion")


def test_when_the_clock_goes_back_time_stands_still(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play()
    engine = play.engine(stores)
    while not engine.begun:
        engine.begin()
    engine.tick(engine.now_ns + 10**12)
    before = engine.now_ns
    engine.tick(before - 10**12)
    assert engine.now_ns == before
    assert engine.saved.place.tick == 5


def test_how_far_it_may_act_is_said_once_the_first_champion_serves(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play(autonomy="observe")
    engine = play.engine(stores)
    while not engine.begun:
        engine.begin()
    assert read(play.layout.routes, Published).champion is not None
    last = list(engine.journal.entries())[-1]
    assert last.kind == "autonomy_set"
    assert '"level":"observe"' in last.body


def test_an_undo_that_is_refused_does_not_stay_in_force(
    make_play: Callable[..., Any], stores: ExitStack
) -> None:
    play = make_play()
    engine = play.engine(stores)
    while not engine.begun:
        engine.begin()
    write(play.layout.undo, Undo(epoch=engine.epoch, act_id="u1"))
    engine.tick(engine.now_ns + 1)
    assert play.layout.undo.exists(), "its act is still to come"
    act = Acted(act="undo", act_id="u1", who="ann", reason="I fear", subject="", time_ns=0)
    engine.events.append([("act/u1", encode(act))])
    engine.tick(engine.now_ns + 1)
    assert list(engine.journal.entries())[-1].kind == "act_refused"
    assert not play.layout.undo.exists()


def test_another_policy_in_the_loop_file_holds_from_the_next_tick_and_is_a_decision(
    make_play: Callable[..., Any],
) -> None:
    play = make_play()
    with ExitStack() as stores:
        play.live_until(play.engine(stores), 20)
    file = play.place / "loop.py"
    file.write_text(file.read_text().replace('"5d"', '"3d"'))
    play.folder = open_folder(play.layout)
    for ticks in (60, None):  # the second life finds a snapshot made under the new policy
        with ExitStack() as stores:
            engine = play.engine(stores)
            play.live_until(engine, ticks)
            engine.save()
    kinds = [json.loads(body)["kind"] for body, _ in play.entries()]
    assert kinds.count("policy_changed") == 1
    assert "training_requested" in kinds[kinds.index("policy_changed") :]
    assert replay_journal(play.layout) is None, "an audit derives both halves"


def test_a_loop_file_in_which_more_than_the_policy_changed_is_refused_and_can_be_put_back(
    make_play: Callable[..., Any],
) -> None:
    play = make_play()
    with ExitStack() as stores:
        engine = play.engine(stores)
        play.live_until(engine, 40)
        engine.save()
    file, before = play.place / "loop.py", (play.place / "loop.py").read_text()
    file.write_text(before.replace('slices=["kind"]', "slices=[]"))
    play.folder = open_folder(play.layout)
    with ExitStack() as stores, pytest.raises(ConfigError, match="More than the policy"):
        play.engine(stores)
    file.write_text(before)
    play.folder = open_folder(play.layout)
    with ExitStack() as stores:
        play.live_until(play.engine(stores), None)
    assert "policy_changed" not in "".join(body for body, _ in play.entries())


def test_a_service_trains_on_nothing_but_what_it_served(
    make_play: Callable[..., Any], played: Any
) -> None:
    declared = (played.place / "loop.py").read_text()
    declared = declared.replace("slices=", 'train_on="recomputed", slices=')
    with pytest.raises(ConfigError, match="train_on='recomputed'"):
        make_play(declared)
