"""From the log to batches: who waits, who is merged, whose time is moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec import structs

from ostinato.core import snapshot
from ostinato.core.errors import StoreError
from ostinato.core.records import (
    FALLBACK_VERSION,
    AutonomySet,
    LabelsArrived,
    LatencyObserved,
    OperatorActed,
    RequestsAnswered,
    TrainingFailed,
)
from ostinato.core.units import SECOND_NS
from ostinato.core.watched import ResourcesObserved
from ostinato.live.engine.feed import Feed, Turn, beginning
from ostinato.live.events import (
    Acted,
    Answered,
    LabelsGiven,
    ResourcesGiven,
    Shadowed,
    Tick,
    TrainingDone,
    encode,
)
from ostinato.live.schema import Field, InputSchema, SliceSpec
from ostinato.stores.eventlog_memory import MemoryEventLog

SCHEMA = InputSchema(
    loop="small",
    task="binary",
    fields=(Field("x", "number"), Field("kind", "text"), Field("who", "integer")),
    features=2,
    unit="who",
    slices=(SliceSpec("kind", ("a", "b")),),
    classes=(0, 1),
    first_offset=100,
    start_ns=1_000,
)


def answered(ids: list[Any], times: list[int], **changes: Any) -> Answered:
    settings: dict[str, Any] = {
        "epoch": 1,
        "versions": ["v1"],
        "ids": ids,
        "times_ns": times,
        "rows": [(float(place), "a", place) for place in range(len(ids))],
        "answered": [0] * len(ids),
        "roles": [0] * len(ids),
        "scores": {"v1": [0.1 + 0.1 * place for place in range(len(ids))]},
    }
    return Answered(**{**settings, **changes})


class Line:
    """A log, and the feed that reads it."""

    def __init__(self) -> None:
        self.log, self.feed, self.ticks = MemoryEventLog(), Feed(SCHEMA, beginning(SCHEMA)), 0

    def write(self, event: Any, key: str | None = None) -> None:
        self.log.append([(key or f"e/{self.log.end()}", encode(event))])

    def tick(self, now_ns: int) -> Turn:
        self.write(Tick(number=self.ticks, now_ns=now_ns), f"tick/{self.ticks}")
        self.ticks += 1
        (turn,) = self.feed.turns(self.log)
        return turn


@pytest.fixture
def line() -> Line:
    return Line()


def of(kind: type, turn: Turn) -> list[Any]:
    return [record for record in turn.batch if isinstance(record, kind)]


def test_micro_batches_of_one_epoch_become_one_record_in_order_of_time(line: Line) -> None:
    line.write(answered([1, 2], [1_020, 1_040]))
    line.write(answered([3], [1_030]))
    (record,) = of(RequestsAnswered, line.tick(2_000))
    assert record.ids.tolist() == [1, 3, 2]
    assert record.times_ns.tolist() == [1_020, 1_030, 1_040]
    assert record.scores["v1"].tolist() == pytest.approx([0.1, 0.1, 0.2])
    assert record.offset == 100
    assert line.feed.place.row == 103


def test_epochs_stay_apart_and_time_does_not_go_back_between_them(line: Line) -> None:
    line.write(answered(["b"], [1_010], epoch=2))
    line.write(answered(["a"], [1_050], epoch=1))
    old, new = of(RequestsAnswered, line.tick(2_000))
    assert (old.epoch, new.epoch) == (1, 2)
    assert (old.times_ns.tolist(), new.times_ns.tolist()) == ([1_050], [1_050])
    assert (old.offset, new.offset) == (100, 101)


def test_times_outside_of_the_tick_are_moved_to_its_ends(line: Line) -> None:
    line.write(answered([1, 2], [5, 99_999]))
    (record,) = of(RequestsAnswered, line.tick(2_000))
    assert record.times_ns.tolist() == [1_000, 2_000]


def test_answers_wait_for_their_shadows(line: Line) -> None:
    line.write(answered([1], [1_010], versions=["v1", "v2"], awaits=["v2"]), "a/0/0")
    assert not of(RequestsAnswered, line.tick(2_000))
    assert line.feed.shadows_waiting
    line.write(Shadowed(of="a/0/0", scores={"v2": [0.7]}))
    (record,) = of(RequestsAnswered, line.tick(3_000))
    assert record.scores["v2"].tolist() == [0.7]
    assert record.times_ns.tolist() == [2_000], "time went on while it waited"


def test_shadows_are_waited_for_a_minute_and_no_longer(line: Line) -> None:
    line.write(answered([1], [1_010], versions=["v1", "v2"], awaits=["v2"]), "a/0/0")
    assert not of(RequestsAnswered, line.tick(2_000))
    assert not of(RequestsAnswered, line.tick(2_000 + 59 * SECOND_NS))
    (record,) = of(RequestsAnswered, line.tick(2_000 + 60 * SECOND_NS))
    assert record.versions == ("v1",), "what did not come is no fault of the version"
    assert not record.faults
    line.write(Shadowed(of="a/0/0", scores={"v2": [0.7]}))
    assert not line.tick(2_000 + 61 * SECOND_NS).batch


def test_a_version_that_owes_scores_keeps_the_rows_it_answered(line: Line) -> None:
    scores = {"v1": [0.1, float("nan")], "v2": [float("nan"), 0.9]}
    both = answered([1, 2], [1_010, 1_020], versions=["v1", "v2"], answered=[0, 1], scores=scores)
    line.write(structs.replace(both, roles=[0, 1], awaits=["v1", "v2"]), "a/0/0")
    line.write(Shadowed(of="a/0/0", scores={"v1": [0.1, 0.2]}))
    line.tick(2_000)
    found = of(RequestsAnswered, line.tick(2_000 + 60 * SECOND_NS))
    assert {each.versions: each.ids.tolist() for each in found} == {("v1",): [1], ("v1", "v2"): [2]}
    (owing,) = [each for each in found if len(each.versions) == 2]
    assert (owing.scores["v1"].tolist(), owing.scores["v2"].tolist()) == ([0.2], [0.9])


def test_a_shadow_that_failed_is_not_waited_for(line: Line) -> None:
    line.write(answered([1], [1_010], versions=["v1", "v2"], awaits=["v2"]), "a/0/0")
    line.write(Shadowed(of="a/0/0", scores={}, faults={"v2": "It raised."}))
    (record,) = of(RequestsAnswered, line.tick(2_000))
    assert record.faults == {"v2": "It raised."}


def test_a_feed_that_goes_on_from_its_place_gives_the_same(line: Line) -> None:
    line.write(answered([1], [1_010], versions=["v1", "v2"], awaits=["v2", "v3"]), "a/0/0")
    line.write(Shadowed(of="a/0/0", scores={"v2": [0.7]}))
    place = line.tick(2_000).place
    assert place.needed_from == 0
    line.write(Shadowed(of="a/0/0", scores={"v3": [0.8]}))
    again = Feed(SCHEMA, snapshot.decode(snapshot.encode(place)))
    again.resume(line.log)
    turn = line.tick(3_000)
    (other,) = again.turns(line.log)
    assert snapshot.encode(other.batch) == snapshot.encode(turn.batch)
    assert other.place == turn.place


def test_where_only_some_rows_needed_the_fallback_they_stay_in_one_record(line: Line) -> None:
    line.write(answered([1], [1_010]))
    line.write(
        answered(
            [2],
            [1_020],
            versions=["v1", FALLBACK_VERSION],
            answered=[1],
            scores={FALLBACK_VERSION: [0.5]},
            faults={"v1": "It raised."},
        )
    )
    (record,) = of(RequestsAnswered, line.tick(2_000))
    assert record.versions == ("v1", FALLBACK_VERSION)
    assert record.answered.tolist() == [0, 1]
    np.testing.assert_array_equal(record.scores["v1"], [0.1, np.nan])


def test_latencies_are_told_per_version_and_replica(line: Line) -> None:
    for since_ns in (7, 8):
        line.write(
            answered(
                [since_ns * 10, since_ns * 10 + 1],
                [1_010, 1_020],
                took_ms={"v1": 4.0},
                replica_since_ns={"v1": since_ns},
            )
        )
    one, other = of(LatencyObserved, line.tick(2_000))
    assert (one.replica_since_ns, other.replica_since_ns) == (7, 8)
    assert one.latencies_ms.tolist() == [2.0], "one figure a call, milliseconds a row"
    assert one.times_ns.tolist() == [1_020]


def test_answers_do_not_wait_for_shadows_that_were_given_up(line: Line) -> None:
    line.write(answered([1], [1_010], versions=["v1", "v2"], awaits=["v2"]), "a/1")
    assert not of(RequestsAnswered, line.tick(1_500))
    line.write(Shadowed(of="a/1", scores={}))
    (record,) = of(RequestsAnswered, line.tick(2_000))
    assert record.versions == ("v1",)


def test_labels_of_a_tick_are_one_record_and_not_before_their_predictions(line: Line) -> None:
    line.write(LabelsGiven(ids=["b", "z"], times_ns=[1_005, 1_500], values=[1, None]))
    line.write(answered(["b"], [1_010]))
    line.write(LabelsGiven(ids=["a"], times_ns=[1_400], values=["what?"]))
    (labels,) = of(LabelsArrived, line.tick(2_000))
    assert labels.ids.tolist() == ["b", "a", "z"]
    assert labels.times_ns.tolist() == [1_010, 1_400, 1_500]
    np.testing.assert_array_equal(labels.values, [1.0, 2.0, np.nan])


def test_results_come_first_and_acts_last(line: Line) -> None:
    failed = TrainingFailed(
        ts_event_ns=1, ts_record_ns=1, subject="s", request="t-1", reason="It raised."
    )
    acts = {"retrain": "", "autonomy": "observe"}
    for act, subject in acts.items():
        line.write(
            Acted(act=act, act_id=act, who="ann", reason="why", subject=subject, time_ns=1_100)
        )
    line.write(answered([1], [1_010]))
    line.write(TrainingDone(request="t-1", ready_ns=1_900, records=snapshot.encode([failed])))
    assert line.feed.moved_to_ns is None
    turn = line.tick(2_000)
    kinds = [type(record) for record in turn.batch]
    assert kinds == [TrainingFailed, RequestsAnswered, OperatorActed, AutonomySet]
    assert turn.batch[0].ts_event_ns == 1_900
    assert turn.batch[3].level == "observe"
    assert [record.act_id for record in turn.batch[2:]] == ["retrain", "autonomy"]


def test_rows_are_grouped_and_hashed_as_a_replay_groups_them(line: Line) -> None:
    rows = [(1.0, "a", 5), (2.0, None, None), (3.0, "new", 5.0), (4.0, "b", 1.5e300)]
    line.write(answered([1, 2, 3, 4], [1_010] * 4, rows=rows))
    (record,) = of(RequestsAnswered, line.tick(2_000))
    assert record.groups.tolist() == [[0], [2], [2], [1]]
    assert record.unit_hashes[0] == record.unit_hashes[2]
    assert len(set(record.unit_hashes.tolist())) == 3


def test_bytes_that_are_no_event_are_named(line: Line) -> None:
    line.log.append([("odd", b"\xc1")])
    with pytest.raises(StoreError, match="key 'odd'"):
        list(line.feed.turns(line.log))


def test_what_processes_took_is_told_with_the_next_tick_within_its_time(line: Line) -> None:
    values = {"cpu": 0.5}
    for to_ns in (500, 1_500):
        line.write(
            ResourcesGiven(
                source="engine", from_ns=0, to_ns=to_ns, requests=3, errors=1, values=values
            )
        )
    told = line.tick(2_000).batch
    assert all(isinstance(each, ResourcesObserved) for each in told)
    assert [each.ts_event_ns for each in told] == [1_000, 1_500]
    (_, last) = told
    assert isinstance(last, ResourcesObserved)
    assert (last.source, last.to_ns, last.requests, last.errors) == ("engine", 1_500, 3, 1)
    assert last.values == values
    assert not line.tick(3_000).batch
