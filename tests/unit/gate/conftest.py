"""Candidates beside a champion on validation sets with day effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ostinato.core.records import CandidateEvaluated, ValidationSet
from ostinato.core.units import DAY_NS

START_NS = 20_000 * DAY_NS


def validation(
    rng: np.random.Generator,
    name: str = "recent",
    *,
    gain: float = 0.0,
    rows: int = 2000,
    days: int = 8,
    groups: int = 0,
    day_effect: float = 0.0,
) -> ValidationSet:
    """Regression rows on which the candidate's absolute error is smaller by a share `gain`."""
    times = START_NS + np.sort(rng.integers(0, days * DAY_NS, rows))
    noise = np.abs(rng.normal(1.0, 0.3, rows))
    by_day = rng.normal(0.0, day_effect, days + 1)[(times - START_NS) // DAY_NS]
    ours = np.abs(noise * (1 - gain) + rng.normal(0.0, 0.2, rows) + by_day)
    codes = rng.integers(0, groups, (rows, 1)) if groups else np.zeros((rows, 0))
    return ValidationSet(
        name=name,
        times_ns=times,
        labels=np.zeros(rows),
        groups=codes.astype(np.int32),
        candidate=ours,
        champion=noise,
    )


def evaluated(*sets: ValidationSet, version: str = "v2", **changes: Any) -> CandidateEvaluated:
    fields = {"latency_ms_per_row": 0.5, "artifact_bytes": 1000, **changes}
    return CandidateEvaluated(ts_event_ns=0, ts_record_ns=0, version=version, sets=sets, **fields)


@pytest.fixture
def make_set() -> Callable[..., ValidationSet]:
    return validation


@pytest.fixture
def make_evaluated() -> Callable[..., CandidateEvaluated]:
    return evaluated
