"""Look at every trigger each tick; ask for a model when one acts and nothing forbids it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ostinato.core.records import (
    ActionProposed,
    AutonomySet,
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    EvidenceRegistered,
    FeaturesCompared,
    LabelsAwaited,
    LearningRequested,
    LossesObserved,
    OperatorActed,
    OutcomesRevealed,
    Promoted,
    ProposalLapsed,
    Record,
    RolledBack,
    RolloutAdvanced,
    RolloutEnded,
    TrainingFailed,
    TriggerChanged,
)
from ostinato.core.stage import Stage
from ostinato.core.units import DAY_NS
from ostinato.core.watched import DiagnosisMade, ReferenceRenewed, WindowMeasured
from ostinato.decide.actions import policy_facts
from ostinato.decide.adopt import adopt
from ostinato.decide.asking import lapse, propose, request, seen_of, wish_of
from ostinato.decide.by_hand import obey
from ostinato.decide.config import DecideConfig
from ostinato.decide.data_quality import broken_data
from ostinato.decide.examining import examinations, renew_examining, take_diagnosis, want
from ostinato.decide.parity import begin_parity, broken_parity, judge_parity
from ostinato.decide.raising import judge_window
from ostinato.decide.reference import (
    explored_losses,
    explored_rows,
    own_losses,
    own_rows,
    reference_of,
)
from ostinato.decide.resolving import renew_reference, retire_version
from ostinato.decide.restraint import hindrance, unlock
from ostinato.decide.state import VOID, DecideState
from ostinato.decide.trigger import Early, Seen, Trigger

CALM_NS: Final = DAY_NS
"""A warning is taken back after so long without one. Shorter: a statistic that swings round its
warning level fills the journal; longer: the journal warns of what is past."""


def start(config: DecideConfig) -> DecideState:
    """Begin with every trigger unheard."""
    return DecideState(
        triggers=[trigger.begin() for trigger in config.triggers],
        stances=["" for _ in config.triggers],
        registered=[None for _ in config.triggers],
        calm_since_ns=[None for _ in config.triggers],
        parity=None if config.parity is None else begin_parity(config.parity),
        config_=config,
    )


def step(state: DecideState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take the evidence of this tick, then decide."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    for record in inbox:
        if isinstance(record, OperatorActed | AutonomySet):
            continue  # people speak last, whatever else the tick brings
        out.extend(_take(state, config, record, now_ns))
        if isinstance(record, Promoted | RolledBack):  # a champion's processes begin before events
            out.extend(_register(state, config, now_ns))
    acts = [record for record in inbox if isinstance(record, OperatorActed | AutonomySet)]
    if state.champion is None:
        return out + obey(state, config, acts, now_ns) + _first(state, config, now_ns)
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.advance(inner, now_ns)
    out.extend(_register(state, config, now_ns))  # what the events themselves began
    out.extend(_examine(state, config, state.champion, now_ns))
    decided = obey(state, config, acts, now_ns) + _decide(state, config, now_ns)
    if any(isinstance(record, LearningRequested) for record in decided):
        decided.extend(_register(state, config, now_ns))
    return out + decided


def _take(state: DecideState, config: DecideConfig, record: Record, now_ns: int) -> list[Record]:
    match record:
        case LossesObserved():
            _observe(state, config, record)
        case LabelsAwaited() | OutcomesRevealed():
            _foresee(state, config, record)
        case CandidateEvaluated():
            state.references[record.version] = reference_of(
                record, task=config.task, metric=config.metric, costs=config.costs
            )
        case Promoted() | RolledBack():
            return _changed_champion(state, config, record, now_ns)
        case FeaturesCompared():
            return _compare(state, config, record, now_ns)
        case WindowMeasured() | ReferenceRenewed():
            return _alarm(state, config, record, now_ns)
        case DiagnosisMade():
            least_ns = 0 if config.alarms is None else config.alarms.slow_ns
            take_diagnosis(state.examining, record, state.champion, least_ns=least_ns)
        case ActionProposed() | ProposalLapsed():
            return _question(state, record, now_ns)
        case _:
            return _turn(state, config, record, now_ns)
    return []


def _alarm(
    state: DecideState, config: DecideConfig, found: WindowMeasured | ReferenceRenewed, now_ns: int
) -> list[Record]:
    assert config.alarms is not None, "monitors come with a rule for their alarms"
    if isinstance(found, ReferenceRenewed):
        return renew_reference(state.alarms, found, now_ns)
    out = judge_window(state.alarms, config.alarms, found, now_ns)
    want(
        state.examining,
        out,
        found,
        now_ns,
        policy=lambda: policy_facts(state, config, now_ns),
    )
    broken = _broken(state, config, now_ns)
    return out + lapse(state, now_ns, f"Nothing is trained now: {broken}.") if broken else out


def _broken(state: DecideState, config: DecideConfig, now_ns: int) -> str:
    return broken_data(config.triggers, state.alarms.standing.values(), now_ns)


def _examine(state: DecideState, config: DecideConfig, champion: str, now_ns: int) -> list[Record]:
    if config.alarms is None:
        return []
    return examinations(
        state.examining,
        config.alarms,
        champion,
        now_ns,
        policy=lambda: policy_facts(state, config, now_ns),
    )


def _question(
    state: DecideState, question: ActionProposed | ProposalLapsed, now_ns: int
) -> list[Record]:
    """Follow what is asked of people by others; what is asked about learning is its own."""
    if isinstance(question, ActionProposed):
        return _asked(state, question, now_ns) if question.action == "release" else []
    if question.proposal == state.waits_as:
        state.waiting, state.waits_as = None, ""
    return []


def _compare(
    state: DecideState, config: DecideConfig, compared: FeaturesCompared, now_ns: int
) -> list[Record]:
    """Judge features as served; a question about learning lapses where that is held back."""
    assert state.parity is not None, "features are compared where the loop has a rule for it"
    assert config.parity is not None, "the state was begun with the rule"
    out = judge_parity(state.parity, config.parity, compared, now_ns)
    broken = broken_parity(state.parity, config.parity)
    return out + lapse(state, now_ns, f"Nothing is trained now: {broken}.") if broken else out


def _turn(state: DecideState, config: DecideConfig, record: Record, now_ns: int) -> list[Record]:
    """Follow a candidate: trained, judged, rolled out."""
    match record:
        case CandidateAccepted():
            state.training = False
            if state.autonomy == "auto" or state.champion is None:
                _lock(state, record.subject)
            elif state.rolling_out is None:  # somebody will be asked
                state.busy = ""
        case CandidateRejected() | TrainingFailed():
            state.training = False
            _kept(state, config, record.subject)
            if state.rolling_out is None:
                state.busy = ""
        case RolloutAdvanced():
            _lock(state, record.subject)
        case RolloutEnded():
            _kept(state, config, record.subject)
            _rolled_out(state, record.subject)
        case _:
            raise AssertionError(f"decide does not want {record.kind}")
    if isinstance(record, CandidateRejected | RolloutEnded):
        return retire_version(state.alarms, record.subject, now_ns)
    return []


def _lock(state: DecideState, version: str) -> None:
    state.busy, state.rolling_out = f"{version} is being rolled out", version
    state.alarms.retired = [each for each in state.alarms.retired if each != version]
    _no_longer_waits(state, version)


def _no_longer_waits(state: DecideState, version: str) -> None:
    if state.waiting == version:
        state.waiting, state.waits_as = None, ""


def _asked(state: DecideState, asked: ActionProposed, now_ns: int) -> list[Record]:
    """A release waits for approval: that locks nothing, but one question is open at a time."""
    if state.rolling_out == asked.subject:
        unlock(state)
    state.waiting, state.waits_as = asked.subject, asked.proposal
    return lapse(state, now_ns, f"The release of {asked.subject} is asked about instead.")


def _changed_champion(
    state: DecideState, config: DecideConfig, record: Promoted | RolledBack, now_ns: int
) -> list[Record]:
    out: list[Record] = []
    if isinstance(record, Promoted):
        _rolled_out(state, record.subject)
        kept = (record.subject, record.previous, state.rolling_out, state.waiting)
        state.references = {v: r for v, r in state.references.items() if v in kept}
        _renew(state, config, record.subject, now_ns)
    else:
        state.references.pop(record.subject, None)
        _renew(state, config, record.previous, now_ns)
        if record.ts_event_ns == state.undo_ns:
            state.rested_ns = record.ts_event_ns
        out = retire_version(state.alarms, record.subject, now_ns)
    return out + lapse(state, now_ns, f"{state.champion} is champion now.")


def _observe(state: DecideState, config: DecideConfig, observed: LossesObserved) -> None:
    state.labels_since += len(observed)
    state.examining.matured_to_ns = observed.matured_to_ns
    champion = state.champion
    if champion is None or not config.triggers:
        return
    losses = observed if config.paired else own_losses(observed, champion)
    if config.explored:
        losses = explored_losses(observed, champion)
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.observe(inner, losses, champion)


def _foresee(state: DecideState, config: DecideConfig, early: Early) -> None:
    champion = state.champion
    if champion is None:
        return
    told = early if config.paired else own_rows(early, champion)
    if config.explored:
        told = explored_rows(early, champion)
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.foresee(inner, told, champion)


def _kept(state: DecideState, config: DecideConfig, version: str) -> None:
    candidate = state.references.pop(version, None)
    if state.champion is None:
        return
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.kept(inner, candidate)


def _register(state: DecideState, config: DecideConfig, now_ns: int) -> list[Record]:
    """Tell the journal of the processes that began, with what was fixed before they did."""
    out: list[Record] = []
    for index, trigger in enumerate(config.triggers):
        found = trigger.registered(state.triggers[index])
        if found is None or found == state.registered[index]:
            continue
        restarted, state.registered[index] = state.registered[index] == VOID, found
        out.append(
            EvidenceRegistered(
                ts_event_ns=now_ns,
                ts_record_ns=now_ns,
                subject=trigger.name,
                reason="A process begins; it is judged by these parameters and no others.",
                process=found["method"],
                evidence=found,
                restarted=restarted,
            )
        )
    return out


def _rolled_out(state: DecideState, version: str) -> None:
    """Open the lock, unless it is about another version's rollout by now."""
    _no_longer_waits(state, version)
    if state.rolling_out in (None, version):
        unlock(state)


