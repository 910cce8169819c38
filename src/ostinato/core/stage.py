"""What a stage of the loop is: a name, the kinds of record it wants, a start and a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.core.records import Record


def keep_all(state: Any, config: Any, now_ns: int) -> list[Record]:  # noqa: ARG001 - the signature of `Stage.adopt`
    """Go on with all state under another configuration."""
    state.config_ = config
    return []


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
    adopt
        ``adopt(state, config, now_ns) -> records``. Goes on under the configuration of another
        policy; evidence whose parameters changed is begun anew, and the records say so.
    """

    name: str
    wants: frozenset[str]
    start: Callable[[Any], Any]
    step: Callable[[Any, Sequence[Record], int], list[Record]]
    adopt: Callable[[Any, Any, int], list[Record]] = keep_all
