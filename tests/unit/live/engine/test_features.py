"""The engine's copy of the state of features: where it begins, and what it survives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import StoreError
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.features.asof import as_of
from ostinato.live.engine.features import FeatureKeeper
from ostinato.live.engine.house import House
from ostinato.live.events import EventsGiven, LabelsGiven, Tick, encode
from ostinato.live.feature_state import FeatureState, read_state, write_state
from ostinato.live.lake.lake import Lake
from ostinato.live.tracked import Tracked, load_tracked
from ostinato.replay.history import make_history
from ostinato.stores.eventlog_sqlite import SqliteEventLog

pytestmark = pytest.mark.timeout(400)  # kernels are compiled, once on a machine

LOOP = """
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier
import ostinato as ost

F = ost.features
landings = F.Events(
    "landings", time="landed", delay="1h", data=Path(__file__).parent / "landings.parquet",
)
loop = ost.Loop(
    name="small", task="binary", time="at", id="key",
    features=[
        "kind",
        *F.windows(landings, {"delay": ["mean", "last"], "*": ["count"]}, by="kind",
                   windows=["6h", "3d"]),
        F.sum(F.labels(), "label", by="kind", window="4d", name="ones"),
    ],
    label=ost.Label("y", time="known", horizon="36h"),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0),
    policy=ost.policies.static(), monitors=None,
)
"""

KINDS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(4)
    begin = np.datetime64("2024-01-01", "us")

    def moments(seconds: Any) -> pl.Series:
        return pl.Series(begin + seconds * np.timedelta64(1, "s")).cast(pl.Datetime("us", "UTC"))

    seconds = np.sort(rng.integers(0, 30 * 86_400, 1_000))
    landed = rng.integers(0, 30 * 86_400, 1_500)
    never = pl.Series(rng.random(1_000) < 0.2)
    data = pl.DataFrame(
        {
            "key": [f"k{row}" for row in range(1_000)],
            "at": moments(seconds),
            "known": moments(seconds + rng.integers(600, 200_000, 1_000)),
            "kind": rng.choice(KINDS, 1_000),
            "y": rng.integers(0, 2, 1_000),
        }
    )
    landings = {
        "landed": moments(landed),
        "kind": rng.choice(KINDS, 1_500),
        "delay": rng.normal(size=1_500),
    }
    return {
        "data": data.with_columns(known=data["known"].set(never, None)),
        "landings": pl.DataFrame(landings),
    }


@pytest.fixture
def play(make_play: Callable[..., Any], tables: dict[str, pl.DataFrame]) -> Any:
    return make_play(LOOP, tables["data"], files=tables)


@pytest.fixture
def log(play: Any, stores: ExitStack) -> SqliteEventLog:
    return stores.enter_context(SqliteEventLog(play.layout.events, shared=True))


def begun(play: Any) -> Tracked:
    found = load_tracked(play.folder.loop, play.folder.schema, play.layout, say=print)
    assert found is not None
    return found


def features_at(tracked: Tracked, now_ns: int) -> list[tuple[float | None, ...]]:
    return tracked.store.lookup([(kind,) for kind in KINDS], [now_ns] * len(KINDS))


def tell(log: SqliteEventLog, play: Any, ticks: int, start: int = 0) -> int:
    """Write ticks, an hour each, with landings and labels; return the time of the last."""
    start_ns = play.folder.schema.start_ns
    rng = np.random.default_rng(start)
    open_rows = np.flatnonzero(np.isnan(play.history.labels[: play.history.first]))
    for number in range(start, start + ticks):
        now_ns = start_ns + (number + 1) * HOUR_NS
        times = (now_ns - rng.integers(0, 2 * HOUR_NS, 5)).tolist()
        columns = {"kind": rng.choice(KINDS, 5).tolist(), "delay": rng.normal(size=5).tolist()}
        landed = EventsGiven("landings", [None] * 5, times, [now_ns - 5] * 5, columns)
        key = play.history.ids[open_rows[-1 - number % 9]]
        label = LabelsGiven([key, f"nobody {number}"], [now_ns - 9] * 2, [1, 1])
        tick = Tick(number=number, now_ns=now_ns)
        events = {"e": landed, "l": label, "tick": tick}
        log.append([(f"{name}/{number}", encode(event)) for name, event in events.items()])
    return now_ns


def test_it_begins_with_what_was_known_at_the_start(
    play: Any, tables: dict[str, pl.DataFrame]
) -> None:
    start_ns = play.folder.schema.start_ns
    before = make_history(play.loop, tables["data"], start=None, end=None, begin_ns=start_ns)
    asked = pl.DataFrame({"kind": KINDS})
    for now_ns in (start_ns, start_ns + 30 * HOUR_NS):  # labels of the history come later
        times = np.full(len(KINDS), now_ns)
        expected = as_of(play.loop.feature_plan, asked, times, before.events)
        assert features_at(begun(play), now_ns) == expected.rows()
    assert (before.label_times_ns > start_ns).any()


def test_a_label_of_the_history_that_comes_at_last_counts_once(
    play: Any, log: SqliteEventLog
) -> None:
    keeper = FeatureKeeper(play.folder, print)
    now_ns = play.folder.schema.start_ns + HOUR_NS
    before = features_at(begun(play), now_ns)
    history = play.history
    (row, *_) = np.flatnonzero(np.isnan(history.labels[: history.first]))[::-1]
    key, kind = history.ids[row], history.frame["kind"][int(row)]
    given = LabelsGiven([key, key, "nobody"], [now_ns - 9, now_ns - 8, now_ns - 7], [1, 1, 1])
    log.append([("l/0", encode(given))])
    keeper.follow(log)
    keeper.write()
    after = features_at(begun(play), now_ns)
    ones = {k: new[-1] - old[-1] for k, new, old in zip(KINDS, after, before, strict=True)}
    assert ones == {**dict.fromkeys(KINDS, 0.0), kind: 1.0}


def _cut(path: Any) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _change(path: Any) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _of_another_log(path: Any) -> None:
    body = msgspec.msgpack.decode(path.read_bytes()[32:], type=FeatureState)
    write_state(path, msgspec.structs.replace(body, offset=10**6))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "its hash does not match"),
        (_change, "its hash does not match"),
        (lambda path: path.unlink(), "is gone"),
        (_of_another_log, "goes further than the log"),
    ],
    ids=["cut off", "changed", "gone", "of another log"],
)
def test_a_file_that_cannot_be_used_is_made_again_of_history_lake_and_log(
    play: Any, log: SqliteEventLog, damage: Callable[[Any], None], said: str
) -> None:
    now_ns = tell(log, play, 30)
    keeper = FeatureKeeper(play.folder, print)
    keeper.follow(log)
    keeper.write()
    expected = features_at(begun(play), now_ns)
    Lake(play.layout, play.folder.schema).compact(log)
    log.trim(60)
    damage(play.layout.features)

    told: list[str] = []
    other = FeatureKeeper(play.folder, told.append)
    other.follow(log)

    assert said in told[0]
    assert "made anew from the history, the lake and the log" in told[0]
    assert told[1] == f"features: made anew, up to offset {log.end()} of the log"
    assert features_at(begun(play), now_ns) == expected
    assert (other.written, other.trouble) == (log.end(), "")


@pytest.mark.parametrize(
    "damage", [_cut, _change, lambda path: path.unlink()], ids=["cut off", "changed", "gone"]
)
def test_a_file_that_is_damaged_while_the_engine_runs_is_written_again_at_the_next_look(
    play: Any, log: SqliteEventLog, damage: Callable[[Any], None]
) -> None:
    tell(log, play, 10)
    told: list[str] = []
    keeper = FeatureKeeper(play.folder, told.append)
    keeper.follow(log)
    assert told == []
    damage(play.layout.features)
    now_ns = tell(log, play, 5, start=10)
    keeper.follow(log)
    keeper.follow(log)

    assert told == ["features: the file was changed or removed by another hand; written again"]
    assert begun(play).offset == log.end() == keeper.written
    assert len(features_at(begun(play), now_ns)) == len(KINDS)


def test_it_goes_on_where_its_file_ends(play: Any, log: SqliteEventLog) -> None:
    tell(log, play, 10)
    first = FeatureKeeper(play.folder, print)
    first.follow(log)
    first.write()
    now_ns = tell(log, play, 10, start=10)
    told: list[str] = []
    second = FeatureKeeper(play.folder, told.append)
    second.follow(log)
    second.write()
    first.follow(log)
    expected = features_at(begun(play), now_ns)
    first.write()
    assert features_at(begun(play), now_ns) == expected
    assert told == []
    by_name = {source.name: source for source in second.sources}
    assert by_name["landings"].events == 100
    assert by_name["landings"].newest_ns > now_ns - 2 * HOUR_NS


def test_requests_after_the_last_tick_can_still_be_asked(play: Any, log: SqliteEventLog) -> None:
    now_ns = tell(log, play, 10)
    later = EventsGiven(
        "landings", [None], [now_ns], [now_ns + 7], {"kind": ["a"], "delay": [99.0]}
    )
    log.append([("e/later", encode(later))])
    keeper = FeatureKeeper(play.folder, print)
    keeper.follow(log)
    keeper.write()
    last = [name.endswith("last_6h_by_kind") for name in play.loop.feature_names[1:]].index(True)
    assert features_at(begun(play), now_ns)[0][last] != 99.0
    assert features_at(begun(play), now_ns + 7)[0][last] == 99.0


def test_what_was_kept_of_the_start_gone_as_well_is_told_with_its_path(
    play: Any, log: SqliteEventLog
) -> None:
    play.layout.features.unlink()
    (play.layout.sources / "landings.parquet").unlink()
    keeper = FeatureKeeper(play.folder, print)
    with pytest.raises(StoreError, match=r"landings\.parquet"):
        keeper.follow(log)
    assert keeper.written is None


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1_200):
        if condition():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not come to that")


@pytest.fixture
def lived(make_play: Callable[..., Any], tables: dict[str, pl.DataFrame], stores: ExitStack) -> Any:
    """A service that ran for a while, its engine open."""
    play = make_play(
        LOOP,
        tables["data"],
        files=tables,
        retention_days=2,
        registry=str(make_play().place / "mirror"),
    )
    engine = play.engine(stores)
    while not engine.begun:
        engine.begin()
    start_ns = play.folder.schema.start_ns
    for day in range(40):
        engine.tick(start_ns + day * DAY_NS // 4)
    return play, engine


def test_the_log_is_trimmed_as_far_as_the_state_of_features_goes(
    lived: Any, stores: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, engine = lived
    writes = FeatureKeeper.write
    monkeypatch.setattr(FeatureKeeper, "write", lambda self: None)
    house = House(play.folder)
    stores.callback(house.close)
    house.saved(engine.now_ns)
    wait_for(lambda: house.lake_status.startswith("at offset"))
    wait_for(lambda: house.sources != ())
    house.saved(engine.now_ns)
    threading.Event().wait(0.2)
    assert engine.events.read(0, 1)[0][0] == 0, "the state goes up to nothing of it"

    monkeypatch.setattr(FeatureKeeper, "write", writes)
    house.saved(engine.now_ns)
    house.ticked(engine.now_ns)
    wait_for(
        lambda: (read_state(play.layout.features, plan=play.loop.feature_plan.digest)).offset > 0
    )
    house.saved(engine.now_ns)
    wait_for(lambda: engine.events.read(0, 1)[0][0] > 0)
    kept = begun(play)
    assert kept.offset >= engine.events.read(0, 1)[0][0]


def test_features_that_cannot_be_made_hold_up_nobody_and_are_told(
    lived: Any, stores: ExitStack
) -> None:
    play, engine = lived
    play.layout.features.write_bytes(b"nothing")
    (play.layout.sources / "labels.parquet").write_bytes(b"nothing")
    told: list[str] = []
    house = House(play.folder, told.append)
    stores.callback(house.close)
    house.saved(engine.now_ns)
    wait_for(lambda: "labels.parquet" in house.features_status)
    wait_for(lambda: house.lake_status.startswith("at offset"))
    assert engine.events.read(0, 1)[0][0] == 0
    assert "cannot be read" in told[0]
