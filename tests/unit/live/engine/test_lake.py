"""The lake holds everything once, and trainings read from it what the log told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import StoreError
from ostinato.live.engine.train_process import known_at
from ostinato.live.events import Answered, EventsGiven, LabelsGiven, OutcomesGiven, Tick, encode
from ostinato.live.lake import delta
from ostinato.live.lake import lake as module
from ostinato.live.lake.lake import Lake, WholeLog
from ostinato.live.lake.tables import input_columns
from ostinato.live.layout import Layout
from ostinato.live.schema import Field, InputSchema, SourceSpec
from ostinato.replay.history import NEVER
from ostinato.stores.eventlog_memory import MemoryEventLog

SCHEMA = InputSchema(
    loop="small",
    task="binary",
    fields=(Field("x y", "number"), Field("count", "integer"), Field("COUNT", "text")),
    features=3,
    unit=None,
    slices=(),
    classes=(0, 1),
    first_offset=0,
    start_ns=0,
)


class DiedError(Exception):
    """The process dies here."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.make()
    return made


def log_of(*ticks: list[Any]) -> MemoryEventLog:
    log = MemoryEventLog()
    for number, events in enumerate(ticks):
        ended = [*events, Tick(number=number, now_ns=(number + 1) * 1_000)]
        log.append([(f"{number}/{at}", encode(event)) for at, event in enumerate(ended)])
    return log


def answer(key: int | str, row: tuple[Any, ...], **changes: Any) -> Answered:
    settings: dict[str, Any] = {
        "epoch": 1,
        "versions": ["v1", "v2"],
        "ids": [key],
        "times_ns": [500],
        "rows": [row],
        "answered": [1],
        "roles": [1],
        "scores": {"v1": [0.25], "v2": [0.75]},
        "propensities": [0.125],
    }
    return Answered(**{**settings, **changes})


def rows(layout: Layout, table: str) -> list[dict[str, Any]]:
    return pl.read_delta(str(layout.lake / table)).to_dicts()


def test_a_prediction_is_a_row_with_its_inputs_and_scores(layout: Layout) -> None:
    Lake(layout, SCHEMA).compact(log_of([answer("7", (0.5, 3, "a")), answer(7, (None, 2.0, None))]))
    one, other = sorted(rows(layout, "predictions"), key=lambda row: row["offset"])
    assert (one["prediction_id"], one["id_is_integer"]) == ("7", False)
    assert (other["prediction_id"], other["id_is_integer"]) == ("7", True)
    assert (one["input_x_y"], one["input_count"], one["input_COUNT_2"]) == (0.5, 3, "a")
    assert (one["version"], one["role"], one["epoch"]) == ("v2", "canary", 1)
    assert (one["score"], one["propensity"]) == ([0.75], 0.125)
    assert one["scores"] == [
        {"version": "v1", "score": [0.25]},
        {"version": "v2", "score": [0.75]},
    ]
    assert one["raw"] is None


def test_inputs_that_do_not_fit_their_column_are_kept_as_they_were(layout: Layout) -> None:
    log = log_of([answer(1, (0.5, 3, "a"))], [answer(2, (0.5, 3.5, "a"))])
    lake = Lake(layout, SCHEMA)
    lake.compact(log)
    told, _, _ = lake.told(tick=1)
    (frame,) = told.frames
    assert frame["count"].to_list() == [3.0, 3.5]
    assert input_columns(SCHEMA) == ["input_x_y", "input_count", "input_COUNT_2"]


def test_labels_and_outcomes_are_rows_as_well(layout: Layout) -> None:
    given = LabelsGiven(ids=[1, "b"], times_ns=[700, 600], values=[1, None])
    outcome = OutcomesGiven(
        ids=[1, None], units=[None, 5], names=["sold", "sold"], times_ns=[1, 2], values=[9.5, 1.0]
    )
    Lake(layout, SCHEMA).compact(log_of([given, outcome]))
    found = sorted(rows(layout, "labels"), key=lambda row: row["row"])
    assert [row["prediction_id"] for row in found] == ["b", "1"]
    assert [row["value"] for row in found] == [None, 1.0]
    assert [(r["prediction_id"], r["unit"]) for r in rows(layout, "outcomes")] == [
        ("1", None),
        (None, "5"),
    ]


def test_what_is_after_the_last_tick_waits(layout: Layout) -> None:
    log = log_of([answer(1, (0.5, 3, "a"))])
    log.append([("later", encode(answer(2, (0.5, 3, "a"))))])
    lake = Lake(layout, SCHEMA)
    assert lake.compact(log).offset == 2
    assert lake.compact(log).offset == 2
    assert [row["key"] for row in rows(layout, "events")] == ["0/0", "0/1"]


