"""Score requests under the routes in force, or take what a gateway has answered already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    FALLBACK_VERSION,
    ROLES,
    Floats,
    PredictionsMade,
    Record,
    RequestsAnswered,
    RequestsArrived,
    Routes,
    RoutesChanged,
    ServingFault,
)
from ostinato.core.stage import Stage
from ostinato.serve.assign import FALLBACK, assign, chosen, owner, probabilities, versions_of
from ostinato.serve.config import ServeConfig
from ostinato.serve.scoring import Scored, score_all, scored_elsewhere, unanswered
from ostinato.serve.state import ServeState


def start(config: ServeConfig) -> ServeState:
    """Begin with no routes: requests pass unanswered until a champion is released."""
    width = len(config.fallback or ())
    return ServeState(classes=width if width > 1 else 0, config_=config)


def step(state: ServeState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Answer the requests of the inbox; obey the routes that come before them."""
    out: list[Record] = []
    for record in inbox:
        if isinstance(record, RoutesChanged):
            _obey(state, record.routes)
        elif isinstance(record, RequestsAnswered) and len(record):
            out.extend(_take(state, record, now_ns))
        elif isinstance(record, RequestsArrived) and len(record) and state.routes.champion:
            out.extend(_answer(state, record, now_ns))
    return out


def _obey(state: ServeState, routes: Routes) -> None:
    state.routes = routes
    known = versions_of(routes)
    state.faulty = {v: rows for v, rows in state.faulty.items() if v in known}


def _take(state: ServeState, answered: RequestsAnswered, now_ns: int) -> list[Record]:
    """Write down what a gateway answered, under whichever routes it knew."""
    scored = scored_elsewhere(answered)
    faults = _note_all(state, scored, answered, now_ns)
    scores = _of_one_shape(state, scored, len(answered))
    made = _made(
        answered,
        now_ns,
        versions=answered.versions,
        answered=answered.answered,
        roles=answered.roles,
        scores={version: scores[version] for version in answered.versions},
        epoch=answered.epoch,
        propensities=answered.propensities,
    )
    return [made, *faults]


def _answer(state: ServeState, requests: RequestsArrived, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    routes = state.routes
    versions = versions_of(routes)
    scored = score_all(config.scorer, versions, requests)
    faults = _note_all(state, scored, requests, now_ns)
    scores = _of_one_shape(state, scored, len(requests))
    roles = assign(routes, requests.unit_hashes, loop=config.loop)
    chances = probabilities(routes)
    answered = _owners(routes, versions)[roles]
    propensities = None if chances is None else chances[roles]
    if state.faulty:
        missing = {version: unanswered(scores[version]) for version in versions}
        lost = np.stack([*missing.values()])
        if config.fallback is not None and lost.all(axis=0).any():
            versions = (*versions, FALLBACK_VERSION)
            scores[FALLBACK_VERSION] = _constant(config.fallback, len(requests))
            lost = np.vstack([lost, np.zeros(len(requests), dtype=np.bool_)])
        rows = _fall_back(lost, answered, roles)
        if propensities is not None:
            propensities[rows] = _chance_to_fall(routes, missing, rows)
    made = _made(
        requests,
        now_ns,
        versions=versions,
        answered=answered,
        roles=roles,
        scores=scores,
        epoch=routes.epoch,
        propensities=propensities,
    )
    return [made, *faults]


def _made(
    source: RequestsArrived | RequestsAnswered,
    now_ns: int,
    *,
    versions: tuple[str, ...],
    answered: NDArray[np.int16],
    roles: NDArray[np.int8],
    scores: dict[str, Floats],
    epoch: int,
    propensities: Floats | None,
) -> PredictionsMade:
    return PredictionsMade(
        ts_event_ns=source.ts_event_ns,
        ts_record_ns=now_ns,
        offset=source.offset,
        ids=source.ids,
        times_ns=source.times_ns,
        unit_hashes=source.unit_hashes,
        groups=source.groups,
        versions=versions,
        answered=answered,
        roles=roles,
        scores=scores,
        epoch=epoch,
        propensities=propensities,
    )


def _owners(routes: Routes, versions: tuple[str, ...]) -> NDArray[np.int16]:
    """Return the version of each role, as an index."""
    named = [owner(routes, role) for role in range(len(ROLES))]
    return np.array([versions.index(str(version)) for version in named], dtype=np.int16)


def _constant(answer: tuple[float, ...], count: int) -> Floats:
    return np.full(count, answer[0]) if len(answer) == 1 else np.tile(answer, (count, 1))


def _of_one_shape(state: ServeState, scored: Scored, count: int) -> dict[str, Floats]:
    """Return the scores of all versions, NaN where a version has none at all."""
    answers = {version: scores for version, (scores, _) in scored.items()}
    widths = [a.shape[1] for a in answers.values() if a is not None and a.ndim == 2]
    state.classes = widths[0] if widths else state.classes
    nothing = np.full((count, state.classes) if state.classes else (count,), np.nan)
    return {v: nothing if answer is None else answer for v, answer in answers.items()}


def _note_all(
    state: ServeState, scored: Scored, source: RequestsArrived | RequestsAnswered, now_ns: int
) -> list[Record]:
    """Remember which versions are faulty; say so once per change of mind, not per tick."""
    faults: list[Record] = []
    for version, (scores, cause) in scored.items():
        if not cause:
            state.faulty.pop(version, None)
            continue
        lost = len(source) if scores is None else int(unanswered(scores).sum())
        if version not in state.faulty:
            faults.append(
                ServingFault(
                    ts_event_ns=source.ts_event_ns,
                    ts_record_ns=now_ns,
                    subject=version,
                    rows=lost,
                    reason=cause,
                )
            )
        state.faulty[version] = state.faulty.get(version, 0) + lost
    return faults


def _fall_back(
    missing: NDArray[np.bool_], answered: NDArray[np.int16], roles: NDArray[np.int8]
) -> NDArray[np.intp]:
    """Give rows whose version had no answer to the first version that has one; return them."""
    failed = missing[answered, np.arange(len(answered))]
    rows = np.flatnonzero(failed & ~missing.all(axis=0))
    answered[rows], roles[rows] = missing[:, rows].argmin(axis=0), FALLBACK
    return rows


def _chance_to_fall(
    routes: Routes, missing: dict[str, NDArray[np.bool_]], rows: NDArray[np.intp]
) -> Floats:
    """Say how probable each row's way was: chance led to each version that failed on it."""
    total = np.zeros(len(rows))
    for version, lost in missing.items():  # in the order of `fallback_propensity`, to the last bit
        total += chosen(routes, version) * lost[rows]
    return total


STAGE = Stage(
    "serve", frozenset({"requests_arrived", "requests_answered", "routes_changed"}), start, step
)
