"""What the engine takes of the machine, told through the log with a tick, once a minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ostinato.core.ports import Clock
from ostinato.core.units import SECOND_NS
from ostinato.live.events import ResourcesGiven, encode
from ostinato.live.usage import Usage
from ostinato.stores.events import Event

EVERY_NS: Final = 60 * SECOND_NS
"""How long one report tells of, at least. Shorter: more in the log, and more looks at the GPU."""


@dataclass(slots=True)
class EngineResources:
    """Tells of the engine's own process, and of the machine's GPUs.

    Parameters
    ----------
    clock
        The wall clock.
    """

    clock: Clock
    usage: Usage = field(default_factory=lambda: Usage(gpu=True))
    _from_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self._from_ns = self.clock.now_ns()

    def entries(self, tick: int) -> list[Event]:
        """Return what is to be told before a tick; nothing where it was told just now."""
        now_ns = self.clock.now_ns()
        if now_ns - self._from_ns < EVERY_NS:
            return []
        given = ResourcesGiven(
            source="engine",
            from_ns=self._from_ns,
            to_ns=now_ns,
            requests=0,
            errors=0,
            values=self.usage.since((now_ns - self._from_ns) / SECOND_NS),
        )
        self._from_ns = now_ns
        return [(f"u/engine/{tick}", encode(given))]
