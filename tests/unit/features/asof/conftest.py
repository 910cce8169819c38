"""Windowed features computed the slow way: every event is looked at for every request."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.features.keys import hash_value, key_hash
from ostinato.features.prepare import EventBatch

GRID = 2**64


def cut(value: float) -> int:
    """Return a number in units of 2^-64, cut towards zero."""
    return int(Fraction(value) * GRID)  # int() of a fraction cuts towards zero


def to_float(total: int) -> float:
    return total / GRID  # Python divides integers exactly and rounds once


def bucket(value: float) -> int:
    bits = struct.unpack("<q", struct.pack("<d", abs(value)))[0] >> 46
    return bits if value > 0 else -bits


def middle(place: int) -> float:
    if place == 0:
        return 0.0
    lower, upper = (
        struct.unpack("<d", struct.pack("<q", (abs(place) + more) << 46))[0] for more in (0, 1)
    )
    return math.copysign((lower + upper) / 2, place)


def decayed(seen, now: int, half_life: int) -> float | None:
    sums = {}
    for time, _, value in seen:
        epoch = time // half_life
        weight = 2.0 ** (float(time - epoch * half_life) / float(half_life))
        above, below = sums.get(epoch, (0, 0))
        sums[epoch] = above + cut(value * weight), below + cut(weight)
    above = below = 0.0
    for back in range(63, -1, -1):
        one, other = sums.get(now // half_life - back, (0, 0))
        above += math.ldexp(to_float(one), -back)
        below += math.ldexp(to_float(other), -back)
    return above / below if below else None


def distinct(hashes, exact_to: int) -> float:
    found = sorted(set(hashes))
    if len(found) <= exact_to:
        return float(len(found))
    return float(exact_to - 1) * 2.0**64 / float(max(found[exact_to - 1], 1))


def quantile(values, q: float) -> float:
    rank = min(max(math.ceil(q * len(values) - 1e-9), 1), len(values))
    return middle(sorted(bucket(value) for value in values)[rank - 1])


def aggregate(feature, seen, now: int) -> float | None:
    """Compute an aggregate of (time, place in the order of folding, value) of what is seen."""
    if feature.column is None:
        seen = [(time, place, 1.0) for time, place, _ in seen]
    seen = [each for each in seen if each[2] is not None and each[2] == each[2]]
    if feature.kind == "distinct":
        return distinct([hash_value(value) for *_, value in seen], feature.exact_to)
    if feature.kind == "count":
        return float(len(seen))
    if feature.kind == "rate":
        return len(seen) * float(feature.per_ns) / float(feature.window_ns)
    seen = [(time, place, float(value) + 0.0) for time, place, value in seen]
    values = [value for *_, value in seen]
    total = to_float(sum(cut(value) for value in values))
    if feature.kind == "sum":
        return total
    if not seen:
        return None
    return {
        "mean": lambda: total / len(seen),
        "min": lambda: min(values),
        "max": lambda: max(values),
        "last": lambda: max(seen)[2],
        "quantile": lambda: quantile(values, feature.quantile),
        "decayed_mean": lambda: decayed(seen, now, feature.hop_ns),
    }[feature.kind]()


def one_feature(feature, requests, times, batch) -> list[float | None]:
    own = int(feature.source.own)
    keys = [mine for mine, _ in feature.by]
    frame = batch.frame
    if isinstance(feature.column, pl.Expr):
        frame = frame.with_columns(feature.column.alias("value"))
    elif feature.column is not None:
        frame = frame.with_columns(pl.col(feature.column).alias("value"))
    else:
        frame = frame.with_columns(pl.lit(None).alias("value"))
    passed = pl.lit(True) if feature.where is None else feature.where
    rows = frame.with_columns(passed.alias("passed")).to_dicts()
    events = []
    for place, row in enumerate(rows):
        happened, known = int(batch.times_ns[place]), int(batch.known_ns[place])
        key = key_hash([row[theirs] for _, theirs in feature.by])
        if row["passed"] and key is not None:
            events.append((max(happened, known) + own, place, happened, key, row["value"]))
    events.sort(key=lambda event: event[:2])
    found: list[float | None] = []
    for row, now in zip(requests.to_dicts(), times.tolist(), strict=True):
        key = key_hash([row[column] for column in keys])
        edge = (now - feature.window_ns) // feature.hop_ns
        seen = [
            (time, place, value)
            for place, (avail, _, time, theirs, value) in enumerate(events)
            if avail <= now and theirs == key and time // feature.hop_ns >= edge
        ]
        result = None if key is None else aggregate(feature, seen, now)
        found.append(feature.default if result is None else result)
    return found


@pytest.fixture
def brute_force():
    """Return the function that computes all windowed features of a plan the slow way."""

    def compute(plan, requests, times, events):
        return {
            feature.name: one_feature(feature, requests, times, events[feature.source.name])
            for feature in plan.windowed
        }

    return compute


@pytest.fixture
def batch_of():
    """Return a function that makes events of columns, with `times` and perhaps `known`."""

    def make(source: str = "landings", **columns) -> EventBatch:
        times = np.asarray(columns.pop("times"), dtype=np.int64)
        known = np.asarray(columns.pop("known", times), dtype=np.int64)
        return EventBatch(
            source=source, times_ns=times, known_ns=known, frame=pl.DataFrame(columns)
        )

    return make


@pytest.fixture
def every_kind(landings):
    """Return a function that declares every aggregate over one window."""

    def declare(window: str, hop: str | None = None, by: str = "carrier", suffix: str = ""):
        options = {"by": by, "window": window, "hop": hop}

        def named(name: str) -> dict[str, object]:
            return {**options, "name": f"{name}_{window}{suffix}"}

        return [
            features.count(landings, **named("events")),
            features.count(landings, "delay", **named("count")),
            features.sum(landings, "delay", **named("sum")),
            features.mean(landings, "delay", **named("mean")),
            features.min(landings, "delay", **named("min")),
            features.max(landings, "delay", **named("max")),
            features.last(landings, "delay", **named("last")),
            features.rate(landings, per="3s", **named("rate")),
            features.distinct(landings, "plane", exact_to=5, **named("distinct")),
            features.distinct(landings, "plane", **named("all_distinct")),
            features.quantile(landings, "delay", 0.5, **named("median")),
            features.quantile(landings, "delay", 0.9, **named("q90")),
            features.decayed_mean(
                landings, "delay", by=by, half_life=hop or window, name=f"decayed_{window}{suffix}"
            ),
        ]

    return declare
