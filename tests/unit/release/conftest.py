"""A release stage driven hour by hour, with losses of several versions on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ostinato.core.ids import hash_keys
from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    LossesObserved,
    PredictionsMade,
    Record,
    ValidationSet,
)
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.release.config import ReleaseConfig
from ostinato.release.plans import Rollout
from ostinato.release.stage import start, step
from ostinato.release.state import ReleaseState

START_NS = 20_000 * DAY_NS


@dataclass
class World:
    state: ReleaseState
    now_ns: int = START_NS
    made: list[Record] = field(default_factory=list)

    def tick(self, *records: Record, hours: float = 1) -> list[Record]:
        self.now_ns += int(hours * HOUR_NS)
        out = step(self.state, records, self.now_ns)
        self.made += out
        return out

    def accept(self, version: str) -> list[Record]:
        return self.tick(
            CandidateAccepted(
                ts_event_ns=self.now_ns, ts_record_ns=self.now_ns, subject=version, reason=""
            )
        )

    def reject(self, version: str) -> list[Record]:
        return self.tick(
            CandidateRejected(
                ts_event_ns=self.now_ns, ts_record_ns=self.now_ns, subject=version, reason=""
            )
        )

    def show(
        self,
        losses: Mapping[str, np.ndarray],
        roles: Any = None,
        guards: Any = None,
        late: float = 1,
        chances: Any = None,
    ) -> list[Record]:
        """Show losses of rows predicted `late` hours ago or less.

        `roles`: (answered, role); `chances`: how probable these were.
        """
        n = len(next(iter(losses.values())))
        self.now_ns += HOUR_NS
        answered, role = roles if roles is not None else (np.zeros(n), np.zeros(n))
        observed = LossesObserved(
            ts_event_ns=self.now_ns,
            ts_record_ns=self.now_ns,
            offsets=np.arange(n),
            times_ns=self.now_ns - int((late - 0.5) * HOUR_NS) + np.arange(n),
            unit_hashes=np.arange(n, dtype=np.uint64),
            groups=np.zeros((n, 0), dtype=np.int32),
            versions=tuple(losses),
            answered=np.asarray(answered, dtype=np.int16),
            roles=np.asarray(role, dtype=np.int8),
            losses=dict(losses),
            matured_to_ns=self.now_ns,
            guards=guards or {},
            propensities=chances,
        )
        out = step(self.state, [observed], self.now_ns)
        self.made += out
        return out

    def serve(
        self, scores: Mapping[str, np.ndarray], *, roles: Any = None, units: Any = None
    ) -> list[Record]:
        """Answer requests under the routes in force, `scores` by version, NaN where one failed."""
        n = len(next(iter(scores.values())))
        self.now_ns += HOUR_NS
        made = PredictionsMade(
            ts_event_ns=self.now_ns,
            ts_record_ns=self.now_ns,
            offset=0,
            ids=np.arange(n),
            times_ns=self.now_ns - HOUR_NS // 2 + np.arange(n),
            unit_hashes=hash_keys(np.arange(n) if units is None else np.asarray(units)),
            groups=np.zeros((n, 0), dtype=np.int32),
            versions=tuple(scores),
            answered=np.zeros(n, dtype=np.int16),
            roles=np.zeros(n, dtype=np.int8) if roles is None else np.asarray(roles, dtype=np.int8),
            scores=dict(scores),
            epoch=self.state.routes.epoch,
        )
        out = step(self.state, [made], self.now_ns)
        self.made += out
        return out

    def evaluate(
        self, version: str, champion: np.ndarray, candidate: np.ndarray, *, days: int = 7
    ) -> list[Record]:
        """Show losses of both on the recent validation set, spread over some days."""
        n = len(champion)
        recent = ValidationSet(
            name="recent",
            times_ns=np.arange(n) * (days * DAY_NS // n),
            labels=np.zeros(n),
            groups=np.zeros((n, 0), dtype=np.int32),
            candidate=candidate,
            champion=champion,
        )
        return self.tick(
            CandidateEvaluated(
                ts_event_ns=0,
                ts_record_ns=0,
                version=version,
                sets=(recent,),
                latency_ms_per_row=0.1,
                artifact_bytes=1,
            )
        )

    def kinds(self) -> list[str]:
        quiet = ("routes_changed", "evidence_registered")
        return [record.kind for record in self.made if record.kind not in quiet]

    def last(self, kind: str) -> Any:
        return [record for record in self.made if record.kind == kind][-1]


@pytest.fixture
def world() -> Callable[..., World]:
    def make(
        rollout: Rollout, *, paired: bool = True, champion: str | None = "v1", **more: Any
    ) -> World:
        config = ReleaseConfig(
            rollout=rollout, paired=paired, task="regression", metric="mae", **more
        )
        found = World(start(config))
        if champion is not None:
            found.accept(champion)
            found.made.clear()
        return found

    return make
