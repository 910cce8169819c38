"""What an onlooker wrote down of a run; all that the checkers are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ostinato.core.ports import Entry
from ostinato.core.records import Decision, Floats, Ints, Record, TrainingRequested
from ostinato.core.snapshot import encode
from ostinato.sim.declare import Promises
from ostinato.sim.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class TickSeen:
    """One step of the kernel: what went in and everything that came out, the batch first."""

    tick: int
    now_ns: int
    batch: Sequence[Record]
    made: Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSeen:
    """One training as it was carried out: offsets of its rows and the labels it learned."""

    tick: int
    order: TrainingRequested
    order_tick: int
    version: str
    rows: Ints
    labels: Floats


@dataclass(slots=True)
class Onlooker:
    """Grows with the run.

    `acknowledged` maps the key of each message whose receipt was confirmed to its bytes;
    `promised` each decision's place in the journal to its text, once the journal had taken it.
    """

    ticks: dict[int, TickSeen] = field(default_factory=dict)
    trainings: list[TrainingSeen] = field(default_factory=list)
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    promised: dict[int, str] = field(default_factory=dict)
    crashes: list[tuple[int, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def stepped(self, seen: TickSeen) -> None:
        """Take note of a step; one that is done again must come to the same."""
        before = self.ticks.get(seen.tick)
        if before is not None and encode(list(before.made)) != encode(list(seen.made)):
            text = f"after a crash the step made {_difference(before.made, seen.made)}"
            self.findings.append(Finding(checker="same again", tick=seen.tick, text=text))
        self.ticks[seen.tick] = seen

    def written(self, decisions: Sequence[Decision]) -> None:
        """Take note of decisions that the journal has confirmed."""
        for decision in decisions:
            self.promised.setdefault(decision.seq, decision.canonical())


def _difference(before: Sequence[Record], after: Sequence[Record]) -> str:
    for place, (one, other) in enumerate(zip(before, after, strict=False)):
        if encode(one) != encode(other):
            return f"another {other.kind} (record {place}, was a {one.kind})"
    return f"{len(after)} records, was {len(before)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A finished run: what the onlooker saw, and what lies on disk.

    `events` are (offset, key, payload) of the event log; `registered` are the versions in order,
    `champions` (since when, version) of the registry's alias. `derived` is the journal that folding
    the event log anew gives. `rows_before` is how many rows lay in the lake at the start.
    """

    promises: Promises
    seen: Onlooker
    events: Sequence[tuple[int, str, bytes]]
    journal: Sequence[Entry]
    derived: Sequence[Entry]
    registered: Sequence[str]
    artifacts: dict[str, str]
    champions: Sequence[tuple[int, str]]
    rows_before: int
    still: bool

    @property
    def steps(self) -> list[TickSeen]:
        """The steps in order."""
        return [self.seen.ticks[tick] for tick in sorted(self.seen.ticks)]
