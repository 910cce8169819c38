"""One candidate through the gates and the release as the policy has them by default.

The two stages are driven by records, as the kernel does it: a holdout of a week before the gates,
then live rows tick by tick. The task is a regression with the label 0 and the absolute error, so a
score is its own loss and any losses can be told.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import ostinato as ost
from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateTrained,
    LossesObserved,
    Promoted,
    RolloutEnded,
    TrainingRequested,
    ValidationSet,
)
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.gate.config import GateConfig
from ostinato.gate.stage import STAGE as GATE
from ostinato.release.config import ReleaseConfig
from ostinato.release.stage import STAGE as RELEASE

BEGIN_NS = 20_000 * DAY_NS
NO_GATES = ost.Policy(gates=())
DEFAULT = ost.Policy()


def release(
    champion: np.ndarray,
    candidate: np.ndarray,
    *,
    rows_per_hour: int,
    holdout_days: int = 7,
    policy: ost.Policy = DEFAULT,
    tick_rows: int = 0,
) -> tuple[str, int]:
    """Return what became of a candidate, and after how many live rows.

    `champion` and `candidate` are (n,) losses in order of time: a holdout first, then live rows.
    The answer is ``"rejected"``, ``"aborted"``, ``"kept"``, ``"promoted"``, or ``"undecided"`` when
    the rows ran out. Live rows are told an hour at a time, or `tick_rows` at a time.
    """
    tick = tick_rows or rows_per_hour
    held = holdout_days * 24 * rows_per_hour
    times = BEGIN_NS + np.arange(len(champion), dtype=np.int64) * (HOUR_NS // rows_per_hour)
    now = int(times[held])
    gates = GATE.start(
        GateConfig(gates=tuple(policy.gates), task="regression", metric="mae", group_names=())
    )
    rollout = RELEASE.start(
        ReleaseConfig(rollout=policy.rollout, paired=True, task="regression", metric="mae")
    )
    _first_champion(gates, rollout, now)
    evaluated = _evaluated(times[:held], champion[:held], candidate[:held], now)
    stamp = {"ts_event_ns": now, "ts_record_ns": now}
    order = TrainingRequested(
        **stamp,
        subject="r2",
        reason="",
        request="r2",
        from_ns=0,
        to_ns=0,
        holdout_from_ns=0,
        matured_to_ns=now,
        half_life_ns=None,
        warm_start_from=None,
        champion="v1",
        seed=0,
    )
    trained = CandidateTrained(**stamp, subject="v2", reason="", request="r2", artifact="0")
    judged = GATE.step(gates, [order, trained, evaluated], now)
    accepted = [record for record in judged if isinstance(record, CandidateAccepted)]
    if not accepted:
        return "rejected", 0
    RELEASE.step(rollout, [evaluated, *accepted], now)
    for start in range(held, len(champion), tick):
        rows = slice(start, start + tick)
        observed = _observed(times[rows], champion[rows], candidate[rows], start)
        for record in RELEASE.step(rollout, [observed], observed.ts_record_ns):
            if isinstance(record, Promoted):
                return "promoted", start + tick - held
            if isinstance(record, RolloutEnded):
                return record.outcome, start + tick - held
    return "undecided", len(champion) - held


def _first_champion(gates, rollout, now: int) -> None:
    stamp = {"ts_event_ns": now, "ts_record_ns": now}
    first = CandidateAccepted(**stamp, subject="v1", reason="")
    made = RELEASE.step(rollout, [first], now)
    GATE.step(gates, [record for record in made if isinstance(record, Promoted)], now)


def _evaluated(
    times: np.ndarray, champion: np.ndarray, candidate: np.ndarray, now: int
) -> CandidateEvaluated:
    recent = ValidationSet(
        name="recent",
        times_ns=times,
        labels=np.zeros(len(times)),
        groups=np.zeros((len(times), 0), dtype=np.int32),
        candidate=candidate,
        champion=champion,
        label_times_ns=times,
    )
    return CandidateEvaluated(
        ts_event_ns=now,
        ts_record_ns=now,
        version="v2",
        sets=(recent,),
        latency_ms_per_row=0.0,
        artifact_bytes=0,
    )


_TEMPLATE = LossesObserved(
    ts_event_ns=0,
    ts_record_ns=0,
    offsets=np.zeros(0, dtype=np.int64),
    times_ns=np.zeros(0, dtype=np.int64),
    unit_hashes=np.zeros(0, dtype=np.uint64),
    groups=np.zeros((0, 0), dtype=np.int32),
    versions=("v1", "v2"),
    answered=np.zeros(0, dtype=np.int16),
    roles=np.zeros(0, dtype=np.int8),
    losses={},
    matured_to_ns=0,
)


def _observed(
    times: np.ndarray, champion: np.ndarray, candidate: np.ndarray, offset: int
) -> LossesObserved:
    rows, now = len(times), int(times[-1]) + 1
    return replace(
        _TEMPLATE,
        ts_event_ns=now,
        ts_record_ns=now,
        offsets=np.arange(offset, offset + rows),
        times_ns=times + 1,
        unit_hashes=np.arange(offset, offset + rows, dtype=np.uint64),
        groups=np.zeros((rows, 0), dtype=np.int32),
        answered=np.zeros(rows, dtype=np.int16),
        roles=np.zeros(rows, dtype=np.int8),
        losses={"v1": champion, "v2": candidate},
        matured_to_ns=now,
    )
