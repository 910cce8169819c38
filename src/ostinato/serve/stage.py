"""Score requests under the routes in force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import LearnerError
from ostinato.core.records import (
    Floats,
    PredictionsMade,
    Record,
    RequestsArrived,
    Routes,
    RoutesChanged,
    ServingFault,
)
from ostinato.core.stage import Stage
from ostinato.serve.assign import CANARY, FALLBACK, HOLDBACK, assign
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
            state.routes = record.routes
        elif isinstance(record, RequestsArrived) and len(record) and state.routes.champion:
            out.extend(_answer(state, record, now_ns))
    return out


def _answer(state: ServeState, requests: RequestsArrived, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    routes = state.routes
    versions = _versions(routes)
    faults: list[Record] = []
    scores: dict[str, Floats] = {}
    for version in versions:
        scored, fault = _score(state, config, version, requests, now_ns)
        scores[version] = scored
        faults.extend(fault)
    _same_shape(scores)
    roles = assign(routes, requests.unit_hashes, loop=config.loop)
    answered = np.zeros(len(requests), dtype=np.int16)
    for role, version in ((CANARY, routes.canary), (HOLDBACK, routes.holdback)):
        if version is not None:
            answered[roles == role] = versions.index(version)
    _fall_back(versions, scores, answered, roles)
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
    )
    return [made, *faults]


def _versions(routes: Routes) -> tuple[str, ...]:
    # The champion comes first: index 0 is where every request falls back to.
    named = (routes.champion, routes.canary, routes.holdback, *routes.shadows)
    return tuple(dict.fromkeys(version for version in named if version is not None))


def _score(
    state: ServeState, config: ServeConfig, version: str, requests: RequestsArrived, now_ns: int
) -> tuple[Floats, list[Record]]:
    try:
        scores, cause = config.scorer.score(version, requests), None
    except LearnerError as error:
        scores, cause = np.full(len(requests), np.nan), str(error)
    lost = int(np.isnan(scores if scores.ndim == 1 else scores[:, 0]).sum())
    if lost == 0:
        state.faulty.pop(version, None)
        return scores, []
    known = version in state.faulty
    state.faulty[version] = state.faulty.get(version, 0) + lost
    if known:
        return scores, []  # one record per change of mind, not per tick
    fault = ServingFault(
        ts_event_ns=requests.ts_event_ns,
        ts_record_ns=now_ns,
        subject=version,
        rows=lost,
        reason=cause or "The version answered NaN.",
    )
    return scores, [fault]


def _same_shape(scores: dict[str, Floats]) -> None:
    # A version that failed altogether answered (n,) NaN; give it the classes of the others.
    widths = {values.shape[1] for values in scores.values() if values.ndim == 2}
    if widths:
        width = max(widths)
        for version, values in scores.items():
            if values.ndim == 1:
                scores[version] = np.repeat(values[:, None], width, axis=1)


def _fall_back(
    versions: tuple[str, ...],
    scores: dict[str, Floats],
    answered: NDArray[np.int16],
    roles: NDArray[np.int8],
) -> None:
    """Give rows whose version had no answer to the first version that has one."""
    unscored = {v: np.isnan(s if s.ndim == 1 else s[:, 0]) for v, s in scores.items()}
    if not any(mask.any() for mask in unscored.values()):
        return
    missing = np.stack([unscored[version] for version in versions])
    failed = np.flatnonzero(missing[answered, np.arange(len(answered))])
    for row in failed.tolist():
        able = np.flatnonzero(~missing[:, row])
        if len(able):
            answered[row], roles[row] = able[0], FALLBACK


STAGE = Stage("serve", frozenset({"requests_arrived", "routes_changed"}), start, step)
