"""An oracle for windowed features: slow, plain Python, written from the definition alone."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.features.declared import Aggregate
from ostinato.features.keys import hash_value
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND

Event = dict[str, Any]


def cut(value: float) -> int:
    size = int(Fraction(abs(value)) * 2**64)
    return -size if value < 0 else size


def rounded(total: int) -> float:
    return total / 2**64  # of whole numbers: rounded once, half to even


def bits(value: float) -> int:
    return struct.unpack("<q", struct.pack("<d", value))[0]


def unbits(word: int) -> float:
    return struct.unpack("<d", struct.pack("<q", word))[0]


def bucket_of(value: float) -> int:
    if value == 0:
        return 0
    size = bits(abs(value)) >> 46
    return size if value > 0 else -size


def middle_of(bucket: int) -> float:
    if bucket == 0:
        return 0.0
    size = abs(bucket)
    middle = (unbits(size << 46) + unbits((size + 1) << 46)) / 2
    return middle if bucket > 0 else -middle


def gone(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def visible(feature: Aggregate, events: Sequence[Event], row: dict[str, Any], time: int):
    """Return the events that a request sees, in the order in which they are folded."""
    key = [hash_value(row[mine]) for mine, _ in feature.by]
    first = (time - feature.window_ns) // feature.hop_ns
    found = [
        event
        for event in events
        if event["_avail"] <= time
        and [hash_value(event[theirs]) for _, theirs in feature.by] == key
        and event["_time"] // feature.hop_ns >= first
        and (feature.where is None or (event["delay"] is not None and event["delay"] > 0))
    ]
    return sorted(found, key=lambda event: event["_avail"])


def decayed_mean(values: Sequence[float], seen: Sequence[Event], time: int, half_life: int):
    weighted: dict[int, int] = {}
    weights: dict[int, int] = {}
    for value, event in zip(values, seen, strict=True):
        epoch = event["_time"] // half_life
        weight = 2.0 ** (float(event["_time"] - epoch * half_life) / float(half_life))
        weighted[epoch] = weighted.get(epoch, 0) + cut(value * weight)
        weights[epoch] = weights.get(epoch, 0) + cut(weight)
    above = below = 0.0
    for j in range(63, -1, -1):
        above += math.ldexp(rounded(weighted.get(time // half_life - j, 0)), -j)
        below += math.ldexp(rounded(weights.get(time // half_life - j, 0)), -j)
    return above / below if below else None


def different(values: Sequence[Any], exact_to: int) -> float:
    hashes = sorted({hash_value(value) for value in values})
    if len(hashes) <= exact_to:
        return float(len(hashes))
    return float(exact_to - 1) * 2.0**64 / float(max(hashes[exact_to - 1], 1))


def quantile(values: Sequence[float], q: float) -> float | None:
    if not values:
        return None
    rank = min(max(math.ceil(q * len(values) - 1e-9), 1), len(values))
    return middle_of(sorted(map(bucket_of, values))[rank - 1])


def last(values: Sequence[float], seen: Sequence[Event]) -> float | None:
    newest, found = None, None
    for value, event in zip(values, seen, strict=True):
        if newest is None or event["_time"] >= newest:
            newest, found = event["_time"], value
    return found


def aggregate(feature: Aggregate, seen: Sequence[Event], time: int) -> float | None:
    column = feature.column
    if feature.kind == "rate":
        return float(len(seen)) * float(feature.per_ns) / float(feature.window_ns)
    if column is None:
        return float(len(seen))
    with_value = [event for event in seen if not gone(event[column])]
    values = [event[column] for event in with_value]
    if feature.kind == "distinct":
        return different(values, feature.exact_to)
    values = [float(value) + 0.0 for value in values]
    total = rounded(sum(map(cut, values)))
    return {
        "count": lambda: float(len(values)),
        "sum": lambda: total,
        "mean": lambda: total / len(values) if values else None,
        "min": lambda: min(values, default=None),
        "max": lambda: max(values, default=None),
        "last": lambda: last(values, with_value),
        "quantile": lambda: quantile(values, feature.quantile),
        "decayed_mean": lambda: decayed_mean(values, with_value, time, feature.hop_ns),
    }[feature.kind]()


def expected(plan: FeaturePlan, events: Sequence[Event], row: Sequence[Any], time: int):
    """Compute all windowed features of one request, from all events that there will ever be.

    The only filter that it knows is `delay > 0`.
    """
    named = dict(zip(plan.inputs, row, strict=True))
    found: list[float | None] = []
    for feature in plan.windowed:
        value = None
        if not any(gone(named[mine]) for mine, _ in feature.by):
            mine = [event for event in events if event["_source"] == feature.source.name]
            value = aggregate(feature, visible(feature, mine, named, time), time)
        found.append(feature.default if value is None else value)
    return tuple(found)


def as_events(batch: EventBatch, *, own: bool = False) -> list[Event]:
    return [
        {
            **row,
            "_source": batch.source,
            "_time": time,
            "_avail": max(time, known) + int(own),
        }
        for row, time, known in zip(
            batch.frame.to_dicts(), batch.times_ns.tolist(), batch.known_ns.tolist(), strict=True
        )
    ]


@pytest.fixture
def oracle():
    return expected


@pytest.fixture
def events_of():
    return as_events


@pytest.fixture
def landings() -> features.Events:
    return features.Events("landings", time="landed")


@pytest.fixture
def every_kind(landings) -> FeaturePlan:
    """All aggregates: two keys, filters, several windows on one hop and on different ones."""
    plane = {"tail": "plane"}
    late = {"where": pl.col("delay") > 0}
    delay = (landings, "delay")
    return make_plan(
        [
            "carrier",
            features.count(landings, by="carrier", window="10s"),
            features.count(landings, by="carrier", window="40s"),
            features.count(*delay, by="carrier", window="2m"),
            features.sum(*delay, by="carrier", window="10s"),
            features.sum(*delay, by="carrier", window="2m"),
            features.mean(*delay, by="carrier", window="10s"),
            features.mean(*delay, by="carrier", window="3m", hop="7s"),
            features.min(*delay, by="carrier", window="10s"),
            features.max(*delay, by="carrier", window="45s"),
            features.last(*delay, by="carrier", window="10s"),
            features.last(*delay, by="carrier", window="2m", default=-1.0),
            features.rate(landings, by="carrier", window="1m", per="7s"),
            features.distinct(landings, "plane", by="carrier", window="10s", exact_to=3),
            features.distinct(landings, "plane", by="carrier", window="2m", exact_to=3),
            features.distinct(landings, "plane", by="carrier", window="90s", exact_to=50),
            features.quantile(*delay, 0.5, by="carrier", window="10s"),
            features.quantile(*delay, 0.9, by="carrier", window="2m"),
            features.quantile(*delay, 0.0, by=plane, window="2m"),
            features.decayed_mean(*delay, by="carrier", half_life="1s"),
            features.decayed_mean(*delay, by=plane, half_life="9s"),
            features.count(*delay, by=plane, window="5m", default=3.0),
            features.max(*delay, by={"carrier": "carrier", "tail": "plane"}, window="30s"),
            features.mean(*delay, by="carrier", window="50s", name="late_mean", **late),
            features.distinct(landings, "delay", by="carrier", window="50s", name="nd", **late),
            features.mean(features.labels(), "label", by="carrier", window="20s"),
            features.last(features.labels(), "label", by="carrier", window="1m", hop="1m"),
        ]
    )


CARRIERS = ("AA", "UA", 7, None)
PLANES = ("N1", "N2", "N3", "N4", "N5", "N6", "N7", None)
DELAYS = (0.0, -0.0, 1.0, 0.1, -3.7, 1e-22, 1e12, 2.5, float("nan"), None)


@pytest.fixture
def stream() -> Callable[..., list[tuple[str, Any]]]:
    """Make a random stream of ("events", batch) and ("request", (row, time)), in order.

    Events come late, out of order, before their time, and at the same instants.
    """

    def make(seed: int, steps: int = 60, start: int = 0) -> list[tuple[str, Any]]:
        rng = np.random.default_rng(seed)
        now, found = start, []
        for _ in range(steps):
            now += int(rng.choice([0, SECOND // 3, SECOND, 6 * SECOND, 100 * SECOND], p=P))
            if rng.random() < 0.6:
                found.append(("events", a_batch(rng, now)))
            else:
                row = (CARRIERS[rng.integers(4)], PLANES[rng.integers(8)])
                found.append(("request", (row, now)))
        return found

    return make


P = [0.3, 0.3, 0.2, 0.17, 0.03]


def a_batch(rng: np.random.Generator, now: int) -> EventBatch:
    count = int(rng.integers(0, 9))
    # Coarse times: many are the same. None is known before it is given, as in a live service.
    times = now + rng.integers(-60, 6, count) * SECOND
    known = now + rng.choice([0, 0, 0, 1, 5 * SECOND], count)
    if rng.random() < 0.25:
        carriers = [("AA", "UA", "B6", None)[i] for i in rng.integers(4, size=count)]
        frame = pl.DataFrame(
            {"carrier": carriers, "label": rng.integers(0, 2, count).astype(float)},
            schema={"carrier": pl.String, "label": pl.Float64},
        )
        return EventBatch(source="labels", times_ns=times, known_ns=known, frame=frame)
    frame = pl.DataFrame(
        {
            "carrier": [("AA", "UA", "B6", None)[i] for i in rng.integers(4, size=count)],
            "plane": [PLANES[i] for i in rng.integers(8, size=count)],
            "delay": [DELAYS[i] for i in rng.integers(10, size=count)],
        },
        schema={"carrier": pl.String, "plane": pl.String, "delay": pl.Float64},
    )
    return EventBatch(source="landings", times_ns=times, known_ns=known, frame=frame)
