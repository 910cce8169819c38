"""What the online store keeps: as much as windows can reach, whatever went before."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.features.online import OnlineStore
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch

SECOND = 1_000_000_000


def batch(times, carriers, delays):
    times = np.asarray(times, dtype=np.int64)
    frame = pl.DataFrame({"carrier": carriers, "delay": delays})
    return EventBatch(source="landings", times_ns=times, known_ns=times, frame=frame)


@pytest.fixture
def plan(landings):
    delay = (landings, "delay")
    return make_plan(
        [
            features.mean(*delay, by="carrier", window="1m"),
            features.quantile(*delay, 0.5, by="carrier", window="1m"),
            features.distinct(*delay, by="carrier", window="2m"),
            features.decayed_mean(*delay, by="carrier", half_life="1s"),
        ]
    )


def test_memory_does_not_grow_while_keys_come_and_go(plan):
    store, rng = OnlineStore(plan), np.random.default_rng(1)
    sizes, keys = [], []
    for minute in range(200):
        begin = minute * 60 * SECOND
        times = begin + np.sort(rng.integers(0, 60 * SECOND, 1000))
        carriers = minute * 300 + rng.integers(0, 400, 1000)  # after some minutes all are others
        store.ingest(batch(times, carriers, rng.normal(size=1000)))
        store.lookup([(int(carriers[-1]),)], [begin + 60 * SECOND])
        sizes.append(store.memory_bytes)
        keys.append(store.keys)

    assert max(sizes[100:]) <= 1.1 * max(sizes[10:100])
    assert max(keys) < 5_000  # of the 60,000 that came; some 1,200 are alive
    store.prune(250 * 60 * SECOND)
    assert store.keys == 0
    assert store.memory_bytes < 20_000


def test_one_key_for_ever_keeps_its_windows_tiles_alone(plan):
    store, rng = OnlineStore(plan), np.random.default_rng(2)
    sizes = []
    for minute in range(300):
        begin = minute * 60 * SECOND
        store.ingest(batch(begin + np.arange(60) * SECOND, ["AA"] * 60, rng.normal(size=60)))
        store.advance(begin + 60 * SECOND)
        sizes.append(store.memory_bytes)

    assert max(sizes[100:]) == max(sizes[20:100])


def test_pruning_changes_no_answer(every_kind, stream):
    pruned, other = OnlineStore(every_kind), OnlineStore(every_kind)
    for what, given in stream(5, steps=150):
        if what == "events":
            pruned.ingest(given)
            other.ingest(given)
        else:
            row, time = given
            pruned.prune(time)
            pruned._state.renew(time)  # moves, however little there is to give back
            assert pruned.lookup([row], [time]) == other.lookup([row], [time])


def test_many_keys_and_tiles_find_room(landings, oracle, events_of):
    plan = make_plan(
        [
            features.sum(landings, "delay", by="carrier", window="1h", hop="1s"),
            features.distinct(landings, "delay", by="carrier", window="1h", exact_to=300),
            features.quantile(landings, "delay", 0.3, by="carrier", window="1h"),
        ]
    )
    rng, now = np.random.default_rng(3), 3_600 * SECOND
    count = 6_000
    times = rng.permutation(now // count * np.arange(count))  # nothing comes in order
    carriers = np.where(rng.random(count) < 0.5, 0, rng.integers(1, 2_000, count))
    delays = np.exp(rng.normal(scale=3.0, size=count)) * rng.choice([-1, 1], count)
    given = batch(times, carriers, delays)
    store = OnlineStore(plan, now_ns=now)

    store.ingest(given)
    said = store.lookup([(0,), (7,), (11,)], [now] * 3)

    events = events_of(given)
    assert said == [oracle(plan, events, (key,), now) for key in (0, 7, 11)]
    assert store.keys == len(set(carriers.tolist()))
    assert OnlineStore.restore(plan, store.snapshot()).lookup([(0,)], [now]) == said[:1]


@pytest.mark.parametrize("exact_to", [2, 5, 100, 1_000])
def test_different_values_are_counted_as_defined_however_many(
    landings, oracle, events_of, exact_to
):
    names = [
        features.distinct(landings, "delay", by="carrier", window=window, exact_to=exact_to)
        for window in ("1m", "10m", "1h")
    ]
    rng, now = np.random.default_rng(4), 3_600 * SECOND
    delays = np.where(rng.random(5_000) < 0.5, rng.integers(0, 30, 5_000), rng.random(5_000))
    given = batch(rng.integers(0, now, 5_000), ["AA"] * 5_000, delays)
    plan = make_plan(names)
    store = OnlineStore(plan, now_ns=now)

    store.ingest(given)

    assert store.lookup([("AA",)], [now]) == [oracle(plan, events_of(given), ("AA",), now)]


def test_a_sketch_of_many_values_is_near_their_number(landings):
    plan = make_plan([features.distinct(landings, "delay", by="carrier", window="1h")])
    store = OnlineStore(plan, now_ns=3_600 * SECOND)
    times = np.arange(50_000) * 70_000_000
    store.ingest(batch(times, ["AA"] * 50_000, np.arange(50_000) % 20_000))

    said = store.lookup([("AA",)], [3_600 * SECOND])[0][0]

    assert 20_000 * 0.75 < said < 20_000 * 1.25
