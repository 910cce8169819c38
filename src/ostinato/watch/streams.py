"""The streams of one monitor: what they are compared with, and the evidence that they moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.core.records import Record
from ostinato.watch.monitor import Monitor
from ostinato.watch.reading import Readings


@dataclass(slots=True)
class StreamBook:
    """Reference, evidence and open long window of every stream of one monitor."""

    def renew(self, reference: Sequence[Readings]) -> None:
        """Begin anew, with these windows as the reference; none: the first that come are."""

    def restart(self, streams: Sequence[str]) -> None:
        """Let the evidence of these streams count anew: their alarms are over."""

    def take(self, monitor: Monitor, readings: Readings, *, now_ns: int) -> Iterator[Record]:
        """Weigh a short window; add it to the long one."""
        yield from ()

    def close(
        self,
        monitor: Monitor,
        to_ns: int,
        details: Mapping[str, Mapping[str, Any]],
        *,
        slow_ns: int,
        now_ns: int,
    ) -> Iterator[Record]:
        """Weigh the long window that ends at `to_ns`."""
        yield from ()