def test_killed_anywhere_it_holds_everything_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    log = log_of(*[[answer(tick, (0.5, tick, "a"))] for tick in range(12)])
    rng, died, points = np.random.default_rng(1), 0, set()

    def perhaps_die(point: str) -> None:
        points.add(point)
        if rng.random() < 0.2:
            raise DiedError(point)

    while True:
        try:
            Lake(layout, SCHEMA, between=perhaps_die).compact(log)
            break
        except DiedError:
            died += 1
    assert died > 5
    assert len(points) == 6
    assert sorted(row["offset"] for row in rows(layout, "events")) == list(range(24))
    assert sorted(row["offset"] for row in rows(layout, "predictions")) == list(range(12))


def test_trimmed_events_are_read_from_the_lake(layout: Layout) -> None:
    log = log_of(*[[answer(tick, (0.5, tick, "a"))] for tick in range(4)])
    before = log.read(0, 100)
    lake = Lake(layout, SCHEMA)
    lake.compact(log)
    log.trim(5)
    whole, found, at = WholeLog(log, lake), [], 0
    while page := whole.read(at, 2):
        found.extend(page)
        at = page[-1][0] + 1
    assert found == before


def test_events_that_are_trimmed_while_they_are_read_come_from_the_lake(layout: Layout) -> None:
    log = log_of(*[[answer(tick, (0.5, tick, "a"))] for tick in range(6)])
    before = log.read(0, 100)
    lake = Lake(layout, SCHEMA)
    lake.compact(log)
    whole, found = WholeLog(log, lake), []
    for trimmed_to in (0, 4, 8, 11):
        log.trim(trimmed_to)
        found.extend(whole.read(len(found), 3))
    assert found == before


def test_a_commit_that_is_made_again_is_put_on_disk_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def die(point: str) -> None:
        if point == "after sync" and not died:
            died.append(point)
            raise DiedError(point)

    died: list[str] = []
    log = log_of([answer(1, (0.5, 3, "a"))])
    lake = Lake(layout, SCHEMA, between=die)
    with pytest.raises(DiedError):
        lake.compact(log)
    monkeypatch.setattr(delta, "_sync_file", lambda path: synced.append(path.name))
    lake.compact(log)
    assert synced.count(f"{0:020d}.json") == 4


def test_many_labels_are_carried_over_in_parts(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 10)
    given = [LabelsGiven(ids=list(range(5)), times_ns=[1] * 5, values=[1] * 5) for _ in range(6)]
    lake = Lake(layout, SCHEMA)
    lake.compact(log_of(*[[each] for each in given]))
    assert lake.state().versions["labels"] == 2
    assert len(rows(layout, "labels")) == 30


def test_a_lake_that_lost_its_place_keeps_what_the_log_has_no_more(layout: Layout) -> None:
    log = log_of(*[[answer(tick, (0.5, tick, "a"))] for tick in range(4)])
    lake = Lake(layout, SCHEMA)
    lake.compact(log)
    log.trim(4)
    (layout.lake / "state.json").unlink()
    with pytest.raises(StoreError, match="does not say how far"):
        lake.compact(log)
    assert len(rows(layout, "predictions")) == 4


def test_a_table_that_cannot_be_written_is_named(layout: Layout) -> None:
    (layout.lake / "labels").write_text("in the way")
    with pytest.raises(StoreError, match="lake could not be used"):
        Lake(layout, SCHEMA).compact(log_of([answer(1, (0.5, 3, "a"))]))


def test_what_trainings_know_is_the_replays_history_from_the_lake_or_the_log(
    make_play: Callable[..., Any], played: Any
) -> None:
    play = make_play()
    with ExitStack() as stores:
        engine = play.engine(stores)
        play.live(engine)
        last = engine.saved.place.tick - 1
        from_log, lies = known_at(play.folder, last)
        assert lies == f"log@0-{engine.saved.place.offset}"
        lake = Lake(play.layout, play.folder.schema)
        lake.compact(engine.events)
        engine.events.trim(10**9)
        from_lake, lies = known_at(play.folder, last)
        assert lies.startswith("predictions@0,labels@0")
        earlier, _ = known_at(play.folder, 20)
    for found in (from_log, from_lake):
        same = play.history
        assert found.frame.equals(same.frame)
        np.testing.assert_array_equal(found.times_ns, same.times_ns)
        np.testing.assert_array_equal(found.ids, same.ids)
        np.testing.assert_array_equal(found.unit_hashes, same.unit_hashes)
        np.testing.assert_array_equal(found.groups, same.groups)
        known = same.label_times_ns <= engine.now_ns
        np.testing.assert_array_equal(found.label_times_ns[known], same.label_times_ns[known])
        np.testing.assert_array_equal(found.labels[known], same.labels[known])
        assert (found.label_times_ns[~known] == NEVER).all()
    assert len(earlier) < len(from_lake)
    assert replace(earlier, frame=earlier.frame).frame.equals(play.history.frame[: len(earlier)])


