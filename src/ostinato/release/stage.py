"""Give candidates traffic step by step; promote, abort, keep, roll back."""

from __future__ import annotations

from collections.abc import Sequence

from ostinato.core.records import (
    CandidateAccepted,
    CandidateEvaluated,
    CandidateRejected,
    LossesObserved,
    Record,
    RolledBack,
    ServingFault,
)
from ostinato.core.stage import Stage
from ostinato.release.config import ReleaseConfig
from ostinato.release.look_back import look_back
from ostinato.release.proof import Prior
from ostinato.release.rollout import advance, begin, end
from ostinato.release.state import ReleaseState
from ostinato.stats.metrics import metric_for


def start(config: ReleaseConfig) -> ReleaseState:
    """Begin with no routes."""
    return ReleaseState(config_=config)


def step(state: ReleaseState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take accepted candidates and evidence; then decide on the way back and on the rollout."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    state.faulty = []
    out: list[Record] = []
    for record in inbox:
        match record:
            case CandidateEvaluated():
                _remember(state, config, record)
            case CandidateRejected():
                state.priors.pop(record.subject, None)
            case CandidateAccepted():
                out.extend(begin(state, config, record.subject, now_ns))
            case LossesObserved():
                _observe(state, config, record)
            case ServingFault():
                state.faulty.append(record.subject)
            case _:
                raise AssertionError(f"release does not want {record.kind}")
    back = look_back(state, config, now_ns)
    out.extend(back)
    if state.rollout is not None and any(isinstance(record, RolledBack) for record in back):
        reason = "The champion it was compared with is rolled back."
        out.extend(end(state, now_ns, "aborted", reason, {}))
    out.extend(advance(state, config, now_ns))
    return out


def _observe(state: ReleaseState, config: ReleaseConfig, observed: LossesObserved) -> None:
    if state.rollout is not None:
        state.rollout.proof.take(observed, config.rollout)
    if state.look_back is not None:
        state.look_back.take(observed, config.rollout)


def _remember(state: ReleaseState, config: ReleaseConfig, evaluated: CandidateEvaluated) -> None:
    """Keep what the recent set said of candidate and champion: it sets the bets of the proof."""
    row_loss = metric_for(config.task, config.metric).row_loss
    for each in evaluated.sets:
        if each.name == "recent" and each.champion is not None and len(each):
            champion = row_loss(each.labels, each.champion)
            prior = Prior.of(champion, row_loss(each.labels, each.candidate))
            if prior is not None:
                state.priors[evaluated.version] = prior


STAGE = Stage(
    "release",
    frozenset(
        {
            "candidate_evaluated",
            "candidate_rejected",
            "candidate_accepted",
            "losses_observed",
            "serving_fault",
        }
    ),
    start,
    step,
)