def _renew(state: DecideState, config: DecideConfig, champion: str, now_ns: int) -> None:
    state.champion, state.champion_since_ns = champion, now_ns
    renew_examining(state.examining)
    reference = state.references.get(champion)
    for trigger, inner in zip(config.triggers, state.triggers, strict=True):
        trigger.renew(inner, reference)


def _first(state: DecideState, config: DecideConfig, now_ns: int) -> list[Record]:
    last = state.last_request_ns
    if state.busy or state.paused or (last is not None and now_ns - last < config.cooldown_ns):
        return []
    if broken_parity(state.parity, config.parity) or _broken(state, config, now_ns):
        return []
    state.busy, state.last_request_ns = "the first champion is being trained", now_ns
    return [
        LearningRequested(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject="first champion",
            reason="There is no champion yet.",
        )
    ]


def _decide(state: DecideState, config: DecideConfig, now_ns: int) -> list[Record]:
    if state.last_request_ns is None:  # the champion came from outside
        state.last_request_ns = now_ns
    seen = seen_of(state, now_ns)
    stances: list[str] = [
        trigger.look(inner, seen)
        for trigger, inner in zip(config.triggers, state.triggers, strict=True)
    ]
    acting = [index for index, stance in enumerate(stances) if stance == "act"]
    held = hindrance(state, config, now_ns) if acting else ""
    if held:
        stances = ["held" if stance == "act" else stance for stance in stances]
    out: list[Record] = []
    for index, trigger in enumerate(config.triggers):
        if _changed_its_mind(state, index, stances[index], now_ns):
            state.stances[index] = stances[index]
            out.append(_changed(state, trigger, index, seen, held))
    if acting and not held:
        wish = wish_of(state, config, acting, seen)
        asks = state.autonomy == "suggest"
        out += propose(state, wish, now_ns) if asks else request(state, config, wish, now_ns)
    return out


