"""What keeps a trigger from acting.

People, parity, broken data, the lock, the cool-down, the retrain budget.
"""

from __future__ import annotations

from typing import Final

from ostinato.core.units import format_duration
from ostinato.decide.config import DecideConfig
from ostinato.decide.data_quality import broken_data
from ostinato.decide.parity import broken_parity
from ostinato.decide.state import DecideState

TRAINING: Final = "a candidate is being trained"


def hindrance(state: DecideState, config: DecideConfig, now_ns: int) -> str:
    """Say what forbids a request now; "" when nothing does.

    A candidate that waits for approval forbids none: nobody's silence must keep the loop from
    learning, and a newer candidate takes its place. Where learning is asked about, too, it does:
    one question at a time.
    """
    parity = broken_parity(state.parity, config.parity)
    data = broken_data(config.triggers, state.alarms.standing.values(), now_ns)
    locked = _by_people(state) or parity or data or _by_work(state)
    if locked:
        return locked
    if any(_rests(config, since, now_ns) for since in (state.last_request_ns, state.rested_ns)):
        return f"the cool-down of {format_duration(config.cooldown_ns)} is not over"
    if state.labels_since == 0:
        return "no label has matured since the last request"
    if len(_recent(state, config, now_ns)) >= config.max_requests:
        period = format_duration(config.per_ns)
        return f"the budget of {config.max_requests} retrainings per {period} is spent"
    return ""


def _by_people(state: DecideState) -> str:
    if state.paused:
        return f"paused by {state.paused}"
    return "the loop only observes" if state.autonomy == "observe" else ""


def _by_work(state: DecideState) -> str:
    if state.busy:
        return f"{state.busy}; one at a time"
    if state.autonomy == "suggest" and state.waiting is not None:
        return f"{state.waiting} waits for approval; one question at a time"
    return ""


def _rests(config: DecideConfig, since_ns: int | None, now_ns: int) -> bool:
    return since_ns is not None and now_ns - since_ns < config.cooldown_ns


def book(state: DecideState, config: DecideConfig, now_ns: int, *, paid: bool) -> None:
    """Enter a request: it takes the lock, starts the cool-down, and if `paid` spends of the budget.

    What a person asks for is not paid from the budget that bounds the triggers.
    """
    state.busy, state.training = TRAINING, True
    state.last_request_ns = now_ns
    state.labels_since = 0
    if paid:
        state.requests_ns = [*_recent(state, config, now_ns), now_ns]


def unlock(state: DecideState) -> None:
    """Open the lock, unless a training is still under way."""
    state.rolling_out = None
    state.busy = TRAINING if state.training else ""


def _recent(state: DecideState, config: DecideConfig, now_ns: int) -> list[int]:
    return [moment for moment in state.requests_ns if moment > now_ns - config.per_ns]
