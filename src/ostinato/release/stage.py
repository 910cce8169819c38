"""Give candidates traffic step by step; promote, abort, keep, roll back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ostinato.core.records import (
    AUTONOMY,
    ROLES,
    AutonomySet,
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    LatencyObserved,
    LossesObserved,
    OperatorActed,
    PredictionsMade,
    Record,
    RolledBack,
)
from ostinato.core.stage import Stage
from ostinato.release.adopt import adopt
from ostinato.release.asking import accept, settle
from ostinato.release.by_hand import obey
from ostinato.release.config import ReleaseConfig
from ostinato.release.look_back import look_back
from ostinato.release.prior import Prior
from ostinato.release.register import register
from ostinato.release.rollout import advance, end, freeze
from ostinato.release.state import ReleaseState
from ostinato.stats.metrics import metric_for

_EXPLORE: Final = ROLES.index("explore")


def start(config: ReleaseConfig) -> ReleaseState:
    """Begin with no routes."""
    return ReleaseState(config_=config)


def step(state: ReleaseState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take acts, candidates and evidence; then decide on the way back and on the rollout."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    asked = "" if state.waiting is None else state.waiting.proposal
    for record in inbox:
        if isinstance(record, OperatorActed):
            out.extend(obey(state, config, record, now_ns, asked=asked))
        else:
            out.extend(_take(state, config, record, now_ns))
    out.extend(settle(state, config, now_ns))
    out.extend(register(state, config, now_ns))  # tests that a burn-in gave their scale, first
    back = look_back(state, config, now_ns)
    out.extend(back)
    if state.rollout is not None and any(isinstance(record, RolledBack) for record in back):
        reason = "The champion it was compared with is rolled back."
        out.extend(end(state, now_ns, "aborted", reason, {}))
    out.extend(freeze(state, now_ns))
    out.extend(advance(state, config, now_ns))
    out.extend(register(state, config, now_ns))  # those of a new step or a new watch
    return out


def _take(state: ReleaseState, config: ReleaseConfig, record: Record, now_ns: int) -> list[Record]:
    match record:
        case CandidateEvaluated():
            _remember(state, config, record)
        case CandidateRejected():
            state.priors.pop(record.subject, None)
        case CandidateAccepted():
            return accept(state, config, record.subject, now_ns)
        case AutonomySet():
            if record.level in AUTONOMY:  # else `decide` refuses it
                state.autonomy = record.level
        case LossesObserved():
            _observe(state, config, record)
        case PredictionsMade():
            _serve(state, record)
        case LatencyObserved():
            if state.rollout is not None:
                state.rollout.guards.time(record)
        case _:
            raise AssertionError(f"release does not want {record.kind}")
    return []


def _observe(state: ReleaseState, config: ReleaseConfig, observed: LossesObserved) -> None:
    state.matured_to_ns = max(state.matured_to_ns, observed.matured_to_ns)
    explored = observed.roles == _EXPLORE if config.explored else slice(None)
    state.labelled.add(observed.times_ns[explored])
    if state.rollout is not None:
        state.rollout.proof.take(observed, config.rollout.terms)
        state.rollout.guards.observe(observed, config)
    if state.look_back is not None and state.look_back_guards is not None:
        state.look_back.take(observed, config.rollout.back_terms)
        state.look_back_guards.observe(observed, config)


def _serve(state: ReleaseState, made: PredictionsMade) -> None:
    state.requests.add(made.times_ns)
    rollout = state.rollout
    if rollout is not None:
        rollout.guards.serve(made)
        if rollout.ratio is not None:
            rollout.ratio.count(made, rollout.proof.champion, rollout.challenger)
    if state.look_back_guards is not None:
        state.look_back_guards.serve(made)


def _remember(state: ReleaseState, config: ReleaseConfig, evaluated: CandidateEvaluated) -> None:
    """Keep what the recent set said of candidate and champion: it sets the bets of the proofs.

    Not where only explored rows count: the set holds rows that the answers let through, and so many
    more of them a day that its days say nothing of a day's few explored rows.
    """
    if config.explored:
        return
    for each in evaluated.sets:
        if each.name != "recent" or each.champion is None or not len(each):
            continue
        for metric in dict.fromkeys((config.metric, *config.rollout.guard_metrics)):
            row_loss = metric_for(config.task, metric).row_loss
            champion = row_loss(each.labels, each.champion)
            prior = Prior.of(champion, row_loss(each.labels, each.candidate), each.times_ns)
            if prior is not None:
                state.priors.setdefault(evaluated.version, {})[metric] = prior


STAGE = Stage(
    "release",
    frozenset(
        {
            "candidate_evaluated",
            "candidate_rejected",
            "candidate_accepted",
            "losses_observed",
            "predictions_made",
            "latency_observed",
            "operator_acted",
            "autonomy_set",
        }
    ),
    start,
    step,
    adopt,
)
