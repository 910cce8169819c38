"""Put every candidate before the gates, and keep the books of what was judged on."""

from __future__ import annotations

from collections.abc import Sequence

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    CandidateTrained,
    GateJudged,
    ParityBroken,
    ParityRestored,
    Promoted,
    Record,
    RolledBack,
    TrainingFailed,
    TrainingRequested,
    ValidationSetRetired,
)
from ostinato.core.stage import Stage
from ostinato.gate.case import make_case, unanswered
from ostinato.gate.config import GateConfig
from ostinato.gate.ledger import FIXED, spent
from ostinato.gate.state import GateState
from ostinato.gate.verdict import Case, Gate, Verdict


def start(config: GateConfig) -> GateState:
    """Begin without a champion: the first candidate has nothing to beat."""
    return GateState(config_=config)


def step(state: GateState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Judge each evaluated candidate."""
    out: list[Record] = []
    parity = [record for record in inbox if isinstance(record, ParityBroken | ParityRestored)]
    _note_parity(state, parity)  # first: a candidate of this very tick has to know
    for record in inbox:
        match record:
            case ParityBroken() | ParityRestored():
                pass
            case Promoted():
                state.champion = record.subject
                state.ledger.promoted(record.subject)
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


def _note_parity(state: GateState, records: Sequence[ParityBroken | ParityRestored]) -> None:
    for record in records:
        if isinstance(record, ParityBroken):
            state.broken[record.subject] = str(record.evidence["text"])
        else:
            state.broken.pop(record.subject, None)


def _judge(state: GateState, evaluated: CandidateEvaluated, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    # A candidate from outside has no order: it is compared with whoever serves.
    other = state.compared_with.pop(evaluated.version, state.champion)
    reason = _unfit(state, config, evaluated)
    if reason:
        return [_rejected(evaluated, now_ns, reason)]
    if state.champion is None:
        return [_accepted(evaluated, now_ns, "The first champion has nothing to beat.")]
    if other != state.champion:
        reason = f"It was compared with {other}, but {state.champion} serves by now."
        return [_rejected(evaluated, now_ns, reason)]
    if not config.gates:
        return [_accepted(evaluated, now_ns, "The policy has no gates.")]
    case = make_case(config, evaluated, state.ledger)
    retired = _retire_promoted_on(state, case, now_ns)
    if retired:
        case = make_case(config, evaluated, state.ledger)
    verdicts = [(gate, gate.judge(case)) for gate in config.gates]
    judged = [_judged(evaluated, gate, verdict, now_ns) for gate, verdict in verdicts]
    against = [(gate.name, v) for gate, v in verdicts if v.verdict != "pass"]
    state.ledger.note(case.sets, evaluated.version, passed=not against)
    retired_now = _retire_spent(state, case, [v for _, v in verdicts], now_ns)
    if not against:
        passed = f"All {len(verdicts)} gates passed."
        return [*retired, *judged, *retired_now, _accepted(evaluated, now_ns, passed)]
    name, verdict = against[0]
    reason = f"{name}: {verdict.verdict}. {verdict.reason}"
    return [*retired, *judged, *retired_now, _rejected(evaluated, now_ns, reason)]


def _unfit(state: GateState, config: GateConfig, evaluated: CandidateEvaluated) -> str:
    """Say what rules a candidate out before any gate looks at it; "" when nothing does."""
    unusable = unanswered(evaluated)
    if unusable is not None:
        return f"The candidate answered NaN or infinity on the {unusable} set."
    if config.parity and state.broken:
        feature, text = next(iter(state.broken.items()))
        return f"What it learned is not what is served: parity of {feature} is broken. {text}"
    return ""


def _retire_promoted_on(state: GateState, case: Case, now_ns: int) -> list[Record]:
    """Retire the fixed sets whose rows have had their promotions, before they are used again."""
    out: list[Record] = []
    for name in (n for n in FIXED if n in case.usage):
        usage, rows = case.usage[name], len(case.sets[name])
        if spent(usage, rows):
            until_ns = max(use.to_ns for use in state.ledger.uses[name])
            reason = f"{usage.promotions} promotions were judged on its {rows:,} rows."
            out.append(_retired(state, case, name, until_ns, now_ns, reason))
    return out


def _retire_spent(
    state: GateState, case: Case, verdicts: Sequence[Verdict], now_ns: int
) -> list[Record]:
    """Retire the fixed sets whose re-use could hide what a gate asks for."""
    names = {name for verdict in verdicts for name in verdict.spent}
    reason = "Chance alone could by now hide what a gate asks for."
    return [
        _retired(state, case, name, int(case.sets[name].times_ns.max()), now_ns, reason)
        for name in FIXED
        if name in names and name in case.sets
    ]


def _retired(
    state: GateState, case: Case, name: str, until_ns: int, now_ns: int, reason: str
) -> ValidationSetRetired:
    state.ledger.retire(name, until_ns)
    return ValidationSetRetired(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=name,
        reason=f"{reason} Only later rows count from now on.",
        evidence={"rows": len(case.sets[name]), **case.usage[name].facts()},
        until_ns=until_ns,
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


STAGE = Stage(
    "gate",
    frozenset(
        {
            "parity_broken",
            "parity_restored",
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
