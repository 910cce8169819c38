"""Turn a request to learn into a training order: which rows, which holdout, which seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ostinato.core.ids import content_id
from ostinato.core.records import (
    CandidateRejected,
    CandidateTrained,
    CasesNamed,
    HardCasesListed,
    LearningRequested,
    LossesObserved,
    Promoted,
    Record,
    RolledBack,
    RolloutEnded,
    RowsMatured,
    TrainingFailed,
    TrainingRequested,
    ValidationSetRetired,
)
from ostinato.core.rng import stream_seed
from ostinato.core.stage import Stage
from ostinato.core.units import DAY_NS, format_time
from ostinato.learn.config import LearnConfig
from ostinato.learn.line import Descent
from ostinato.learn.state import LearnState
from ostinato.learn.windows import Expanding

_FIRST_WINDOW: Final = Expanding()
_FIRST_HOLDOUT_NS: Final = 7 * DAY_NS
_HOLDOUT_SHARE: Final = (
    5  # the recent holdout is at most 1/5 of the span: most of it is for learning
)


def start(config: LearnConfig) -> LearnState:
    """Begin with nothing learned but what matured before the start."""
    return LearnState(matured_to_ns=config.matured_to_ns, config_=config)


def step(state: LearnState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Order a training for each request to learn."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out: list[Record] = []
    for record in inbox:
        if isinstance(record, LearningRequested):
            out.extend(_order(state, config, record, now_ns))
        else:
            _note(state, config, record)
    return out


def _note(state: LearnState, config: LearnConfig, record: Record) -> None:
    """Take what happened to rows and to versions."""
    match record:
        case LossesObserved():
            state.hard.take(
                record, loop=config.loop, share=config.never_trained, explored=config.explored
            )
        case CasesNamed():
            state.hard.name(record)
        case ValidationSetRetired():
            if record.subject == "hard":
                state.hard.forget(record.until_ns)
        case RowsMatured():
            state.matured_to_ns = _later(state.matured_to_ns, record.matured_to_ns)
        case _:
            _note_version(state, record)


def _note_version(state: LearnState, record: Record) -> None:
    match record:
        case CandidateTrained():
            state.line.trained(record.request, record.subject)
        case TrainingFailed():
            state.line.failed(record.request)
        case CandidateRejected() | RolloutEnded():
            state.line.ended(record.subject)
        case Promoted():
            state.champion = record.subject
            if record.previous is not None:
                state.line.returns(record.subject, record.ts_event_ns)
            state.anchor.promoted(record.subject, record.ts_event_ns)
            state.line.serves(record.subject, (record.previous, state.anchor.version))
        case RolledBack():
            state.champion = record.previous
            state.anchor.rolled_back(record.subject, record.previous)
            state.line.serves(record.previous, (state.anchor.version,))
        case _:
            raise AssertionError(f"learn does not want {record.kind}")


def _order(
    state: LearnState, config: LearnConfig, asked: LearningRequested, now_ns: int
) -> list[Record]:
    state.requests += 1
    matured = state.matured_to_ns
    assert matured is not None, "start says up to where labels have matured"
    # Every policy starts from the same first champion: what they bring is measured against it.
    first = state.champion is None
    window, wanted = (
        (_FIRST_WINDOW, _FIRST_HOLDOUT_NS) if first else (config.window, config.holdout_ns)
    )
    span = window.span(matured_to_ns=matured, change_ns=asked.change_ns)
    from_ns = max(span.from_ns, config.data_from_ns)
    rule = config.anchor
    anchor = None if rule is None else state.anchor.renewed(rule, state.champion, now_ns)
    holdout = min(wanted, max((matured - from_ns) // _HOLDOUT_SHARE, 0))
    # Whoever the candidate is compared with must not have learned from the holdout either.
    compared_from = state.line.proved_from((state.champion, anchor))
    holdout_from = _later(compared_from, matured - holdout)
    to_ns = max(holdout_from - min(config.embargo_ns, holdout), from_ns)
    parent = state.champion if config.warm_start else None
    facts = (from_ns, to_ns, holdout_from, matured, span.half_life_ns, parent)
    request = content_id("t", state.requests, now_ns, *facts)
    hard = HardCasesListed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        request=request,
        offsets=state.hard.listed(),
        golden=state.hard.golden,
    )
    updates = state.line.behind(state.champion, changed=asked.change_ns is not None)
    schedules = {} if first else config.schedules
    parameters = {name: each.value(updates) for name, each in schedules.items()}
    state.line.ordered(request, Descent(updates=updates, proved_from_ns=holdout_from))
    order = TrainingRequested(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=asked.subject,
        reason=asked.reason,
        evidence={
            "window": [format_time(from_ns), format_time(to_ns)],
            "holdout": [format_time(holdout_from), format_time(matured)],
        },
        request=request,
        from_ns=from_ns,
        to_ns=to_ns,
        holdout_from_ns=holdout_from,
        matured_to_ns=matured,
        half_life_ns=span.half_life_ns,
        warm_start_from=parent,
        champion=state.champion,
        # The seed follows from what is learned, so that two policies that learn the same thing
        # get the same model.
        seed=stream_seed(config.seed, f"learn/{from_ns}/{to_ns}/{span.half_life_ns}/{parent}"),
        anchor=anchor,
        updates=updates,
        parameters=parameters,
    )
    return [hard, order]


def _later(one_ns: int | None, other_ns: int) -> int:
    return other_ns if one_ns is None else max(one_ns, other_ns)


STAGE = Stage(
    "learn",
    frozenset(
        {
            "learning_requested",
            "losses_observed",
            "rows_matured",
            "cases_named",
            "validation_set_retired",
            "candidate_trained",
            "candidate_rejected",
            "training_failed",
            "rollout_ended",
            "promoted",
            "rolled_back",
        }
    ),
    start,
    step,
)