LANDINGS = SourceSpec(
    name="land/ings",
    time="landed",
    columns=(Field("carrier", "text"), Field("de lay", "number"), Field("gate", "integer")),
)


def landed(
    *events: tuple[Any, ...], ids: list[Any] | None = None, source: str = "land/ings"
) -> Any:
    """Events of (happened, known, carrier, delay, gate)."""
    times, known, carriers, delays, gates = (list(each) for each in zip(*events, strict=True))
    columns = {"carrier": carriers, "de lay": delays, "gate": gates}
    return EventsGiven(source, ids or [None] * len(events), times, known, columns)


def test_events_of_a_source_are_rows_of_a_table_of_its_own(layout: Layout) -> None:
    schema = msgspec.structs.replace(SCHEMA, sources=(LANDINGS,))
    log = log_of(
        [landed((5, 9, "AA", 1.5, 3), (4, 9, None, None, None), ids=["a", 7])],
        [answer(1, (0.5, 3, "a")), landed((8, 10, "BB", -2.0, 2**40))],
    )
    lake = Lake(layout, schema)
    lake.compact(log)
    first, second, third = sorted(rows(layout, "source_land_ings"), key=lambda r: r["known_ns"])
    assert (first["event_id"], first["id_is_integer"], first["offset"]) == ("a", False, 0)
    assert (second["event_id"], second["id_is_integer"], second["row"]) == ("7", True, 1)
    assert (first["column_carrier"], first["column_de_lay"], first["column_gate"]) == ("AA", 1.5, 3)
    assert (third["tick"], third["schema_version"], third["event_id"]) == (1, 1, None)
    found = lake.events_of("land/ings")
    assert found.times_ns.tolist() == [5, 4, 8]
    assert found.known_ns.tolist() == [9, 9, 10]
    assert found.frame.to_dict(as_series=False) == {
        "carrier": ["AA", None, "BB"],
        "de lay": [1.5, None, -2.0],
        "gate": [3, None, 2**40],
    }
    assert lake.events_of("land/ings", after_ns=9).times_ns.tolist() == [8]


def test_events_that_do_not_fit_their_columns_come_back_as_they_were(layout: Layout) -> None:
    schema = msgspec.structs.replace(SCHEMA, sources=(LANDINGS,))
    lake = Lake(layout, schema)
    lake.compact(log_of([landed((5, 9, "AA", 1.5, 3), (6, 9, "BB", 2.5, 2.5))]))
    found = lake.events_of("land/ings")
    assert found.frame["gate"].to_list() == [3.0, 2.5]
    assert found.frame["carrier"].to_list() == ["AA", "BB"]
    assert [row["raw"] is None for row in rows(layout, "source_land_ings")] == [True, False]


def test_a_source_without_events_has_none(layout: Layout) -> None:
    schema = msgspec.structs.replace(SCHEMA, sources=(LANDINGS,))
    lake = Lake(layout, schema)
    assert len(lake.events_of("land/ings")) == 0
    lake.compact(log_of([answer(1, (0.5, 3, "a"))]))
    empty = lake.events_of("land/ings")
    assert (len(empty), empty.frame.columns) == (0, ["carrier", "de lay", "gate"])


def test_killed_anywhere_each_event_is_there_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    schema = msgspec.structs.replace(SCHEMA, sources=(LANDINGS,))
    log = log_of(*[[landed((tick, tick, "AA", 1.0, tick), ids=[tick])] for tick in range(12)])
    rng = np.random.default_rng(2)

    def perhaps_die(point: str) -> None:
        if rng.random() < 0.2:
            raise DiedError(point)

    while True:
        try:
            Lake(layout, schema, between=perhaps_die).compact(log)
            break
        except DiedError:
            pass
    assert Lake(layout, schema).events_of("land/ings").frame["gate"].to_list() == list(range(12))
