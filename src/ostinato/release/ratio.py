"""Whether units reach the arms of a canary in the shares that were set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ids import place
from ostinato.core.records import FALLBACK_VERSION, ROLES, PredictionsMade
from ostinato.release.guards import unanswered
from ostinato.stats.sample_ratio import SampleRatio

ALPHA: Final = 1e-4
"""Probability of freezing a rollout whose units are assigned as they should, over all its steps.
Larger freezes healthy rollouts; smaller needs more units, by the logarithm."""

REMEMBERED: Final = 100_000
"""Units that are remembered, so that none counts twice. Fewer finds only larger deviations: this
many show a share of 50 % that is off by one point, or one of 1 % that is off by a fifth."""

_SALT: Final = "sample ratio"
_CHAMPION, _CANARY, _HOLDBACK, _FALLBACK, _EXPLORE = (ROLES.index(role) for role in ROLES)


@dataclass(slots=True)
class Ratio:
    """The units of one step, each counted once, by the arm that it was assigned to.

    Units held back are left out. Each step is a test of its own: a unit keeps its place, so what it
    got at one share says what it will get at the next, and counting on would count it twice. When
    more than `REMEMBERED` units come, only those with a place below `below` are counted from then
    on, under a salt that no assignment uses.

    Parameters
    ----------
    test
        The evidence against the shares; arm 0 is the champion, arm 1 the canary.
    epoch
        Routes from this epoch on are those of the step.
    seen
        (u,) hashes of the units that were counted, ascending.
    below
        Only units with a place below it count, in (0, 1].
    registered
        Whether the journal knows the parameters of the test.
    """

    test: SampleRatio
    epoch: int
    seen: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    below: float = 1.0
    registered: bool = False

    @classmethod
    def begin(cls, share: float, *, epoch: int, steps: int) -> Ratio:
        """Start a step with the canary's share, in (0, 1); all steps share `ALPHA`."""
        return cls(test=SampleRatio.begin([1.0 - share, share], alpha=ALPHA / steps), epoch=epoch)

    def count(self, made: PredictionsMade, champion: str, canary: str) -> None:
        """Count the units that come for the first time."""
        known = canary in made.scores and champion in made.scores
        if made.epoch < self.epoch or not known or self.test.crossed:
            return
        arms = _arms(made, champion, canary)
        wanted = arms >= 0
        if self.below < 1.0:
            wanted &= place(made.unit_hashes, _SALT) < self.below
        units, first = np.unique(made.unit_hashes[wanted], return_index=True)
        places = np.searchsorted(self.seen, units)
        new = np.ones(len(units), dtype=np.bool_)
        inside = places < len(self.seen)
        new[inside] = self.seen[places[inside]] != units[inside]
        self.test.update(arms[wanted][np.sort(first[new])])
        self.seen = np.insert(self.seen, places[new], units[new])
        while len(self.seen) > REMEMBERED:
            self.below /= 2.0
            self.seen = self.seen[place(self.seen, _SALT) < self.below]

    def registrations(self) -> list[tuple[str, dict[str, Any]]]:
        """Return (what for, parameters) unless the journal knows them."""
        if self.registered:
            return []
        self.registered = True
        return [("sample ratio", self.test.registered())]

    def evidence(self) -> dict[str, Any]:
        """Write down the shares as set and as seen."""
        champion, canary = self.test.counts.tolist()
        return {
            "units": self.test.n,
            "share": float(self.test.shares[1]),
            "share_seen": canary / max(champion + canary, 1),
            "log_e": self.test.log_e,
        }


def _arms(made: PredictionsMade, champion: str, canary: str) -> NDArray[np.int64]:
    """Return 1 for the canary's units, 0 for the champion's, -1 for those that say nothing.

    Who fell back was assigned to the version that failed; where two failed, nobody knows to whom.
    """
    arms = np.full(len(made), -1, dtype=np.int64)
    arms[(made.roles == _CHAMPION) | (made.roles == _EXPLORE)] = 0
    arms[made.roles == _CANARY] = 1
    fell = made.roles == _FALLBACK
    if fell.any():
        failed = {
            version: unanswered(scores) & fell
            for version, scores in made.scores.items()
            if version != FALLBACK_VERSION
        }
        alone = sum(mask.astype(np.int64) for mask in failed.values()) == 1
        arms[failed[champion] & alone] = 0
        arms[failed[canary] & alone] = 1
    return arms
