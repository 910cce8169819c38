"""The two executions of a feature and the oracle agree, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ostinato import features
from ostinato.features.asof import as_of
from ostinato.features.online import OnlineStore
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch

SECOND = 1_000_000_000
SCHEMA = {
    "shop": pl.String,
    "item": pl.Int64,
    "price": pl.Float64,
    "number": pl.Int64,
    "paid": pl.Boolean,
}
KEYS = {"shop": SCHEMA["shop"], "item": pl.Float64}  # floats: whole ones are the same keys
SALES = features.Events("sales", time="time")
RETURNS = features.Events("returns", time="time")
SOURCES = [SALES, RETURNS, features.labels(), features.requests()]

exactly = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


@st.composite
def aggregates(draw: st.DrawFn, number: int) -> features.Aggregate:
    source = draw(st.sampled_from(SOURCES))
    by = draw(st.sampled_from(["shop", "item", ["shop", "item"]]))
    window = draw(st.sampled_from(["7s", "60s", "61s", "5m"]))
    options: dict[str, Any] = {
        "by": by,
        "name": f"f{number}",
        "default": draw(st.sampled_from([None, None, -1.0])),
        "where": draw(st.sampled_from([None, None, pl.col("paid"), pl.col("price") > 0])),
    }
    column = draw(st.sampled_from(["price", "number", "paid", pl.col("price") * pl.col("number")]))
    kind = draw(
        st.sampled_from(
            [
                *("count", "count_of", "sum", "mean", "min", "max", "last", "rate", "distinct"),
                *("quantile", "decayed_mean"),
            ]
        )
    )
    if kind == "decayed_mean":
        half_life = draw(st.sampled_from(["2s", "30s"]))
        return features.decayed_mean(source, column, half_life=half_life, **options)
    options |= {"window": window, "hop": draw(st.sampled_from([None, "1s", "3s", "7s"]))}
    if kind == "count":
        return features.count(source, **options)
    if kind == "rate":
        return features.rate(source, per="1m", **options)
    if kind == "distinct":
        column = draw(st.sampled_from(["item", "price", "shop", "paid"]))
        most = draw(st.sampled_from([2, 3, 256]))
        return features.distinct(source, column, exact_to=most, **options)
    if kind == "quantile":
        q = draw(st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]))
        return features.quantile(source, column, q, **options)
    make = features.count if kind == "count_of" else getattr(features, kind)
    return make(source, column, **options)


@st.composite
def plans(draw: st.DrawFn) -> FeaturePlan:
    count = draw(st.integers(1, 8))
    return make_plan([draw(aggregates(number)) for number in range(count)])


prices = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1e-30, 0.1, 1e12])
times = st.integers(-20, 400).map(lambda tenth: tenth * SECOND // 2) | st.integers(
    -5 * SECOND, 200 * SECOND
)
event_rows = st.fixed_dictionaries(
    {
        "time": times,
        "delay": st.sampled_from([0, 0, 0, 1, SECOND, 30 * SECOND, -SECOND]),
        "shop": st.sampled_from(["a", "b", "1", None]),
        "item": st.sampled_from([1, 2, None]),
        "price": prices,
        "number": st.none() | st.integers(-5, 5),
        "paid": st.none() | st.booleans(),
    }
).map(lambda row: {**row, "known": row["time"] + row["delay"]})


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Requests in order of time, and events of each source in any order."""
    moments = sorted(draw(st.lists(times, min_size=1, max_size=12)))
    shops = st.sampled_from(["a", "b", "1", "c", None])
    items = st.sampled_from([1.0, 2.0, 3.0, None])
    requests = [{"shop": draw(shops), "item": draw(items)} for _ in moments]
    streams = {
        source.name: draw(st.lists(event_rows, max_size=25))
        for source in SOURCES
        if source.name != "requests" or draw(st.booleans())
    }
    return {"times": moments, "requests": requests, "streams": streams}


def tables(world: dict[str, Any], make_batch: Callable[..., EventBatch]) -> tuple[Any, ...]:
    requests = pl.DataFrame(world["requests"], schema=KEYS)
    # A loop's own sources have the request's columns, labels one more.
    events = {name: make_batch(name, rows, SCHEMA) for name, rows in world["streams"].items()}
    return requests, np.array(world["times"], dtype=np.int64), events


def told(frame: pl.DataFrame) -> list[tuple[float | None, ...]]:
    return frame.rows()


def served(
    plan: FeaturePlan,
    requests: pl.DataFrame,
    moments: np.ndarray,
    events: dict[str, EventBatch],
    *,
    cut: int | None = None,
) -> list[tuple[float | None, ...]]:
    """Serve requests one by one, events coming as they become known; restart before row `cut`."""
    store = OnlineStore(plan)
    used = [batch for name, batch in events.items() if name in plan.sources]
    rows = request_rows(plan, requests)
    answers = []
    fed = -(2**62)
    for place, (row, now) in enumerate(zip(rows, moments.tolist(), strict=True)):
        if place == cut:
            store = OnlineStore.restore(plan, store.snapshot())
        for batch in used:
            come = np.flatnonzero((batch.known_ns > fed) & (batch.known_ns <= now))
            come = come[np.argsort(batch.known_ns[come], kind="stable")]
            if len(come):
                store.ingest(part(batch, come))
        fed = now
        answers += store.lookup([row], [now])
    return answers


