"""Tables of sources that somebody keeps up beside the service: what a training elsewhere would use.

Where a source's declaration names a path on this machine, and there is more in it than was known at
the start, it is what the source is said to be, up to the newest time at which it knows anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ostinato.core.clock import SteadyClock
from ostinato.core.ports import Clock
from ostinato.features.prepare import EventBatch
from ostinato.features.reading import read_events
from ostinato.features.sources import Events
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.source_files import kept_since_ns

READ_PAUSE: Final = 20
"""How many times what reading a table took passes before it is read again. Less: much of a
processor goes into it; more: rows wait longer for what the table says of them."""


@dataclass(slots=True)
class _Read:
    """What was read of a table: how its file was, when it may be read again, and until when."""

    changed_ns: int
    again_ns: int
    batch: EventBatch | None


@dataclass(slots=True)
class GrownTables:
    """Reads the tables of sources, again when they have changed.

    Parameters
    ----------
    folder
        The service's folder.
    sources
        Those to look at.
    """

    folder: Folder
    sources: tuple[Events, ...]
    _read: dict[str, _Read] = field(default_factory=dict)
    _steady: Clock = field(default_factory=SteadyClock)

    def tables(self) -> dict[str, EventBatch]:
        """Return, by source, the tables that have grown beyond the start.

        Raises
        ------
        DataError
            If one is there and cannot be read.
        """
        found = {source.name: self._table(source) for source in self.sources}
        return {name: batch for name, batch in found.items() if batch is not None}

    def _table(self, source: Events) -> EventBatch | None:
        changed_ns = _changed_ns(source)
        if changed_ns is None or not self._beside(source, changed_ns):
            return None
        before, now_ns = self._read.get(source.name), self._steady.now_ns()
        if before is not None and (before.changed_ns == changed_ns or now_ns < before.again_ns):
            return before.batch
        batch = read_events(source, self.folder.loop.feature_plan.columns_of(source.name))
        grown = len(batch) > 0 and known_to_ns(batch) > self.folder.schema.start_ns
        done_ns = self._steady.now_ns()
        again_ns = done_ns + READ_PAUSE * (done_ns - now_ns)
        self._read[source.name] = _Read(changed_ns, again_ns, batch if grown else None)
        return self._read[source.name].batch

    def _beside(self, source: Events, changed_ns: int) -> bool:
        """Whether a table may be kept up: on the wall clock, one that changed since the start."""
        if self.folder.config.clock == "events":
            return True
        return changed_ns > kept_since_ns(self.folder.layout.sources, source.name)


def known_to_ns(batch: EventBatch) -> int:
    """Return the newest time at which an event became available."""
    return int(np.maximum(batch.times_ns, batch.known_ns).max())


def _changed_ns(source: Events) -> int | None:
    """Return when the files of a source's path last changed; None where there are none here."""
    if not isinstance(source.data, str | Path):
        return None
    path = Path(source.data)
    try:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        return max((each.stat().st_mtime_ns for each in files), default=None)
    except OSError:
        return None  # it is being written anew, perhaps
