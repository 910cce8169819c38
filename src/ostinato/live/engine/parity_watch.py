"""What the engine does about parity: gathers rows, hands them over, tells what they showed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from ostinato.core.records import FeaturesCompared
from ostinato.live.engine.comparisons import Comparisons, Job
from ostinato.live.engine.feed import Turn
from ostinato.live.engine.saved import Compared
from ostinato.live.engine.served_rows import ServedSample
from ostinato.live.events import encode
from ostinato.live.published import ParityStatus
from ostinato.loop.kernel import LoopState
from ostinato.loop.loop import Loop
from ostinato.loop.standing import standing


@dataclass(slots=True)
class ParityWatch:
    """The engine's part in the comparison of features as served with features computed again.

    Parameters
    ----------
    loop
        Whose features.
    comparisons
        Carries them out.
    """

    loop: Loop
    comparisons: Comparisons
    _sample: ServedSample = field(init=False)

    def __post_init__(self) -> None:
        assert self.loop.parity is not None, "else nothing is compared"
        self._sample = ServedSample(self.loop.name, self.loop.parity.sample)

    @property
    def under_way(self) -> bool:
        """Whether a comparison was begun that has no outcome yet."""
        return self.comparisons.under_way

    def take(self, turn: Turn, state: LoopState) -> None:
        """Take the rows of a tick that was folded."""
        self._sample.take(turn.requests, everything=bool(standing(state).broken))
        self._sample.drop(turn.compared_to)

    def entries(self) -> list[tuple[str, bytes]]:
        """Return what the last comparison showed, to be written to the log once."""
        done = self.comparisons.outcome()
        return [] if done is None else [(f"parity/{done.to_row}", encode(done))]

    def hand_over(self, state: LoopState, tick: int, now_ns: int) -> None:
        """Have the rows so far compared, if it is time."""
        parity = state.stages["decide"].parity
        if parity is None or not self.comparisons.wants(tick):
            return
        if not len(self._sample) and not self.comparisons.waiting:
            return
        job = Job(
            rows=self._sample.hand_over(),
            now_ns=now_ns,
            parity=deepcopy(parity),
            champion=standing(state).champion,
        )
        self.comparisons.begin(job)


def counted(so_far: Mapping[str, Compared], turn: Turn) -> dict[str, Compared]:
    """Count what a tick told of each feature."""
    found = dict(so_far)
    for record in turn.batch:
        if isinstance(record, FeaturesCompared):
            for at, name in enumerate(record.features):
                before = found.get(name, Compared())
                found[name] = Compared(
                    rows=before.rows + int(record.rows[at]),
                    mismatches=before.mismatches + int(record.mismatches[at]),
                    to_ns=record.ts_event_ns,
                )
    return found


def parity_status(compared: Mapping[str, Compared], state: LoopState) -> tuple[ParityStatus, ...]:
    """Return how each compared feature stands."""
    broken = standing(state).broken
    return tuple(
        ParityStatus(
            feature=name,
            rows=each.rows,
            mismatches=each.mismatches,
            compared_to_ns=each.to_ns,
            broken=broken.get(name),
        )
        for name, each in compared.items()
    )
