"""Windows of the past that a champion can be compared with: those it was trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ostinato.core.records import CandidateTrained, Floats, Record, TrainingRequested

MOST_WINDOWS: Final = 100
"""Long windows that are kept. Fewer: a champion trained on more is compared with the newest of
them; more: the state is larger."""

FEWEST: Final = 3
"""Windows that make a reference. Fewer say nothing of how windows differ by themselves."""

_VERSIONS: Final = 16
"""Versions whose training is remembered. Fewer: a candidate that waited long to be released is
compared with the windows from then on."""


@dataclass(slots=True)
class Past:
    """Counts of the newest long windows, and from when to when versions were trained.

    Parameters
    ----------
    starts_ns, counts
        Start of each window, rising, and its counts.
    orders
        By training order: first and last moment of its rows.
    spans
        The same by version.
    begun
        Whether there is a reference yet.
    """

    starts_ns: list[int] = field(default_factory=list)
    counts: list[Floats] = field(default_factory=list)
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    begun: bool = False

    def learn(self, record: Record) -> None:
        """Remember from when to when the rows of a training are."""
        if isinstance(record, TrainingRequested):
            self.orders[record.request] = (record.from_ns, record.matured_to_ns)
            _keep_newest(self.orders)
        elif isinstance(record, CandidateTrained):
            span = self.orders.pop(record.request, None)
            if span is not None:
                self.spans[record.subject] = span
                _keep_newest(self.spans)

    def add(self, start_ns: int, counts: Floats) -> None:
        """Add counts of a part of the long window that starts then."""
        if self.starts_ns and self.starts_ns[-1] >= start_ns:
            self.counts[-1] = self.counts[-1] + counts
            return
        self.starts_ns.append(start_ns)
        self.counts.append(counts)
        del self.starts_ns[:-MOST_WINDOWS], self.counts[:-MOST_WINDOWS]

    def of(self, start_ns: int) -> Floats | None:
        """Return the counts of the newest window, if it is the one that starts then."""
        fits = bool(self.starts_ns) and self.starts_ns[-1] == start_ns
        return self.counts[-1] if fits else None

    def reference(self, champion: str, width_ns: int) -> list[tuple[int, Floats]] | None:
        """Return start and counts of the windows that a champion was trained on for the most part.

        Where too few of them are kept: an empty list for the first champion, so that the windows
        to come are the reference; else None, the reference stays as it is.
        """
        from_ns, to_ns = self.spans.get(champion, (0, -1))
        first, self.begun = not self.begun, True
        found = [
            (start, counts)
            for start, counts in zip(self.starts_ns, self.counts, strict=True)
            if from_ns <= start + width_ns // 2 <= to_ns and counts[0]
        ]
        if len(found) >= FEWEST:
            return found
        return [] if first else None


def _keep_newest(spans: dict[str, tuple[int, int]]) -> None:
    for old in list(spans)[:-_VERSIONS]:
        del spans[old]