def request_rows(plan: FeaturePlan, requests: pl.DataFrame) -> list[tuple[Any, ...]]:
    known = set(requests.columns)
    return requests.select(
        pl.col(name) if name in known else pl.lit(None).alias(name) for name in plan.inputs
    ).rows()


def part(batch: EventBatch, rows: np.ndarray) -> EventBatch:
    return EventBatch(
        source=batch.source,
        times_ns=batch.times_ns[rows],
        known_ns=batch.known_ns[rows],
        frame=batch.frame[rows],
    )


def only_used(plan: FeaturePlan, events: dict[str, EventBatch]) -> dict[str, EventBatch]:
    return {name: batch for name, batch in events.items() if name in plan.sources}


@exactly
@given(plan=plans(), world=worlds())
def test_history_is_computed_as_the_oracle_says(oracle, make_batch, plan, world) -> None:
    requests, moments, events = tables(world, make_batch)

    found = as_of(plan, requests, moments, only_used(plan, events))

    assert told(found) == oracle(plan, requests, moments, events)


@exactly
@given(plan=plans(), world=worlds())
def test_requests_are_served_as_the_oracle_says(oracle, make_batch, plan, world) -> None:
    requests, moments, events = tables(world, make_batch)
    # Served one by one, ties of availability between early and late batches keep their order.
    ordered = {name: in_order(batch) for name, batch in events.items()}

    found = served(plan, requests, moments, ordered)

    assert found == oracle(plan, requests, moments, ordered)


@exactly
@given(plan=plans(), world=worlds(), data=st.data())
def test_a_restart_changes_nothing(make_batch, plan, world, data) -> None:
    requests, moments, events = tables(world, make_batch)
    cut = data.draw(st.integers(0, len(moments) - 1))

    assert served(plan, requests, moments, events, cut=cut) == served(
        plan, requests, moments, events
    )


@exactly
@given(plan=plans(), world=worlds(), data=st.data())
def test_no_feature_sees_the_future(make_batch, plan, world, data) -> None:
    requests, moments, events = tables(world, make_batch)
    now = data.draw(st.sampled_from(moments.tolist()))
    other_world = data.draw(worlds())
    _, _, other = tables(other_world, make_batch)
    before = moments <= now
    assume(before.any())

    changed = {
        name: with_other_future(batch, other.get(name), now) for name, batch in events.items()
    }

    found = as_of(plan, requests, moments, only_used(plan, events))
    again = as_of(plan, requests, moments, only_used(plan, changed))
    assert told(found.filter(pl.Series(before))) == told(again.filter(pl.Series(before)))


@exactly
@given(plan=plans(), world=worlds())
def test_all_at_once_is_served_as_one_by_one(make_batch, plan, world) -> None:
    requests, moments, events = tables(world, make_batch)
    ordered = {name: in_order(batch) for name, batch in events.items()}
    store = OnlineStore(plan)
    for batch in only_used(plan, ordered).values():
        store.ingest(batch)  # what is not known yet waits

    found = store.lookup(request_rows(plan, requests), moments.tolist())

    assert found == served(plan, requests, moments, ordered)


def in_order(batch: EventBatch) -> EventBatch:
    avail = np.maximum(batch.times_ns, batch.known_ns)
    return part(batch, np.lexsort((batch.known_ns, avail)))


def with_other_future(batch: EventBatch, other: EventBatch | None, now: int) -> EventBatch:
    """Replace all events that are not seen at a moment by others, and put them first."""
    past = part(batch, np.flatnonzero(np.maximum(batch.times_ns, batch.known_ns) <= now))
    if other is None:
        return past
    future = part(other, np.flatnonzero(np.maximum(other.times_ns, other.known_ns) > now))
    return EventBatch(
        source=batch.source,
        times_ns=np.concatenate([future.times_ns, past.times_ns]),
        known_ns=np.concatenate([future.known_ns, past.known_ns]),
        frame=pl.concat([future.frame, past.frame]),
    )


@pytest.mark.parametrize("source", [features.labels(), features.requests()])
def test_a_request_sees_nothing_of_its_own_moment(make_batch, source) -> None:
    plan = make_plan([features.count(source, by="shop", window="60s", name="n")])
    rows = [
        {"time": t, "known": t, "shop": "a", "item": 1, "price": 1.0, "number": 1, "paid": True}
        for t in (5, 5, 6)
    ]
    requests = pl.DataFrame({"shop": ["a", "a", "a"]})
    moments = np.array([5, 6, 7], dtype=np.int64)
    events = {source.name: make_batch(source.name, rows, SCHEMA)}

    assert as_of(plan, requests, moments, events)["n"].to_list() == [0.0, 2.0, 3.0]
    assert served(plan, requests, moments, events) == [(0.0,), (2.0,), (3.0,)]
