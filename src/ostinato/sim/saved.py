"""What the runtime keeps beside the kernel's state, and how both are written as one snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.core import snapshot
from ostinato.core.records import Ints, TrainingRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A training order without a result: the tick it was given in, its number among all orders."""

    order: TrainingRequested
    hard: Ints
    tick: int
    number: int


@dataclass(slots=True)
class Saved:
    """How far the events are folded (`next_offset`, `tick`, `now_ns`), and what is under way."""

    next_offset: int = 0
    tick: int = 0
    now_ns: int = 0
    orders: int = 0
    open: list[Open] = field(default_factory=list)


def write_saved(saved: Saved, state: bytes) -> bytes:
    """Join both parts: a line, and the kernel's state after it."""
    return snapshot.encode(saved) + b"\n" + state


def read_saved(content: bytes) -> tuple[Saved, bytes]:
    """Split what `write_saved` joined."""
    line, _, state = content.partition(b"\n")
    saved: Saved = snapshot.decode(line)
    return saved, state
