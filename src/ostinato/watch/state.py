"""What watching remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ostinato.watch.config import WatchConfig
from ostinato.watch.performance import Performance
from ostinato.watch.streams import StreamBook


@dataclass(slots=True)
class WatchState:
    """Summaries of performance, and of each monitor its state, its streams and its place in time.

    `read_to_ns`: up to where each monitor's windows are closed, None before its first record;
    `matured_to_ns`: up to where predictions have matured; `settled_to_ns`: by name, up to where
    their outcomes are settled.
    """

    performance: Performance = field(default_factory=Performance)
    monitors: list[Any] = field(default_factory=list)
    books: list[StreamBook] = field(default_factory=list)
    read_to_ns: list[int | None] = field(default_factory=list)
    matured_to_ns: int | None = None
    settled_to_ns: dict[str, int] = field(default_factory=dict)
    champion: str | None = None
    config_: WatchConfig | None = None
    takers_: tuple[WatchConfig, dict[str, list[int]]] | None = None

    def takers(self, config: WatchConfig) -> dict[str, list[int]]:
        """Return by kind of record which monitors take it."""
        if self.takers_ is None or self.takers_[0] is not config:
            found: dict[str, list[int]] = {}
            for index, monitor in enumerate(config.monitors):
                for kind in monitor.wants:
                    found.setdefault(kind, []).append(index)
            self.takers_ = (config, found)
        return self.takers_[1]
