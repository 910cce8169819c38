"""What keeps a trigger from acting: the lock, the cool-down, the retrain budget."""

from __future__ import annotations

from ostinato.core.units import format_duration
from ostinato.decide.config import DecideConfig
from ostinato.decide.state import DecideState


def hindrance(state: DecideState, config: DecideConfig, now_ns: int) -> str:
    """Say what forbids a request now; "" when nothing does."""
    if state.busy:
        return f"{state.busy}; one at a time"
    last = state.last_request_ns
    if last is not None and now_ns - last < config.cooldown_ns:
        return f"the cool-down of {format_duration(config.cooldown_ns)} is not over"
    if state.labels_since == 0:
        return "no label has matured since the last request"
    if len(_recent(state, config, now_ns)) >= config.max_requests:
        period = format_duration(config.per_ns)
        return f"the budget of {config.max_requests} retrainings per {period} is spent"
    return ""


def book(state: DecideState, config: DecideConfig, now_ns: int) -> None:
    """Enter a request: it takes the lock, starts the cool-down, spends of the budget."""
    state.busy = "a candidate is being trained"
    state.last_request_ns = now_ns
    state.labels_since = 0
    state.requests_ns = [*_recent(state, config, now_ns), now_ns]


def _recent(state: DecideState, config: DecideConfig, now_ns: int) -> list[int]:
    return [moment for moment in state.requests_ns if moment > now_ns - config.per_ns]
