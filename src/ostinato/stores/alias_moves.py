"""Where aliases point: the history of their moves, and what a new move does to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ostinato.core.errors import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """From `ts_event_ns` on, `alias` points to `version`."""

    alias: str
    version: str
    ts_event_ns: int


def is_news(moves: Sequence[Move], move: Move) -> bool:
    """Tell whether a move has to be written.

    It does not if the alias points there already, or if the very same move was made before: a
    loop that recovers makes its last moves again.

    Raises
    ------
    StoreError
        If the move is earlier than the alias's last one.
    """
    history = [past for past in moves if past.alias == move.alias]
    if not history:
        return True
    if move in history or history[-1].version == move.version:
        return False
    if move.ts_event_ns < history[-1].ts_event_ns:
        raise StoreError(
            f"Alias {move.alias} cannot be moved back in time",
            found=move.ts_event_ns,
            expected=f"{history[-1].ts_event_ns} ns, its last move, or later",
            hint="Use a registry of its own for a replay.",
        )
    return True


def targets(moves: Sequence[Move]) -> dict[str, str]:
    """Return where each alias points after all moves."""
    return {move.alias: move.version for move in moves}


def history(moves: Sequence[Move], alias: str) -> list[tuple[int, str]]:
    """Return (since when, version) of one alias, oldest first."""
    return [(move.ts_event_ns, move.version) for move in moves if move.alias == alias]
