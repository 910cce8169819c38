"""Losses of a champion, evaluated candidates, and a small driver for the decide stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ostinato.core.records import (
    CandidateEvaluated,
    LossesObserved,
    Promoted,
    Record,
    ValidationSet,
)
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.core.watched import WindowMeasured
from ostinato.decide.alarms import AlarmRule
from ostinato.decide.config import DecideConfig
from ostinato.decide.stage import start, step
from ostinato.decide.state import DecideState

START_NS = 20_000 * DAY_NS


def observed(at_ns: int, losses: np.ndarray, *, version: str = "v1") -> LossesObserved:
    n = len(losses)
    return LossesObserved(
        ts_event_ns=at_ns,
        ts_record_ns=at_ns,
        offsets=np.arange(n),
        times_ns=at_ns - HOUR_NS + np.arange(n) * (HOUR_NS // max(n, 1)),
        unit_hashes=np.arange(n, dtype=np.uint64),
        groups=np.zeros((n, 0), dtype=np.int32),
        versions=(version,),
        answered=np.zeros(n, dtype=np.int16),
        roles=np.zeros(n, dtype=np.int8),
        losses={version: losses},
        matured_to_ns=at_ns,
    )


def evaluated(version: str, errors: np.ndarray, *, at_ns: int = START_NS) -> CandidateEvaluated:
    n = len(errors)
    labels = (np.arange(n) % 2).astype(float)
    recent = ValidationSet(
        name="recent",
        times_ns=at_ns - (n - np.arange(n)) * HOUR_NS // 20,
        labels=labels,
        groups=np.zeros((n, 0), dtype=np.int32),
        candidate=np.where(errors > 0, 1 - labels, labels),
        champion=None,
    )
    return CandidateEvaluated(
        ts_event_ns=at_ns,
        ts_record_ns=at_ns,
        version=version,
        sets=(recent,),
        latency_ms_per_row=0.1,
        artifact_bytes=10,
    )


def promoted(version: str, *, previous: str | None = None, at_ns: int = START_NS) -> Promoted:
    return Promoted(
        ts_event_ns=at_ns, ts_record_ns=at_ns, subject=version, reason="", previous=previous
    )


@dataclass
class World:
    """One loop's decide stage, driven hour by hour."""

    state: DecideState
    now_ns: int = START_NS
    made: list[Record] = field(default_factory=list)

    def tick(self, *records: Record, hours: float = 1) -> list[Record]:
        self.now_ns += int(hours * HOUR_NS)
        out = step(self.state, records, self.now_ns)
        self.made += out
        return out

    def kinds(self) -> list[str]:
        return [record.kind for record in self.made]

    def stances(self) -> list[str]:
        return [record.stance for record in self.made if record.kind == "trigger_changed"]


@pytest.fixture
def world() -> Callable[..., World]:
    def make(*triggers: Any, champion: str | None = "v1", **changes: Any) -> World:
        settings = {
            "cooldown_ns": HOUR_NS,
            "max_requests": 100,
            "per_ns": 30 * DAY_NS,
            "task": "binary",
            "metric": "error_rate",
        }
        config = DecideConfig(triggers=triggers, **(settings | changes))
        found = World(start(config))
        if champion is not None:
            found.tick(promoted(champion))
        return found

    return make


@pytest.fixture
def make_losses() -> Callable[..., LossesObserved]:
    return observed


@pytest.fixture
def make_evaluated() -> Callable[..., CandidateEvaluated]:
    return evaluated


@pytest.fixture
def make_promoted() -> Callable[..., Promoted]:
    return promoted


def measured_window(
    at_ns: int,
    streams: dict[str, tuple[float, float, float]],
    *,
    monitor: str = "inputs",
    family: str = "drift",
    slow: bool = True,
    floor: float = 0.05,
    streams_total: int | None = None,
    **fields: Any,
) -> WindowMeasured:
    """A window that ends now; of each stream its value, its reference and log10 of its evidence."""
    table = np.array(list(streams.values()), dtype=np.float64).reshape(-1, 3)
    apart = table[:, 0] - table[:, 1]
    return WindowMeasured(
        ts_event_ns=at_ns,
        ts_record_ns=at_ns,
        monitor=monitor,
        family=family,
        slow=slow,
        from_ns=at_ns - (DAY_NS if slow else HOUR_NS),
        to_ns=at_ns,
        streams=tuple(streams),
        streams_total=len(streams) if streams_total is None else streams_total,
        value=table[:, 0],
        reference=table[:, 1],
        low=apart - 0.01,
        high=apart + 0.01,
        floor=np.full(len(streams), floor),
        log_e=table[:, 2] * np.log(10.0),
        **fields,
    )


@pytest.fixture
def make_window() -> Callable[..., WindowMeasured]:
    return measured_window


@pytest.fixture
def alarm_rule() -> Callable[..., AlarmRule]:
    def make(*monitors: str, share: float = 0.2, **fields: Any) -> AlarmRule:
        return AlarmRule(
            shares=dict.fromkeys(monitors or ("inputs",), share),
            fast_windows=720.0,
            slow_windows=30.0,
            **fields,
        )

    return make
