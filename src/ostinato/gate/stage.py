"""Put every candidate before the gates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    Floats,
    GateJudged,
    Promoted,
    Record,
    RolledBack,
    ValidationSet,
)
from ostinato.core.stage import Stage
from ostinato.gate.config import GateConfig
from ostinato.gate.state import GateState
from ostinato.gate.verdict import Case, Gate, Verdict
from ostinato.stats.metrics import metric_for


def start(config: GateConfig) -> GateState:
    """Begin without a champion: the first candidate has nothing to beat."""
    return GateState(config_=config)


def step(state: GateState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Judge each evaluated candidate."""
    out: list[Record] = []
    for record in inbox:
        match record:
            case Promoted():
                state.champion = record.subject
            case RolledBack():
                state.champion = record.previous
            case CandidateEvaluated():
                out.extend(_judge(state, record, now_ns))
            case _:
                raise AssertionError(f"gate does not want {record.kind}")
    return out


def _judge(state: GateState, evaluated: CandidateEvaluated, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    unusable = [s.name for s in evaluated.sets if np.isnan(s.candidate).any()]
    if unusable:
        return [_rejected(evaluated, now_ns, f"The candidate answered NaN on the {unusable[0]} set.")]
    if state.champion is None:
        return [_accepted(evaluated, now_ns, "The first champion has nothing to beat.")]
    case = _case(config, evaluated)
    verdicts = [(gate, gate.judge(case)) for gate in config.gates]
    judged: list[Record] = [_judged(evaluated, gate, verdict, now_ns) for gate, verdict in verdicts]
    against = [(gate.name, v) for gate, v in verdicts if v.verdict != "pass"]
    if not against:
        return [*judged, _accepted(evaluated, now_ns, f"All {len(verdicts)} gates passed.")]
    name, verdict = against[0]
    return [*judged, _rejected(evaluated, now_ns, f"{name}: {verdict.verdict}. {verdict.reason}")]


def _case(config: GateConfig, evaluated: CandidateEvaluated) -> Case:
    row_loss = metric_for(config.task, config.metric).row_loss
    sets: dict[str, ValidationSet] = {}
    gains: dict[str, Floats] = {}
    champion_loss: dict[str, float] = {}
    for validation in evaluated.sets:
        if validation.champion is None or not len(validation):
            continue
        each = _where_both_answered(validation, validation.champion)
        assert each.champion is not None, "checked above"
        if not len(each):
            continue
        ours, theirs = row_loss(each.labels, each.candidate), row_loss(each.labels, each.champion)
        sets[each.name], gains[each.name] = each, theirs - ours
        champion_loss[each.name] = float(theirs.mean())
    return Case(
        evaluated=evaluated,
        sets=sets,
        gains=gains,
        champion_loss=champion_loss,
        group_names=config.group_names,
        task=config.task,
    )


def _where_both_answered(each: ValidationSet, champion: Floats) -> ValidationSet:
    answered = ~np.isnan(champion if champion.ndim == 1 else champion[:, 0])
    if answered.all():
        return each
    return ValidationSet(
        name=each.name,
        times_ns=each.times_ns[answered],
        labels=each.labels[answered],
        groups=each.groups[answered],
        candidate=each.candidate[answered],
        champion=champion[answered],
    )


def _judged(evaluated: CandidateEvaluated, gate: Gate, verdict: Verdict, now_ns: int) -> GateJudged:
    return GateJudged(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=evaluated.version,
        gate=gate.name,
        verdict=verdict.verdict,
        reason=verdict.reason,
        evidence=verdict.evidence,
        measured=verdict.measured,
    )


def _accepted(evaluated: CandidateEvaluated, now_ns: int, reason: str) -> CandidateAccepted:
    return CandidateAccepted(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject=evaluated.version, reason=reason
    )


def _rejected(evaluated: CandidateEvaluated, now_ns: int, reason: str) -> CandidateRejected:
    return CandidateRejected(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject=evaluated.version, reason=reason
    )


STAGE = Stage("gate", frozenset({"candidate_evaluated", "promoted", "rolled_back"}), start, step)
