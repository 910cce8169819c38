"""The state of features follows the log: exactly once each, own answers at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from ostinato import features
from ostinato.core.clock import VirtualClock
from ostinato.core.errors import DataError, StoreError
from ostinato.features.plan import make_plan
from ostinato.features.prepare import available, prepare
from ostinato.live import tracked as tracked_module
from ostinato.live.events import Answered, EventsGiven, Tick, encode
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.gateway.features import Features
from ostinato.live.gateway.following import NOT_YET, Follower
from ostinato.live.gateway.http import HttpError
from ostinato.live.schema import Field, InputSchema, SourceSpec
from ostinato.live.tracked import Tracked
from ostinato.stores.eventlog_memory import MemoryEventLog

LANDINGS = features.Events("landings", time="landed")
PLAN = make_plan(
    [
        features.sum(LANDINGS, "delay", by={"origin": "airport"}, window="1h", name="delays"),
        "distance",
        features.count(features.requests(), by="carrier", window="1h", name="asked"),
    ]
)
SCHEMA = InputSchema(
    loop="flights",
    task="binary",
    fields=(
        Field("delays", "number", computed=True),
        Field("distance", "number"),
        Field("asked", "number", computed=True),
        Field("origin", "text"),
        Field("carrier", "text"),
        Field("who", "text"),
    ),
    features=3,
    unit="who",
    slices=(),
    classes=(0, 1),
    first_offset=0,
    start_ns=0,
    sources=(
        SourceSpec(
            name="landings",
            time="landed",
            columns=(Field("airport", "text"), Field("delay", "number")),
        ),
    ),
)


class PlainStore:
    """Keeps every event, and goes through all of them at each look; knows no windows."""

    memory_bytes = 7

    def __init__(self, plan):
        self.plan, self.now_ns, self.pruned = plan, 0, []
        self.events = {tally.source.name: [] for tally in plan.tallies}

    def ingest(self, batch):
        (tally,) = [t for t in self.plan.tallies if t.source.name == batch.source]
        prepare(tally, batch)  # raises what the real one does
        avail = available(tally.source, batch.times_ns, batch.known_ns).tolist()
        self.events[batch.source].extend(zip(avail, batch.frame.rows(named=True), strict=True))

    def lookup(self, rows, times_ns):
        found = []
        for row, now_ns in zip(rows, times_ns, strict=True):
            assert now_ns >= self.now_ns, "the clock went back"
            self.now_ns = now_ns
            asked = dict(zip(self.plan.inputs, row, strict=True))
            found.append(tuple(self._one(tally, asked, now_ns) for tally in self.plan.tallies))
        return found

    def _one(self, tally, asked, now_ns):
        (pair,) = tally.by
        seen = [
            event
            for avail, event in self.events[tally.source.name]
            if avail <= now_ns and event[pair[1]] == asked[pair[0]]
        ]
        return sum((e["delay"] for e in seen), 0.0) if tally.values else float(len(seen))

    def prune(self, now_ns):
        self.pruned.append(now_ns)


class Log(MemoryEventLog):
    def find(self, key):
        return next(((o, p) for o, k, p in self.read(0, 10**6) if k == key), None)


class World:
    """A log, and a follower of it that loads what `engine` last wrote."""

    def __init__(self):
        self.log, self.clock, self.said = Log(), VirtualClock(0), []
        self.trouble, self.loads, self.state_offset = None, 0, 0
        self.follower = Follower(self.log, self.load, self.clock, self.said.append)
        self.number = 0

    def load(self):
        self.loads += 1
        if self.trouble is not None:
            raise self.trouble
        return self.state()

    def state(self, plan=PLAN):
        """The state as an engine would have folded the log up to where its file goes."""
        feed = FeatureFeed(SCHEMA, plan, horizon_ns=10**9)
        return Tracked(feed, PlainStore(plan), 0, self.said.append)

    def landed(self, delay, *, airport="JFK", at_ns=1, known_ns=1):
        self.number += 1
        event = EventsGiven(
            "landings", [None], [at_ns], [known_ns], {"airport": [airport], "delay": [delay]}
        )
        self.log.append([(f"e/x/{self.number}", encode(event))])

    def entry(self, key, time_ns, carrier="AA"):
        event = Answered(
            0, ["v1"], [key], [time_ns], [(0.0, 1.0, 0.0, "JFK", carrier, "ann")], [0], [0], {}
        )
        return SimpleNamespace(key=key, event=event)

    def commit(self, *entries):
        self.log.append([(entry.key, encode(entry.event)) for entry in entries])

    def turn(self):
        asyncio.run(self.follower.turn())

    def features(self, **more):
        return Features(PLAN, SCHEMA, by_row=None, follower=self.follower, first=False, **more)

    def served(self, time_ns, *, carrier="AA", origin="JFK"):
        """The computed features of a request."""
        (row,) = self.features().serve([(1.0, origin, carrier, "ann")], [time_ns])
        assert row[1] == 1.0
        assert row[3:] == (origin, carrier, "ann")
        return row[0], row[2]


@pytest.fixture
def world():
    return World()


def test_what_was_posted_is_in_the_features_of_the_next_request(world):
    world.turn()
    assert world.served(5) == (0.0, 0.0)

    world.landed(3.0)
    world.landed(4.0, airport="LGA")
    world.follower.catch_up()

    assert world.served(6) == (3.0, 0.0)
    assert world.served(7, origin="LGA") == (4.0, 0.0)


def test_an_event_counts_from_when_it_is_known(world):
    world.landed(3.0, at_ns=1, known_ns=10)
    world.turn()

    assert [world.served(time_ns)[0] for time_ns in (9, 10)] == [0.0, 3.0]


def test_own_requests_count_at_once_for_those_after_them(world):
    world.turn()
    first = world.entry("a/1", 5)

    world.follower.logging([first])

    assert [world.served(time_ns)[1] for time_ns in (5, 6)] == [0.0, 1.0]
    world.commit(first)
    world.turn()
    assert world.served(7)[1] == 1.0, "and not again when they come by in the log"


def test_requests_of_other_gateways_count_when_they_come_by(world):
    world.turn()
    world.commit(world.entry("a/other", 5))

    world.turn()

    assert world.served(6)[1] == 1.0


def test_a_retry_of_a_known_prediction_does_not_count(world):
    world.turn()
    first = world.entry("p/i1", 5)
    world.follower.logging([first])
    world.follower.logging([world.entry("p/i1", 6)])  # while the first is on its way
    world.commit(first)
    world.follower.logging([world.entry("p/i1", 7)])  # when it is in the log
    world.turn()
    world.follower.logging([world.entry("p/i1", 8)])  # when it has come by

    assert world.served(9)[1] == 1.0
    assert world.loads == 1


def test_an_answer_that_was_not_stored_counts_no_more(world):
    world.turn()
    lost, kept = world.entry("a/1", 5), world.entry("a/2", 5)
    world.follower.logging([lost, kept])
    world.follower.not_logged([lost])

    world.turn()

    assert world.loads == 2
    assert world.served(6)[1] == 1.0, "the one under way still counts"
    world.commit(kept)
    world.turn()
    assert world.served(7)[1] == 1.0


def test_an_answer_that_came_to_be_stored_elsewhere_counts_once(world):
    world.turn()
    ours, theirs = world.entry("p/i1", 5), world.entry("p/i1", 4)
    world.follower.logging([ours])
    world.commit(theirs)  # in the same moment
    world.follower.not_logged([ours])

    world.turn()

    assert world.served(6)[1] == 1.0


def test_own_answers_that_a_fresh_state_met_in_the_log_are_not_passed_over_later(world):
    world.turn()
    first, lost = world.entry("a/1", 5), world.entry("a/2", 5)
    world.follower.logging([first, lost])
    world.commit(first)
    world.follower.not_logged([lost])
    world.turn()
    assert world.served(6)[1] == 1.0

    world.commit(world.entry("a/3", 6))
    world.turn()

    assert world.served(7)[1] == 2.0


def test_without_a_state_nothing_is_served_and_the_reason_is_told(world):
    told = world.features()
    assert (told.ready, told.described()["trouble"]) == (False, NOT_YET)
    with pytest.raises(HttpError) as error:
        world.served(5)
    assert (error.value.status, error.value.what) == (503, "The features are not ready yet")

    world.trouble = StoreError("The state of features cannot be read", found="a test")
    with pytest.raises(StoreError):
        world.turn()
    world.trouble = None
    world.turn()

    assert told.ready
    assert told.described() == {"ready": True, "trouble": None, "offset": 0, "taken": {}}


def test_a_state_that_goes_further_is_loaded_where_the_log_was_trimmed_ahead(world):
    world.turn()
    for _ in range(3):
        world.landed(1.0)
    world.log.trim(2)

    with pytest.raises(StoreError, match="trimmed"):
        world.follower.catch_up()

    assert not world.features().ready


def test_one_bad_event_is_left_out_alone_and_counted(world):
    world.landed(1.0)
    world.landed(1e300)
    world.log.append([("e/x/torn", b"\x93torn")])
    world.landed(2.0)
    world.log.append([("tick/1", encode(Tick(1, 2))), ("s/a/1", b"skipped unread")])
    world.turn()

    assert world.served(5)[0] == 3.0
    assert world.follower.tracked.skipped == 2
    assert len(world.said) == 1


def test_pages_are_taken_until_the_end_of_the_log(world, monkeypatch):
    monkeypatch.setattr(tracked_module, "PAGE", 10)
    for number in range(95):
        world.landed(float(number))
    world.turn()

    assert world.served(5)[0] == sum(range(95))
    assert (world.follower.tracked.offset, world.follower.lag()) == (95, 0)
    world.landed(5.0)
    assert world.follower.lag() == 1


def test_rows_of_a_batch_are_computed_in_order_of_their_times(world):
    world.landed(3.0, known_ns=10)
    world.turn()
    rows = [(1.0, "JFK", "AA", "ann")] * 4

    served = world.features().serve(rows, [12, 5, 10, 9])

    assert [row[0] for row in served] == [3.0, 0.0, 3.0, 0.0]


def test_a_row_before_one_that_was_served_is_computed_as_of_that_one(world):
    world.landed(3.0, known_ns=10)
    world.turn()
    world.served(10)

    assert world.served(5)[0] == 3.0


def test_where_others_write_the_log_is_followed_before_every_batch(world):
    world.turn()
    made = Features(PLAN, SCHEMA, by_row=None, follower=world.follower, first=True)
    world.landed(3.0)

    ((delays, *_),) = made.serve([(1.0, "JFK", "AA", "ann")], [5])

    assert delays == 3.0


def test_an_input_that_could_not_be_summed_up_is_refused():
    plan = make_plan([features.sum(features.requests(), "x", by="k", window="1h", name="s"), "x"])
    fields = (Field("s", "number", computed=True), Field("x", "number"), Field("k", "text"))
    schema = InputSchema(
        loop="l", task="regression", fields=fields, features=2, unit=None, slices=(), classes=(),
        first_offset=0, start_ns=0,
    )  # fmt: skip
    follower = SimpleNamespace(tracked=SimpleNamespace(store=PlainStore(plan)))
    made = Features(plan, schema, by_row=None, follower=follower, first=False)

    with pytest.raises(HttpError) as error:
        made.serve([(1e15, "a")], [1])

    assert (error.value.status, error.value.what) == (422, "Field 'x' is too large")


class Doubled:
    """A feature of the row itself; does not like one value."""

    def rows(self, rows, times_ns):
        error = DataError("The feature 'twice' raised", found="ValueError: 13")
        return [error if row[0] == 13.0 else (row[0] * 2,) for row in rows]


def test_features_of_the_row_need_no_state():
    plan = make_plan(["x", features.Function("twice", lambda x: x * 2, inputs=["x"])])
    fields = (Field("x", "number"), Field("twice", "number", computed=True), Field("who", "text"))
    schema = InputSchema(
        loop="l", task="regression", fields=fields, features=2, unit="who", slices=(), classes=(),
        first_offset=0, start_ns=0,
    )  # fmt: skip
    made = Features(plan, schema, by_row=Doubled(), follower=None, first=False)

    assert made.ready
    assert made.serve([(2.0, "ann"), (3.0, "bob")], [1, 1]) == [
        (2.0, 4.0, "ann"),
        (3.0, 6.0, "bob"),
    ]
    with pytest.raises(HttpError) as error:
        made.serve([(13.0, "ann")], [1])
    assert (error.value.status, error.value.found) == (422, "ValueError: 13")


def test_a_running_follower_takes_what_comes_and_prunes_now_and_then(world, monkeypatch):
    monkeypatch.setattr("ostinato.live.gateway.following.IDLE_S", 0.001)
    monkeypatch.setattr("ostinato.live.gateway.following.PRUNE_S", 0)

    async def scenario():
        world.follower.start()
        made = world.features()
        await made.loaded()
        world.landed(3.0)
        while world.served(5)[0] != 3.0 or not world.follower.tracked.store.pruned:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await made.close()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_ages_are_of_the_newest_event_of_each_source(world):
    world.landed(1.0, at_ns=5)
    world.landed(1.0, at_ns=3)
    world.turn()

    assert world.follower.tracked.ages_ns(20) == {"landings": 15}
