"""An oracle of windowed features: what `docs/concepts/features.md` says, in plain Python."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from ostinato.core.ids import hash_unit
from ostinato.features.plan import NO_COLUMN, FeaturePlan, Output, Tally
from ostinato.features.prepare import EventBatch

GRID = 2**64


@dataclass
class Event:
    """An event as a tally sees it."""

    key: tuple[Any, ...]
    time: int
    avail: int
    place: int
    values: list[float | None]
    distincts: list[Any]


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def same(value: Any) -> Any:
    """Give a key or value as what counts as the same: 3 is 3.0, but not "3" and not True."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def events_of(tally: Tally, batch: EventBatch) -> list[Event]:
    frame = batch.frame
    where = [True] * len(batch)
    if tally.where is not None:
        where = frame.select(w=tally.where)["w"].to_list()
    parts = [*tally.values, *tally.distincts]
    columns = [
        frame[p].to_list() if isinstance(p, str) else frame.select(v=p)["v"].to_list()
        for p in parts
    ]
    keys = [frame[theirs].to_list() for _, theirs in tally.by]
    found = []
    for row in range(len(batch)):
        key = tuple(same(column[row]) for column in keys)
        if where[row] is not True or any(map(missing, key)):
            continue
        time, known = int(batch.times_ns[row]), int(batch.known_ns[row])
        cells = [column[row] for column in columns]
        count = len(tally.values)
        found.append(
            Event(
                key,
                time,
                max(time, known) + int(tally.source.own),
                row,
                [None if missing(c) else float(c) for c in cells[:count]],
                [None if missing(c) else same(c) for c in cells[count:]],
            )
        )
    return sorted(found, key=lambda event: (event.avail, event.place))


def cut(value: float) -> int:
    """Cut a number to the grid of 2^-64, towards zero."""
    numerator, denominator = abs(value).as_integer_ratio()
    size = numerator * GRID // denominator
    return -size if value < 0 else size


def rounded(total: int) -> float:
    return total / GRID  # Python divides integers with one rounding


def bits(value: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def from_bits(value: int) -> float:
    return float(struct.unpack("<d", struct.pack("<q", value))[0])


def bucket(value: float) -> int:
    if value == 0:
        return 0
    return bits(value) >> 46 if value > 0 else -(bits(-value) >> 46)


def middle(place: int) -> float:
    if place == 0:
        return 0.0
    size = abs(place)
    found = (from_bits(size << 46) + from_bits((size + 1) << 46)) / 2
    return found if place > 0 else -found


def decayed(events: Sequence[Event], column: int, hop: int, now: int) -> float | None:
    newest = now // hop
    over, under = 0.0, 0.0
    for back in range(63, -1, -1):
        sum_x = sum_w = 0
        for event in events:
            value = event.values[column]
            if event.time // hop != newest - back or value is None:
                continue
            weight = 2.0 ** (float(event.time - (newest - back) * hop) / float(hop))
            sum_x += cut(value * weight)
            sum_w += cut(weight)
        over += math.ldexp(rounded(sum_x), -back)
        under += math.ldexp(rounded(sum_w), -back)
    return None if under == 0 else over / under


def distinct(values: Sequence[Any], most: int) -> float:
    hashes = sorted({hash_unit(value) for value in values})
    if len(hashes) <= most:
        return float(len(hashes))
    return float(most - 1) * 2.0**64 / float(max(hashes[most - 1], 1))


def newest(pairs: Sequence[tuple[Event, float]]) -> float:
    latest = max(event.time for event, _ in pairs)
    return next(value for event, value in reversed(pairs) if event.time == latest)


def at_rank(values: Sequence[float], q: float) -> float:
    rank = min(max(math.ceil(q * len(values) - 1e-9), 1), len(values))
    return middle(sorted(map(bucket, values))[rank - 1])


OF_VALUES: dict[str, Callable[[Output, Sequence[tuple[Event, float]]], float]] = {
    "mean": lambda _, pairs: rounded(sum(cut(v) for _, v in pairs)) / float(len(pairs)),
    "min": lambda _, pairs: min(value for _, value in pairs),
    "max": lambda _, pairs: max(value for _, value in pairs),
    "last": lambda _, pairs: newest(pairs),
    "quantile": lambda output, pairs: at_rank([v for _, v in pairs], output.quantile),
}


def answer(output: Output, hop: int, seen: Sequence[Event], now: int) -> float | None:
    """Return an aggregate over the events that a request sees, in the order they are folded."""
    if output.kind == "decayed_mean":
        return decayed(seen, output.column, hop, now)
    near = [e for e in seen if e.time // hop >= (now - output.window_ns) // hop]
    if output.kind == "distinct":
        cells = [e.distincts[output.column] for e in near]
        return distinct([c for c in cells if c is not None], output.exact_to)
    if output.kind == "rate":
        return float(len(near)) * float(output.per_ns) / float(output.window_ns)
    if output.column == NO_COLUMN:
        return float(len(near))
    cells = [(e, e.values[output.column]) for e in near]
    pairs = [(e, value + 0.0) for e, value in cells if value is not None]
    if output.kind in {"count", "sum"}:
        total = rounded(sum(cut(value) for _, value in pairs))
        return total if output.kind == "sum" else float(len(pairs))
    return OF_VALUES[output.kind](output, pairs) if pairs else None


def compute(
    plan: FeaturePlan,
    requests: pl.DataFrame,
    times_ns: Sequence[int],
    events: Mapping[str, EventBatch],
) -> list[tuple[float | None, ...]]:
    rows: list[list[float | None]] = [[None] * len(plan.windowed) for _ in times_ns]
    for tally in plan.tallies:
        batch = events.get(tally.source.name)
        all_events = [] if batch is None else events_of(tally, batch)
        for row, now in enumerate(times_ns):
            key = tuple(same(requests[mine][row]) for mine, _ in tally.by)
            there = not any(map(missing, key))
            seen = [e for e in all_events if e.key == key and e.avail <= now]
            for output in tally.outputs:
                hop = tally.levels[output.level].hop_ns
                found = answer(output, hop, seen, int(now)) if there else None
                rows[row][output.feature] = output.default if found is None else found
    return [tuple(row) for row in rows]


@pytest.fixture(scope="session")
def oracle() -> Callable[..., list[tuple[float | None, ...]]]:
    return compute


def batch_of(
    source: str, rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]
) -> EventBatch:
    """Make a batch of events given as rows with ``time`` and ``known``."""
    return EventBatch(
        source=source,
        times_ns=np.array([row["time"] for row in rows], dtype=np.int64),
        known_ns=np.array([row["known"] for row in rows], dtype=np.int64),
        frame=pl.DataFrame({name: [row[name] for row in rows] for name in schema}, schema=schema),
    )


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., EventBatch]:
    return batch_of