def _changed_its_mind(state: DecideState, index: int, stance: str, now_ns: int) -> bool:
    """Say whether the journal must be told; a warning is only taken back after a while."""
    said, calm_since = state.stances[index], state.calm_since_ns[index]
    if said != "warn" or stance != "quiet":
        state.calm_since_ns[index] = None
        return stance != said
    if calm_since is None:
        state.calm_since_ns[index] = now_ns
        return False
    return now_ns - calm_since >= CALM_NS


def _changed(
    state: DecideState, trigger: Trigger, index: int, seen: Seen, held: str
) -> TriggerChanged:
    finding, stance = trigger.explain(state.triggers[index], seen), state.stances[index]
    by_stage = stance == "held" and held and trigger.look(state.triggers[index], seen) == "act"
    return TriggerChanged(
        ts_event_ns=seen.now_ns,
        ts_record_ns=seen.now_ns,
        subject=trigger.name,
        stance=stance,
        reason=f"{finding.reason} Held back: {held}." if by_stage else finding.reason,
        evidence=finding.evidence,
    )


STAGE = Stage(
    "decide",
    frozenset(
        {
            "features_compared",
            "window_measured",
            "reference_renewed",
            "diagnosis_made",
            "losses_observed",
            "labels_awaited",
            "outcomes_revealed",
            "candidate_evaluated",
            "candidate_accepted",
            "candidate_rejected",
            "training_failed",
            "promoted",
            "rollout_ended",
            "rolled_back",
            "rollout_advanced",
            "action_proposed",
            "proposal_lapsed",
            "operator_acted",
            "autonomy_set",
        }
    ),
    start,
    step,
    adopt,
)
