"""What a stage of the loop is: a name, the kinds of record it wants, a start and a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.core.records import Record


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, as the kernel sees it.

    Parameters
    ----------
    name
        The folder's name, a verb.
    wants
        The kinds of record handed to `step`; all others pass by.
    start
        ``start(config) -> state``.
    step
        ``step(state, inbox, now_ns) -> records``. Owns the state while it runs and leaves it as it
        is after the inbox; what it returns depends on the state, the inbox and `now_ns` alone.
    """

    name: str
    wants: frozenset[str]
    start: Callable[[Any], Any]
    step: Callable[[Any, Sequence[Record], int], list[Record]]
