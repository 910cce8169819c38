"""The evidence of one rollout: does the challenger do harm, or is it proved?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import ROLES, Floats, LossesObserved
from ostinato.release.plans import Rollout
from ostinato.stats.arms import TwoArms
from ostinato.stats.dual import DualEProcess, fixed_sample_size

BURN_IN: Final = 500
"""Paired rows that set the scale and the bets before any evidence is counted. Fewer makes both a
guess; more delays every verdict."""

CAP_FACTOR: Final = 2  # the champion stays after twice the rows a fixed-size test would need
_CANARY: Final = ROLES.index("canary")
_CHAMPION: Final = ROLES.index("champion")


@dataclass(slots=True)
class Proof:
    """Evidence for `challenger` against `champion`.

    `burn_in` collects differences until there are `BURN_IN`; then `test` takes over. `base` and
    `count` give the champion's mean loss, to which the margin is relative.
    """

    champion: str
    challenger: str
    since_ns: int
    paired: bool
    burn_in: list[float] = field(default_factory=list)
    base_sum: float = 0.0
    base_count: int = 0
    test: DualEProcess | TwoArms | None = None

    def take(self, observed: LossesObserved, rollout: Rollout) -> None:
        """Count the rows that were predicted since the proof began."""
        ours, theirs = observed.losses.get(self.challenger), observed.losses.get(self.champion)
        if ours is None or theirs is None:
            return
        fresh = observed.times_ns > self.since_ns
        if self.paired:
            both = fresh & ~np.isnan(ours) & ~np.isnan(theirs)
            self._paired(theirs[both], ours[both], rollout)
        else:
            arm = [observed.versions.index(v) for v in (self.champion, self.challenger)]
            champion = fresh & (observed.answered == arm[0]) & (observed.roles == _CHAMPION)
            challenger = fresh & (observed.answered == arm[1]) & (observed.roles == _CANARY)
            self._arms(theirs[champion & ~np.isnan(theirs)], ours[challenger & ~np.isnan(ours)], rollout)

    def verdict(self, rollout: Rollout) -> str:
        """Return promote, abort, keep or undecided."""
        if self.test is None or self.test.n < rollout.min_samples:
            return "undecided"
        return self.test.verdict

    def evidence(self) -> dict[str, Any]:
        """Write the evidence down for the journal."""
        if self.test is None:
            return {"rows": len(self.burn_in), "burn_in": BURN_IN}
        low, high = self.test.interval()
        facts = {"rows": self.test.n, "gain": self.test.mean, "low": low, "high": high, "margin": self.test.margin}
        if isinstance(self.test, DualEProcess):
            facts["log_e_promote"] = self.test.log_e_promote
            facts["log_e_abort"] = self.test.log_e_abort
            facts["cap_rows"] = self.test.cap
        return facts

    def _paired(self, theirs: Floats, ours: Floats, rollout: Rollout) -> None:
        differences = theirs - ours
        if self.test is None:
            wanted = BURN_IN - len(self.burn_in)
            self.burn_in.extend(differences[:wanted].tolist())
            self.base_sum += float(theirs[:wanted].sum())
            self.base_count += len(theirs[:wanted])
            if len(self.burn_in) < BURN_IN:
                return
            self.test = self._begin(rollout)
            differences = differences[wanted:]
        assert isinstance(self.test, DualEProcess), "a paired proof holds a paired test"
        self.test.update(differences)

    def _begin(self, rollout: Rollout) -> DualEProcess:
        margin = max(rollout.margin * self.base_sum / self.base_count, 1e-12)
        seen = np.array(self.burn_in)
        # Twice the largest difference seen, so that few later ones are cut.
        scale = max(2.0 * float(np.abs(seen).max()), 4.0 * margin)
        moment = max(float((seen**2).mean()), margin**2)
        cap = CAP_FACTOR * fixed_sample_size(margin, moment, alpha=rollout.alpha)
        return DualEProcess.begin(
            margin=margin,
            second_moment=moment,
            cap=max(cap, rollout.min_samples + 1),
            scale=scale,
            alpha=rollout.alpha,
            beta=rollout.beta,
        )

    def _arms(self, theirs: Floats, ours: Floats, rollout: Rollout) -> None:
        if self.test is None:
            self.base_sum += float(theirs.sum())
            self.base_count += len(theirs)
            if self.base_count < BURN_IN:
                return
            margin = rollout.margin * self.base_sum / self.base_count
            self.test = TwoArms.begin(margin=margin, cap=10**9, alpha=rollout.alpha)
        assert isinstance(self.test, TwoArms), "an unpaired proof holds one sequence per arm"
        self.test.update(theirs, ours)
