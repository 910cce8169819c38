"""The one place that makes new routes; each change is a new epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ostinato.core.records import RoutesChanged
from ostinato.release.state import ReleaseState


def route(state: ReleaseState, now_ns: int, reason: str, **change: Any) -> RoutesChanged:
    """Change some fields of the routes; the rest follows from the proofs and the policy."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    shadows = tuple(version for version in _proved(state) if version is not None)
    state.routes = replace(
        state.routes,
        epoch=state.routes.epoch + 1,
        explore_share=config.explore,
        **{"shadows": shadows, **change},
    )
    return RoutesChanged(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=f"epoch {state.routes.epoch}",
        reason=reason,
        routes=state.routes,
    )


def _proved(state: ReleaseState) -> tuple[str | None, str | None]:
    """Name the versions that must score every request: the challenger, the previous champion."""
    challenger = state.rollout.challenger if state.rollout is not None else None
    previous = state.look_back.champion if state.look_back is not None else None
    return challenger, previous
