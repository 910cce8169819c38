"""Score requests under the routes in force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import LearnerError
from ostinato.core.records import (
    ROLES,
    Floats,
    PredictionsMade,
    Record,
    RequestsArrived,
    Routes,
    RoutesChanged,
    ServingFault,
)
from ostinato.core.stage import Stage
from ostinato.serve.assign import CANARY, FALLBACK, HOLDBACK, assign, probabilities
from ostinato.serve.config import ServeConfig
from ostinato.serve.state import ServeState


def start(config: ServeConfig) -> ServeState:
    """Begin with no routes: requests pass unanswered until a champion is released."""
    return ServeState(config_=config)


def step(state: ServeState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Answer the requests of the inbox; obey the routes that come before them."""
    out: list[Record] = []
    for record in inbox:
        if isinstance(record, RoutesChanged):
            _obey(state, record.routes)
        elif isinstance(record, RequestsArrived) and len(record) and state.routes.champion:
            out.extend(_answer(state, record, now_ns))
    return out


def _obey(state: ServeState, routes: Routes) -> None:
    state.routes = routes
    known = _versions(routes)
    state.faulty = {v: rows for v, rows in state.faulty.items() if v in known}


def _answer(state: ServeState, requests: RequestsArrived, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    routes = state.routes
    versions = _versions(routes)
    scores, faults = _score_all(state, config, versions, requests, now_ns)
    roles = assign(routes, requests.unit_hashes, loop=config.loop)
    owners, chances = _owners(routes, versions), probabilities(routes)
    answered = owners[roles]
    propensities = None if chances is None else chances[roles]
    if state.faulty:
        missing = np.stack([_unanswered(scores[version]) for version in versions])
        rows = _fall_back(missing, answered, roles)
        if propensities is not None and chances is not None:
            # Chance led here by each version that failed on the row.
            chosen = np.bincount(owners, weights=chances, minlength=len(versions))
            propensities[rows] = chosen @ missing[:, rows]
    made = PredictionsMade(
        ts_event_ns=requests.ts_event_ns,
        ts_record_ns=now_ns,
        offset=requests.offset,
        ids=requests.ids,
        times_ns=requests.times_ns,
        unit_hashes=requests.unit_hashes,
        groups=requests.groups,
        versions=versions,
        answered=answered,
        roles=roles,
        scores=scores,
        epoch=routes.epoch,
        propensities=propensities,
    )
    return [made, *faults]


def _versions(routes: Routes) -> tuple[str, ...]:
    # The champion comes first: index 0 is where every request falls back to.
    named = (routes.champion, routes.canary, routes.holdback, *routes.shadows)
    return tuple(dict.fromkeys(version for version in named if version is not None))


def _owners(routes: Routes, versions: tuple[str, ...]) -> NDArray[np.int16]:
    """Return the version of each role, as an index: the champion's, unless another is named."""
    owners = np.zeros(len(ROLES), dtype=np.int16)
    for role, named in ((CANARY, routes.canary), (HOLDBACK, routes.holdback)):
        if named is not None:
            owners[role] = versions.index(named)
    return owners


def _score_all(
    state: ServeState,
    config: ServeConfig,
    versions: tuple[str, ...],
    requests: RequestsArrived,
    now_ns: int,
) -> tuple[dict[str, Floats], list[Record]]:
    """Ask every version; return scores of one shape, NaN where a version has none."""
    answers: dict[str, Floats | None] = {}
    faults: list[Record] = []
    for version in versions:
        answers[version], cause = _score(config, version, requests)
        faults.extend(_note(state, version, answers[version], cause, requests, now_ns))
    widths = [a.shape[1] for a in answers.values() if a is not None and a.ndim == 2]
    state.classes = widths[0] if widths else state.classes
    shape = (len(requests), state.classes) if state.classes else (len(requests),)
    nothing = np.full(shape, np.nan)
    return {v: nothing if answer is None else answer for v, answer in answers.items()}, faults


def _score(
    config: ServeConfig, version: str, requests: RequestsArrived
) -> tuple[Floats | None, str]:
    """Ask one version: its scores, whole rows NaN where one number is not finite, or the reason."""
    try:
        scores = config.scorer.score(version, requests)
    except LearnerError as error:
        return None, str(error)
    if len(scores) != len(requests):
        return None, f"The version gave {len(scores)} answers to {len(requests)} requests."
    lost = ~np.isfinite(scores)
    if not lost.any():
        return scores, ""
    cleaned = scores.copy()  # the scorer may keep what it handed out
    cleaned[lost.any(axis=1) if scores.ndim == 2 else lost] = np.nan
    return cleaned, "The version answered NaN or an infinite number."


def _note(
    state: ServeState,
    version: str,
    scores: Floats | None,
    cause: str,
    requests: RequestsArrived,
    now_ns: int,
) -> list[Record]:
    """Remember whether a version is faulty; say so once per change of mind, not per tick."""
    if not cause:
        state.faulty.pop(version, None)
        return []
    lost = len(requests) if scores is None else int(_unanswered(scores).sum())
    known = version in state.faulty
    state.faulty[version] = state.faulty.get(version, 0) + lost
    if known:
        return []
    fault = ServingFault(
        ts_event_ns=requests.ts_event_ns,
        ts_record_ns=now_ns,
        subject=version,
        rows=lost,
        reason=cause,
    )
    return [fault]


def _unanswered(scores: Floats) -> NDArray[np.bool_]:
    return np.isnan(scores if scores.ndim == 1 else scores[:, 0])


def _fall_back(
    missing: NDArray[np.bool_], answered: NDArray[np.int16], roles: NDArray[np.int8]
) -> NDArray[np.intp]:
    """Give rows whose version had no answer to the first version that has one; return them."""
    failed = missing[answered, np.arange(len(answered))]
    rows = np.flatnonzero(failed & ~missing.all(axis=0))
    answered[rows], roles[rows] = missing[:, rows].argmin(axis=0), FALLBACK
    return rows


STAGE = Stage("serve", frozenset({"requests_arrived", "routes_changed"}), start, step)
