"""The others: Feast's online store, River's rolling statistics, deques by hand, a plain dict.

None of them is exact where events are late, and Feast and the dict compute nothing: they hand out
what something else has computed and written.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from acceptance.check import Skipped
from servers.environments import Environments, NotInstalled
from windowed.world import DAY, HOUR, KEYS, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    name: str
    aggregates: int
    computes: bool
    row_us: float
    batch_row_us: float | None
    event_us: float | None

    @property
    def aggregates_per_s(self) -> float:
        return self.aggregates / self.row_us * 1e6


def per_call(call: Callable[[Any], Any], given: list[Any]) -> float:
    """Microseconds of processor time a call, the best of three parts."""
    best = float("inf")
    for part in range(3):
        mine = given[part::3]
        began = time.process_time()
        for each in mine:
            call(each)
        best = min(best, (time.process_time() - began) / len(mine) * 1e6)
    return best


def plain_dict(world: World) -> Other:
    """Twenty numbers under three keys: what cannot be gone below in Python."""
    held = [{row[place]: (1.0,) * 7 for row in world.rows} for place in range(3)]

    def look(row: tuple[str, ...]) -> tuple[float, ...]:
        return held[0][row[0]] + held[1][row[1]] + held[2][row[2]][:6]

    return Other(
        name="a plain dict, nothing computed",
        aggregates=20,
        computes=False,
        row_us=per_call(look, world.rows),
        batch_row_us=None,
        event_us=None,
    )


@dataclass(slots=True)
class Rolling:
    """Count, sum and maximum of a window of time, sums as floats."""

    span: int
    events: deque[tuple[int, float]] = field(default_factory=deque)
    largest: deque[tuple[int, float]] = field(default_factory=deque)
    total: float = 0.0

    def put(self, when: int, value: float) -> None:
        self.expire(when)
        self.events.append((when, value))
        self.total += value
        while self.largest and self.largest[-1][1] <= value:
            self.largest.pop()
        self.largest.append((when, value))

    def expire(self, now: int) -> None:
        first = now - self.span
        while self.events and self.events[0][0] < first:
            self.total -= self.events.popleft()[1]
        while self.largest and self.largest[0][0] < first:
            self.largest.popleft()

    def mean(self) -> float | None:
        return self.total / len(self.events) if self.events else None


def deques(world: World, events: int) -> Other:
    """The same twenty numbers of windows that slide event by event, written by hand."""
    held = [defaultdict(lambda: (Rolling(HOUR), Rolling(DAY), Rolling(7 * DAY))) for _ in KEYS]
    landed = list(_landings(world, events))

    def put(event: tuple[int, tuple[str, ...], float]) -> None:
        when, keys, delay = event
        for place, key in enumerate(keys):
            for window in held[place][key]:
                window.put(when, delay)

    def look(row: tuple[str, ...]) -> list[float | None]:
        found: list[float | None] = []
        for place, key in enumerate(row):
            hour, day, week = held[place][key]
            for window in (hour, day, week):
                window.expire(now)
            found += [float(len(hour.events)), hour.mean(), day.mean()]
            found.append(day.largest[0][1] if day.largest else None)
            found += [week.total, week.events[-1][1] if week.events else None]
            if place < 2:
                found.append(len(day.events) / 24)
        return found

    event_us = _each(put, landed)
    now = landed[-1][0]
    return Other(
        name="deques by hand",
        aggregates=20,
        computes=True,
        row_us=per_call(look, world.rows),
        batch_row_us=None,
        event_us=event_us,
    )


def river(world: World, events: int) -> Other:
    """River's rolling sums and means: it has no count and no maximum of a window of time."""
    try:
        from river import stats, utils  # noqa: PLC0415 - need not be installed
    except ImportError as error:
        raise Skipped("River is not installed") from error
    hour, day = timedelta(hours=1), timedelta(days=1)

    def windows() -> list[Any]:
        return [
            utils.TimeRolling(stats.Sum, period=hour),
            utils.TimeRolling(stats.Mean, period=hour),
            utils.TimeRolling(stats.Mean, period=day),
            utils.TimeRolling(stats.Sum, period=7 * day),
            utils.TimeRolling(stats.Sum, period=day),
        ]

    held: list[defaultdict[str, list[Any]]] = [defaultdict(windows) for _ in KEYS]
    landed = [
        (datetime.fromtimestamp(when / 1e9, tz=UTC).replace(tzinfo=None), keys, delay)
        for when, keys, delay in _landings(world, events)
    ]

    def put(event: tuple[datetime, tuple[str, ...], float]) -> None:
        when, keys, delay = event
        for place, key in enumerate(keys):
            for window in held[place][key]:
                window.update(delay, t=when)

    def look(row: tuple[str, ...]) -> list[float]:
        return [window.get() for place, key in enumerate(row) for window in held[place][key]]

    event_us = _each(put, landed)
    return Other(
        name="River, TimeRolling (as of the last event)",
        aggregates=15,
        computes=True,
        row_us=per_call(look, world.rows),
        batch_row_us=None,
        event_us=event_us,
    )


def feast(world: World, cache: Path, requests: int) -> Other:
    """Feast's SQLite online store, three views: it hands out what was written to it."""
    app = Path(__file__).parents[1] / "servers" / "apps" / "feast_online.py"
    environments = Environments(cache / "venvs")
    try:
        python = environments.python("feast")
    except NotInstalled as error:
        raise Skipped(f"Feast cannot be installed: {error}") from error
    with tempfile.TemporaryDirectory(prefix="feast-", dir=cache) as folder:
        asked = Path(folder) / "rows.json"
        asked.write_text(json.dumps(world.rows[:requests]))
        done = subprocess.run(
            [python, app, folder, asked], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise Skipped(f"Feast ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Other(
        name=f"Feast {environments.version('feast', 'feast')}, SQLite, nothing computed",
        aggregates=20,
        computes=False,
        row_us=told["row_us"],
        batch_row_us=told["batch_row_us"],
        event_us=told["write_us"],
    )


def _landings(world: World, events: int) -> Iterator[tuple[int, tuple[str, ...], float]]:
    """The last events."""
    last = world.frame[-events:]
    keys = zip(*(last[key].to_list() for key in KEYS), strict=True)
    return zip(world.times[-events:].tolist(), keys, last["delay"].to_list(), strict=True)


def _each(call: Callable[[Any], Any], given: list[Any]) -> float:
    """Microseconds of processor time a call, all in order."""
    began = time.process_time()
    for each in given:
        call(each)
    return (time.process_time() - began) / len(given) * 1e6
