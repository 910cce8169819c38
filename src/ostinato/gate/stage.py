"""Put every candidate before the gates."""

from __future__ import annotations

from collections.abc import Sequence

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    CandidateTrained,
    GateJudged,
    Promoted,
    Record,
    RolledBack,
    TrainingFailed,
    TrainingRequested,
)
from ostinato.core.stage import Stage
from ostinato.gate.case import make_case, unanswered
from ostinato.gate.config import GateConfig
from ostinato.gate.state import GateState
from ostinato.gate.verdict import Gate, Verdict


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
            case TrainingRequested():
                state.compared_with[record.request] = record.champion
            case CandidateTrained():
                if record.request in state.compared_with:
                    champion = state.compared_with.pop(record.request)
                    state.compared_with[record.subject] = champion
            case TrainingFailed():
                state.compared_with.pop(record.request, None)
            case CandidateEvaluated():
                out.extend(_judge(state, record, now_ns))
            case _:
                raise AssertionError(f"gate does not want {record.kind}")
    return out


def _judge(state: GateState, evaluated: CandidateEvaluated, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    # A candidate from outside has no order: it is compared with whoever serves.
    other = state.compared_with.pop(evaluated.version, state.champion)
    unusable = unanswered(evaluated)
    if unusable is not None:
        reason = f"The candidate answered NaN or infinity on the {unusable} set."
        return [_rejected(evaluated, now_ns, reason)]
    if state.champion is None:
        return [_accepted(evaluated, now_ns, "The first champion has nothing to beat.")]
    if other != state.champion:
        reason = f"It was compared with {other}, but {state.champion} serves by now."
        return [_rejected(evaluated, now_ns, reason)]
    case = make_case(config, evaluated)
    verdicts = [(gate, gate.judge(case)) for gate in config.gates]
    judged: list[Record] = [_judged(evaluated, gate, verdict, now_ns) for gate, verdict in verdicts]
    against = [(gate.name, v) for gate, v in verdicts if v.verdict != "pass"]
    if against:
        name, verdict = against[0]
        reason = f"{name}: {verdict.verdict}. {verdict.reason}"
        return [*judged, _rejected(evaluated, now_ns, reason)]
    passed = f"All {len(verdicts)} gates passed." if verdicts else "The policy has no gates."
    return [*judged, _accepted(evaluated, now_ns, passed)]


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


STAGE = Stage(
    "gate",
    frozenset(
        {
            "training_requested",
            "training_failed",
            "candidate_trained",
            "candidate_evaluated",
            "promoted",
            "rolled_back",
        }
    ),
    start,
    step,
)
