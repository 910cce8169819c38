"""The one place that makes new routes; each change is a new epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ostinato.core.records import RoutesChanged
from ostinato.release.state import ReleaseState


def route(state: ReleaseState, now_ns: int, reason: str, **change: Any) -> RoutesChanged:
    """Change some fields of the routes; the rest follows from the proofs and the policy.

    A version is held back from one promotion to the next; its share follows the policy.
    """
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    shadows = tuple(version for version in _proved(state, now_ns) if version is not None)
    held = change.pop("holdback", state.routes.holdback)
    holdback = held if config.rollout.holdback > 0 else None
    state.routes = replace(
        state.routes,
        epoch=state.routes.epoch + 1,
        explore_share=config.explore,
        shadows=shadows,
        holdback=holdback,
        holdback_share=config.rollout.holdback if holdback is not None else 0.0,
        **change,
    )
    return RoutesChanged(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=f"epoch {state.routes.epoch}",
        reason=reason,
        routes=state.routes,
    )


def watch_over(state: ReleaseState, now_ns: int) -> bool:
    """Say whether the previous champion has scored for long enough after the promotion."""
    return state.look_back_until_ns is not None and now_ns >= state.look_back_until_ns


def _proved(state: ReleaseState, now_ns: int) -> tuple[str | None, str | None]:
    """Name the versions that must score every request: the challenger, the previous champion."""
    challenger = state.rollout.challenger if state.rollout is not None else None
    watched = state.look_back is not None and not watch_over(state, now_ns)
    previous = state.look_back.champion if state.look_back is not None and watched else None
    return challenger, previous
